// SPDX-License-Identifier: GPL-3.0-or-later
#include "noise.h"
#include "vectorize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace uhd_virtual {

namespace {

uint64_t scramble(uint64_t x) // the finaliser of splitmix64
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

inline uint32_t scramble(uint32_t x) // the finaliser of MurmurHash3
{
    x = (x ^ (x >> 16)) * 0x85ebca6bu;
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x ^ (x >> 16);
}

inline float as_float(uint32_t bits)
{
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline uint32_t as_bits(float x)
{
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* sqrt(-ln u) for u = 2^-24 .. 1, uniform with the bits */
inline float rayleigh(uint32_t bits)
{
    const uint32_t number = as_bits(static_cast<float>(static_cast<int32_t>((bits >> 8) + 1)));
    const float exponent = static_cast<float>(static_cast<int32_t>(number >> 23) - (127 + 24));
    const float x = as_float((number & 0x007fffffu) | 0x3f800000u) - 1;
    // ln(1 + x) / x, fitted over 0 .. 1 to 1.3e-6
    const float p = 0.99999876f +
                    x * (-0.49987192f +
                         x * (0.33112052f +
                              x * (-0.23514864f + x * (0.14943458f + x * (-0.06658805f + x * 0.01420283f)))));
    return std::sqrt(std::max(0.0f, -0.693147181f * exponent - x * p));
}

/* Box and Muller. Samples counter .. counter + n - 1, whose number must not wrap. */
UHD_VIRTUAL_VECTORIZE void add_gaussian(float* x, size_t n, uint32_t counter, const uint32_t* keys, float sigma)
{
    for (size_t i = 0; i < n; ++i) {
        const uint32_t u = scramble(scramble(counter + static_cast<uint32_t>(i)) ^ keys[0]);
        const uint32_t v = scramble(u + keys[1]);
        const float radius = sigma * rayleigh(scramble(u ^ keys[2]));
        // the upper two bits of v turn by quarters, the others by less than an eighth
        const float a = static_cast<float>(static_cast<int32_t>(v << 2)) * (0.785398163f / 2147483648.0f);
        const float a2 = a * a;
        const float sine = a * (1 - a2 * (1.0f / 6) * (1 - a2 * (1.0f / 20) * (1 - a2 * (1.0f / 42))));
        const float cosine = 1 - a2 * 0.5f * (1 - a2 * (1.0f / 12) * (1 - a2 * (1.0f / 30)));
        const bool swapped = v & 0x40000000u;
        const float signed_radius = as_float(as_bits(radius) ^ (v & 0x80000000u));
        x[2 * i] += signed_radius * (swapped ? -sine : cosine);
        x[2 * i + 1] += signed_radius * (swapped ? cosine : sine);
    }
}

} // namespace

uint64_t derive_seed(uint64_t seed, uint64_t stream)
{
    return scramble(scramble(seed + 0x9e3779b97f4a7c15u) + (stream + 1) * 0x9e3779b97f4a7c15u);
}

void add_noise(std::complex<float>* x, size_t n, uint64_t seed, int64_t first_sample, double variance)
{
    const float sigma = static_cast<float>(std::sqrt(variance));
    while (n > 0) {
        const uint64_t position = static_cast<uint64_t>(first_sample);
        const uint64_t epoch = derive_seed(seed, position >> 32);
        const uint64_t more = scramble(epoch);
        const uint32_t keys[] = { static_cast<uint32_t>(epoch), static_cast<uint32_t>(epoch >> 32),
                                  static_cast<uint32_t>(more) };
        const uint32_t counter = static_cast<uint32_t>(position);
        const size_t now = std::min<uint64_t>(n, (uint64_t{ 1 } << 32) - counter);
        add_gaussian(reinterpret_cast<float*>(x), now, counter, keys, sigma);
        x += now;
        n -= now;
        first_sample += now;
    }
}

} // namespace uhd_virtual
