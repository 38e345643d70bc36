// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <uhd/types/time_spec.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace uhd_virtual {

using host_time = std::chrono::steady_clock::time_point;

//! The host's time that many seconds from now; whatever a caller passes as a timeout is understood.
host_time host_time_after(double seconds);

/*! The clock of a device.
 *
 *  It counts from the moment when the air began, `speed * (1 + ppm / 1e6)` times as fast as the host's steady clock. A
 *  sample has the number `count * rate`. The time that programs see and set is the count plus an offset, which is kept
 *  as a time_spec_t: a double would lose samples.
 */
class clock
{
public:
    clock(host_time epoch, double speed, double ppm, const uhd::time_spec_t& offset);

    //! Device seconds that pass in a second of the air.
    double ratio() const { return d_ratio; }

    //! Number of the sample that is at the antenna now.
    int64_t now(double rate) const;

    //! When the sample is at the antenna.
    host_time instant(int64_t sample, double rate) const;

    //! Samples in a stretch of host time.
    int64_t samples_in(std::chrono::nanoseconds host, double rate) const;

    uhd::time_spec_t time_of(int64_t sample, double rate);
    int64_t sample_at(const uhd::time_spec_t& time, double rate);

    uhd::time_spec_t time_now();
    //! Holds from the last whole millisecond of the count on, so that times a whole number of samples apart from this one
    //! are those of samples, as long as the rate is a whole number of kHz.
    void set_time_now(const uhd::time_spec_t& time);

    //! There is a pulse at each whole second of the count, so all devices of an air without clock_ppm share it.
    uhd::time_spec_t time_at_last_pps();
    void set_time_at_next_pps(const uhd::time_spec_t& time);

private:
    double count() const;
    void apply_pps();

    const host_time d_epoch;
    const double d_ratio, d_counts_per_ns;
    std::mutex d_mutex; // for what follows
    uhd::time_spec_t d_offset;
    int64_t d_pps_second = 0;
    std::optional<uhd::time_spec_t> d_pps_time;
};

} // namespace uhd_virtual
