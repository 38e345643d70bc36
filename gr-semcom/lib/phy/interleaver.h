// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "types.h"

#include <cstdint>

namespace semcom::phy {

/*! The order in which the symbols of an image go on air, and their scrambling.
 *
 *  The symbol at place i on air is the image's symbol order(k)[i]. Fisher-Yates with SplitMix64 seeded by k, so that
 *  both ends derive it from k alone; kept until another k is asked for.
 */
class interleaver
{
public:
    const buffer<uint32_t>& order(uint32_t symbols);

private:
    buffer<uint32_t> d_order;
};

/*! Turns by multiples of 90 degrees that keep equal symbols from adding up to a peak. */
class scrambler
{
public:
    explicit scrambler(uint32_t max_symbols);
    cf turn(uint32_t i) const { return d_turns[i]; }

private:
    buffer<cf> d_turns;
};

} // namespace semcom::phy
