// SPDX-License-Identifier: GPL-3.0-or-later
#include "mixer.h"
#include "vectorize.h"

#include <algorithm>
#include <cmath>

namespace uhd_virtual {

namespace {

std::complex<float> turn(double cycles)
{
    return std::complex<float>(std::polar(1.0, 2 * M_PI * (cycles - std::floor(cycles))));
}

UHD_VIRTUAL_VECTORIZE void multiply(float* x, const float* turns, size_t n, float re, float im)
{
    for (size_t i = 0; i < n; ++i) {
        const float c = turns[2 * i] * re - turns[2 * i + 1] * im;
        const float s = turns[2 * i] * im + turns[2 * i + 1] * re;
        const float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = a * c - b * s;
        x[2 * i + 1] = a * s + b * c;
    }
}

} // namespace

void mixer::mix(std::complex<float>* x, size_t n, int64_t first, double cycles_per_sample)
{
    if (cycles_per_sample == 0)
        return;
    if (cycles_per_sample != d_cycles_per_sample) {
        for (size_t i = 0; i < block; ++i)
            d_turns[i] = turn(cycles_per_sample * i);
        d_cycles_per_sample = cycles_per_sample;
    }
    for (size_t done = 0; done < n; done += block) {
        const std::complex<float> base = turn(cycles_per_sample * (first + static_cast<int64_t>(done)));
        multiply(reinterpret_cast<float*>(x + done), reinterpret_cast<const float*>(d_turns.data()),
                 std::min(block, n - done), base.real(), base.imag());
    }
}

} // namespace uhd_virtual
