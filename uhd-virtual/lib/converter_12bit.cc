// SPDX-License-Identifier: GPL-3.0-or-later
#include "converter_12bit.h"
#include "vectorize.h"

#include <algorithm>
#include <cmath>

namespace uhd_virtual {

namespace {

constexpr int highest = 2047, step = 16;

UHD_VIRTUAL_VECTORIZE size_t round_to_12_bits(int16_t* x, size_t n)
{
    size_t clipped = 0;
    for (size_t i = 0; i < n; ++i) {
        int both = 0;
        for (size_t k = 2 * i; k < 2 * i + 2; ++k) {
            const int rounded = (x[k] + step / 2) >> 4;
            const int value = std::min(std::max(rounded, -highest), highest);
            both |= value != rounded;
            x[k] = static_cast<int16_t>(value * step);
        }
        clipped += both;
    }
    return clipped;
}

inline float limit(float x) // and no number becomes a number
{
    const float above = x > -highest ? x : -highest;
    return above < highest ? above : highest;
}

UHD_VIRTUAL_VECTORIZE size_t quantise(const float* x, size_t n, float scale, int16_t* out)
{
    size_t clipped = 0;
    for (size_t i = 0; i < n; ++i) {
        const float re = std::nearbyint(x[2 * i] * scale), im = std::nearbyint(x[2 * i + 1] * scale);
        const float a = limit(re), b = limit(im);
        clipped += (a != re) | (b != im);
        out[2 * i] = static_cast<int16_t>(static_cast<int>(a) * step);
        out[2 * i + 1] = static_cast<int16_t>(static_cast<int>(b) * step);
    }
    return clipped;
}

} // namespace

size_t convert_to_analog(sc16* x, size_t n) { return round_to_12_bits(reinterpret_cast<int16_t*>(x), n); }

size_t convert_to_digital(const std::complex<float>* x, size_t n, float scale, sc16* out)
{
    return quantise(reinterpret_cast<const float*>(x), n, scale * (highest + 1), reinterpret_cast<int16_t*>(out));
}

} // namespace uhd_virtual
