// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>

namespace uhd_virtual {

/*! Shifts samples in frequency. The phase at a sample depends on its number only. */
class mixer
{
public:
    //! Turns sample `first + i` by `cycles_per_sample * (first + i)`.
    void mix(std::complex<float>* x, size_t n, int64_t first, double cycles_per_sample);

private:
    static constexpr size_t block = 256;

    double d_cycles_per_sample = 0;
    std::array<std::complex<float>, block> d_turns{}; // of the samples of a block
};

} // namespace uhd_virtual
