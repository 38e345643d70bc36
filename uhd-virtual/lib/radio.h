// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "air.h"
#include "clock.h"
#include "settings.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

namespace uhd_virtual {

/*! So long on the host; where the air is slower, on the air, so that a loaded machine has longer for this too. */
inline std::chrono::nanoseconds latency(std::chrono::duration<double> on_host, double speed)
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(on_host / std::min(speed, 1.0));
}

/*! One channel of one direction: what the property tree sets while the streamers run, and what they report. */
struct front_end {
    std::atomic<double> rf_hz{ 100e6 }, dsp_hz{ 0 };
    std::atomic<double> gain_db{ 0 };
    std::atomic<double> rate{ 250e3 };
    std::atomic<uint64_t> clipped_samples{ 0 };
    std::atomic<double> power_dbm{ -200 }; //!< of the last block received
    std::atomic<int> streams{ 0 };         //!< that are open; their rate stays
};

/*! What device and streamers share; the streamers may live longer than the device. */
struct radio {
    static constexpr size_t channels = 2; //!< of each direction

    explicit radio(const settings& from)
        : configured(from),
          where(air::open(from.air, from.speed)),
          receive_latency(latency(std::chrono::milliseconds(2), where->speed())),
          transmit_latency(latency(std::chrono::milliseconds(5), where->speed())),
          time(where->epoch(), where->speed(), from.clock_ppm, uhd::time_spec_t(from.time_offset_s))
    {
    }

    double rx_frequency_hz(size_t i) const { return rx[i].rf_hz - rx[i].dsp_hz; }
    double tx_frequency_hz(size_t i) const { return tx[i].rf_hz + tx[i].dsp_hz; }

    const settings configured;
    const std::shared_ptr<air> where;
    //! Samples reach the host so long after they were at the antenna: time for a transmitter to write what is due now.
    const std::chrono::nanoseconds receive_latency;
    //! A burst without a time begins so long after the first send().
    const std::chrono::nanoseconds transmit_latency;
    clock time;
    front_end rx[channels], tx[channels];
    std::vector<size_t> rx_mapping{ 0, 1 }, tx_mapping{ 0, 1 }; //!< from the channels of the subdev spec
};

} // namespace uhd_virtual
