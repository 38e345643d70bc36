// SPDX-License-Identifier: GPL-3.0-or-later
#include "clock.h"

#include <algorithm>
#include <cmath>

namespace uhd_virtual {

using namespace std::chrono;

host_time host_time_after(double seconds)
{
    constexpr double year = 3e7; // and not more, lest nanoseconds overflow
    const double some = std::isnan(seconds) ? 0 : std::clamp(seconds, 0.0, year);
    return steady_clock::now() + duration_cast<nanoseconds>(duration<double>(some));
}

clock::clock(host_time epoch, double speed, double ppm, const uhd::time_spec_t& offset)
    : d_epoch(epoch), d_ratio(1 + ppm * 1e-6), d_counts_per_ns(speed * d_ratio * 1e-9), d_offset(offset)
{
}

double clock::count() const
{
    return duration_cast<nanoseconds>(steady_clock::now() - d_epoch).count() * d_counts_per_ns;
}

int64_t clock::now(double rate) const { return static_cast<int64_t>(std::floor(count() * rate)); }

host_time clock::instant(int64_t sample, double rate) const
{
    constexpr double century = 3e18; // and not more, lest nanoseconds overflow
    const double ns = std::clamp(std::ceil(sample / (rate * d_counts_per_ns)), -century, century);
    return d_epoch + nanoseconds(static_cast<int64_t>(ns));
}

int64_t clock::samples_in(nanoseconds host, double rate) const
{
    return static_cast<int64_t>(std::ceil(host.count() * d_counts_per_ns * rate));
}

uhd::time_spec_t clock::time_of(int64_t sample, double rate)
{
    std::lock_guard lock(d_mutex);
    apply_pps();
    return d_offset + uhd::time_spec_t::from_ticks(sample, rate);
}

int64_t clock::sample_at(const uhd::time_spec_t& time, double rate)
{
    std::lock_guard lock(d_mutex);
    apply_pps();
    return (time - d_offset).to_ticks(rate);
}

uhd::time_spec_t clock::time_now()
{
    std::lock_guard lock(d_mutex);
    apply_pps();
    return d_offset + uhd::time_spec_t(count());
}

void clock::set_time_now(const uhd::time_spec_t& time)
{
    std::lock_guard lock(d_mutex);
    d_pps_time.reset();
    d_offset = time - uhd::time_spec_t::from_ticks(static_cast<long long>(std::floor(count() * 1000)), 1000);
}

uhd::time_spec_t clock::time_at_last_pps()
{
    std::lock_guard lock(d_mutex);
    apply_pps();
    return d_offset + uhd::time_spec_t(std::floor(count()));
}

void clock::set_time_at_next_pps(const uhd::time_spec_t& time)
{
    std::lock_guard lock(d_mutex);
    apply_pps();
    d_pps_second = static_cast<int64_t>(std::floor(count())) + 1;
    d_pps_time = time;
}

void clock::apply_pps()
{
    if (d_pps_time && count() >= d_pps_second) {
        d_offset = *d_pps_time - uhd::time_spec_t(static_cast<double>(d_pps_second));
        d_pps_time.reset();
    }
}

} // namespace uhd_virtual
