// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>

namespace uhd_virtual {

/*! Adds circular complex Gaussian noise of the given variance.
 *
 *  The value at a sample depends on the seed and on the sample's number only, so that the same stretch of time has the same
 *  noise however it is read. It reaches 5.7 standard deviations a dimension.
 */
void add_noise(std::complex<float>* x, size_t n, uint64_t seed, int64_t first_sample, double variance);

//! Independent 64-bit values for the pairs (seed, stream).
uint64_t derive_seed(uint64_t seed, uint64_t stream);

} // namespace uhd_virtual
