// SPDX-License-Identifier: GPL-3.0-or-later
#include "interleaver.h"
#include "prng.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace semcom::phy {

const buffer<uint32_t>& interleaver::order(uint32_t symbols)
{
    const auto known = std::find_if(d_orders.begin(), d_orders.end(),
                                    [=](const auto& order) { return order.size() == symbols; });
    if (known != d_orders.end()) {
        std::rotate(d_orders.begin(), known, known + 1); // the last one used comes first
        return d_orders.front();
    }
    std::rotate(d_orders.begin(), d_orders.end() - 1, d_orders.end());
    auto& order = d_orders.front();
    order.resize(symbols);
    std::iota(order.begin(), order.end(), 0u);
    prng random(symbols);
    for (uint32_t i = symbols; i > 1; --i)
        std::swap(order[i - 1], order[random.below(i)]);
    return order;
}

scrambler::scrambler(uint32_t max_symbols) : d_turns(max_symbols)
{
    static const cf turns[] = { { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 } };
    prng random(static_cast<uint64_t>(sequence::payload_scrambler));
    for (auto& turn : d_turns)
        turn = turns[random.below(4)];
}

} // namespace semcom::phy
