/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "gaussian_generator.h"
#include "vectorize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace semcom::loopback {

namespace {

uint64_t mix(uint64_t z) // the finaliser of splitmix64
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

inline uint32_t rotl(uint32_t x, int k) { return (x << k) | (x >> (32 - k)); }

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

/* -2 ln(u) for the uniform variable u = bits / 2^31 in (0, 1] */
inline float radius_squared(uint32_t bits)
{
    const float u = static_cast<float>(static_cast<int32_t>((bits >> 1) | 1));
    constexpr uint32_t sqrt_half = 0x3f3504f3;
    const int32_t exponent = static_cast<int32_t>(as_bits(u) - sqrt_half) >> 23;
    const float m = as_float(as_bits(u) - (static_cast<uint32_t>(exponent) << 23)); // sqrt(1/2) .. sqrt(2)
    const float s = (m - 1.0f) / (m + 1.0f); // ln(m) = 2 artanh(s), |s| < 0.172: four terms give 3e-8
    const float s2 = s * s;
    const float ln_m = 2.0f * s * (1.0f + s2 * (1.0f / 3 + s2 * (1.0f / 5 + s2 * (1.0f / 7))));
    return -2.0f * (static_cast<float>(exponent - 31) * 0.693147181f + ln_m);
}

/* xoshiro128++ (Blackman and Vigna), one generator a lane */
template <std::size_t lanes>
inline uint32_t next(uint32_t* s, std::size_t lane)
{
    uint32_t &s0 = s[lane], &s1 = s[lanes + lane], &s2 = s[2 * lanes + lane], &s3 = s[3 * lanes + lane];
    const uint32_t result = rotl(s0 + s3, 7) + s0;
    const uint32_t t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotl(s3, 11);
    return result;
}

template <std::size_t lanes, std::size_t block>
inline void draw_block(uint32_t* state, uint32_t* u, uint32_t* v)
{
    for (std::size_t i = 0; i < block; i += lanes) {
        for (std::size_t lane = 0; lane < lanes; lane++)
            u[i + lane] = next<lanes>(state, lane);
        for (std::size_t lane = 0; lane < lanes; lane++)
            v[i + lane] = next<lanes>(state, lane);
    }
}

/* Box and Muller: radius from u, angle from v; out is re, im, re, im, ... */
inline void box_muller(const uint32_t* u, const uint32_t* v, float* out, std::size_t n)
{
    for (std::size_t i = 0; i < n; i++) {
        const float radius = std::sqrt(radius_squared(u[i]));
        // two bits choose the quadrant, the others an angle of -pi/4 .. pi/4
        const float a = static_cast<float>(static_cast<int32_t>(v[i] << 2)) * (1.57079633f / 4294967296.0f);
        const float a2 = a * a;
        const float sine = radius * a * (1.0f - a2 * (1.0f / 6 - a2 * (1.0f / 120 - a2 * (1.0f / 5040))));
        const float cosine = radius * (1.0f - a2 * (0.5f - a2 * (1.0f / 24 - a2 * (1.0f / 720))));
        const bool odd = v[i] & 0x40000000u;
        const uint32_t sign = v[i] & 0x80000000u;
        out[2 * i] = as_float(as_bits(odd ? -sine : cosine) ^ sign);
        out[2 * i + 1] = as_float(as_bits(odd ? cosine : sine) ^ sign);
    }
}

SEMCOM_VECTORIZE void fill_block_16_512(uint32_t* state, float* out)
{
    alignas(64) uint32_t u[512], v[512];
    draw_block<16, 512>(state, u, v);
    box_muller(u, v, out, 512);
}

SEMCOM_VECTORIZE void add_scaled(float* x, const float* noise, std::size_t n, float scale)
{
    for (std::size_t i = 0; i < n; i++)
        x[i] += scale * noise[i];
}

} // namespace

uint64_t hash(uint64_t seed, uint64_t stream, uint64_t position)
{
    constexpr uint64_t step = 0x9e3779b97f4a7c15u;
    return mix(mix(mix(seed + step) + stream * step + step) + position * step + step);
}

void gaussian_generator::restart(uint64_t seed, uint64_t stream)
{
    for (std::size_t i = 0; i < d_state.size(); i += 2) {
        const uint64_t bits = hash(seed, stream, i);
        d_state[i] = static_cast<uint32_t>(bits) | 1; // never the all-zero state
        d_state[i + 1] = static_cast<uint32_t>(bits >> 32);
    }
    d_used = block;
}

void gaussian_generator::add(std::complex<float>* x, std::size_t n, double variance)
{
    static_assert(lanes == 16 && block == 512, "fill_block_16_512 is made for these");
    const float scale = static_cast<float>(std::sqrt(variance / 2));
    while (n > 0) {
        if (d_used == block) {
            fill_block_16_512(d_state.data(), d_block.data());
            d_used = 0;
        }
        const std::size_t now = std::min(n, block - d_used);
        add_scaled(reinterpret_cast<float*>(x), &d_block[2 * d_used], 2 * now, scale);
        d_used += now;
        x += now;
        n -= now;
    }
}

} // namespace semcom::loopback
