// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "types.h"

#include <cstdint>
#include <vector>

namespace semcom::phy {

/*! The order in which the symbols of a fragment go on air.
 *
 *  The symbol at place i on air is the fragment's symbol order(m)[i], m being how many it has. Fisher-Yates with SplitMix64
 *  seeded by m, so that both ends derive it from m alone. Those of the last few m are kept: an image has fragments of two
 *  lengths.
 */
class interleaver
{
public:
    //! Valid until the next call.
    const buffer<uint32_t>& order(uint32_t symbols);

private:
    std::vector<buffer<uint32_t>> d_orders{ 4 }; // the last used first
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
