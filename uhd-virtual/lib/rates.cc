// SPDX-License-Identifier: GPL-3.0-or-later
#include "rates.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace uhd_virtual {

namespace {

constexpr double lowest_clock = 5e6, highest_clock = 61.44e6;
constexpr int highest_divisor = 512;

bool is_divisor(int n) { return n <= 128 || (n <= 256 && n % 2 == 0) || n % 4 == 0; }

} // namespace

uhd::meta_range_t master_clock_range() { return { lowest_clock, highest_clock }; }

uhd::meta_range_t sample_rates(double master_clock)
{
    uhd::meta_range_t result;
    for (int n = highest_divisor; n > 0; --n)
        if (is_divisor(n))
            result.push_back(uhd::range_t(master_clock / n));
    return result;
}

double nearest_sample_rate(double rate, double master_clock)
{
    double nearest = master_clock;
    for (const uhd::range_t& each : sample_rates(master_clock))
        if (std::abs(each.start() - rate) < std::abs(nearest - rate))
            nearest = each.start();
    return nearest;
}

double choose_master_clock(const std::vector<double>& rates)
{
    double common = std::clamp(rates.at(0), lowest_clock / highest_divisor, highest_clock);
    for (const double rate : rates) {
        const auto both = std::lcm(std::llround(common), std::max(1LL, std::llround(rate)));
        if (both <= highest_clock && common == std::round(common) && rate == std::round(rate))
            common = static_cast<double>(both);
    }
    const int doublings = std::clamp(std::ilogb(highest_clock / common), 0, std::ilogb(highest_divisor));
    return std::clamp(std::ldexp(common, doublings), lowest_clock, highest_clock);
}

} // namespace uhd_virtual
