// SPDX-License-Identifier: GPL-3.0-or-later
// The measurements, on the same definitions for every modem. Es/N0 is that of a payload symbol; a burst has a random phase
// and a fractional delay and lies between stretches of noise. All seeds are fixed; one thread.
#pragma once

#include "modem.h"

#include "../header.h"

#include <cmath>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace bench {

//! Payload symbols of a burst, unless said otherwise
constexpr size_t payload = 1000;

struct conditions {
    double esn0_db = 15;
    double cfo_low = -0.01, cfo_high = 0.01; // rad/sample
    double clock_ppm = 0;
};

struct tally {
    int bursts = 0, detected = 0, headers = 0, second = 0;
    std::vector<double> losses_db; //!< true Es/N0 minus that of the delivered symbols' error vector, no gain fitted

    double share(int count) const { return static_cast<double>(count) / bursts; }
    double median_loss_db(); //!< NaN where nothing was delivered
};

//! Sends so many bursts, each to a receiver that has forgotten the one before.
tally measure(modem& m, const conditions& c, int bursts, uint64_t seed);

//! Detections in white noise, and the million samples a second that one core searches.
std::pair<long, double> search_noise(modem& m, size_t count);

//! Million samples a second of bursts back to back at 15 dB; NaN where fewer than nine in ten were delivered.
double receive_bursts(modem& m, int bursts);

struct tdl_profile {
    std::string name;
    std::vector<double> delay, amplitude;
};

//! A line a profile: its name, then for each Rayleigh path the delay in units of the delay spread and the amplitude.
std::vector<tdl_profile> read_profiles(std::istream& in);

struct tdl_result {
    double gap_db; //!< error power, weighed by the channel's gain at each symbol, above that of zero forcing with the true
                   //!< channel: the median over channels
    double arrived, erased; //!< shares: of the bursts; of the symbols of those
};

//! Of our modem over static draws of a profile; \p delay_spread in samples
tdl_result measure_tdl(const tdl_profile& profile, double delay_spread, double esn0_db, int bursts);

//! What carries a payload: the symbols of a codec look Gaussian, those of a digital system may be QPSK.
struct peak_case {
    semcom::phy::waveform waveform;
    bool qpsk;
};

//! By how many dB the samples of our payload exceed their mean power, at the shares given, without a limit.
std::vector<double> exceeded_db(const peak_case& what, const std::vector<double>& shares);

} // namespace bench
