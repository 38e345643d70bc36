// SPDX-License-Identifier: GPL-3.0-or-later
#include "interleaver.h"
#include "prng.h"

#include <numeric>
#include <utility>

namespace semcom::phy {

const buffer<uint32_t>& interleaver::order(uint32_t symbols)
{
    if (d_order.size() != symbols) {
        d_order.resize(symbols);
        std::iota(d_order.begin(), d_order.end(), 0u);
        prng random(symbols);
        for (uint32_t i = symbols; i > 1; --i)
            std::swap(d_order[i - 1], d_order[random.below(i)]);
    }
    return d_order;
}

scrambler::scrambler(uint32_t max_symbols) : d_turns(max_symbols)
{
    static const cf turns[] = { { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 } };
    prng random(static_cast<uint64_t>(sequence::payload_scrambler));
    for (auto& turn : d_turns)
        turn = turns[random.below(4)];
}

} // namespace semcom::phy
