// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>

namespace uhd_virtual {

// Levels as those of a B210 about are: +10 dBm at the highest transmit gain; 0 dBm fills the receiver at gain 0.
constexpr double tx_gain_max_db = 89.75, rx_gain_max_db = 76;

//! Power in dBm that a full-scale signal, |x| = 1, is sent with.
inline double tx_full_scale_dbm(double gain_db) { return 10 - (tx_gain_max_db - gain_db); }

//! Power in dBm at the antenna that comes out at full scale, |x| = 1.
inline double rx_full_scale_dbm(double gain_db) { return -gain_db; }

//! kTB at 290 K, and what the receiver adds.
inline double noise_dbm(double rate, double noise_figure_db)
{
    return -173.975 + 10 * std::log10(rate) + noise_figure_db;
}

inline double amplitude(double db) { return std::pow(10, db / 20); }
inline double ratio(double db) { return std::pow(10, db / 10); }

} // namespace uhd_virtual
