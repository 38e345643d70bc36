// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace semcom::phy {

/*! SplitMix64. Part of the air interface: pilots, scramblers and interleavers come from it,
 *  so its output must never change.
 */
class prng
{
public:
    explicit prng(uint64_t seed) : d_state(seed) {}

    uint64_t next()
    {
        uint64_t z = (d_state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    //! Uniform integer in [0, bound), for a bound below 2^32.
    uint32_t below(uint32_t bound) { return ((next() >> 32) * bound) >> 32; }

private:
    uint64_t d_state;
};

//! Seeds of the sequences that both ends derive.
enum class sequence : uint64_t { pilots = 1, filler, payload_scrambler, header_scrambler };

} // namespace semcom::phy
