// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <uhd/types/ranges.hpp>

#include <vector>

namespace uhd_virtual {

// The clocks of a B210: the master clock is 5 to 61.44 MHz, and a sample rate is that divided by 1 to 128, by an even
// number to 256 or by a multiple of 4 to 512.

uhd::meta_range_t master_clock_range();

//! Sample rates at a master clock, in Hz, rising.
uhd::meta_range_t sample_rates(double master_clock);

//! The sample rate at this master clock that is nearest to the one asked for.
double nearest_sample_rate(double rate, double master_clock);

/*! Chooses the master clock for all these sample rates (Hz): the greatest power of two times their least common
 *  multiple. If they have none, the first decides.
 */
double choose_master_clock(const std::vector<double>& rates);

} // namespace uhd_virtual
