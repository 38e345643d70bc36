// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <volk/volk_alloc.hh>
#include <complex>

namespace semcom::phy {

using cf = std::complex<float>;

/*! A vector whose memory is aligned for VOLK and FFTW. */
template <typename T>
using buffer = volk::vector<T>;

//! Product of two complex numbers without the checks for Inf and NaN that operator* makes.
inline cf mul(cf a, cf b)
{
    return { a.real() * b.real() - a.imag() * b.imag(),
             a.real() * b.imag() + a.imag() * b.real() };
}

//! conj(a) * b
inline cf conj_mul(cf a, cf b)
{
    return { a.real() * b.real() + a.imag() * b.imag(),
             a.real() * b.imag() - a.imag() * b.real() };
}

} // namespace semcom::phy
