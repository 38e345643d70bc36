// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE clock
#include "clock.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <thread>

using namespace uhd_virtual;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

BOOST_AUTO_TEST_CASE(samples_and_instants_go_together)
{
    const auto epoch = steady::now() - 1h;
    uhd_virtual::clock c(epoch, 0.2, 20, 0.0);
    const double rate = 4e6;
    const int64_t n = c.now(rate);
    BOOST_TEST(std::abs(n - 3600 * 0.2 * (1 + 20e-6) * rate) < 0.1 * rate);
    for (const int64_t sample : { int64_t{ 0 }, n, n + 12345 }) {
        const auto at = c.instant(sample, rate);
        BOOST_TEST(std::abs(std::chrono::duration<double>(at - epoch).count() - sample / (rate * 0.2 * (1 + 20e-6))) < 1e-8);
    }
    BOOST_TEST(c.samples_in(1ms, rate) == 801); // rounded up
    BOOST_TEST((c.instant(std::numeric_limits<int64_t>::max(), 1) > steady::now() + 24h)); // and not in the past
}

BOOST_AUTO_TEST_CASE(times_keep_their_sample_however_large_they_are)
{
    uhd_virtual::clock c(steady::now(), 1, 0, 0.0);
    const double rate = 61.44e6;
    c.set_time_now(uhd::time_spec_t(1'900'000'000, 0.25)); // as seconds since 1970: a double would be 0.2 us off
    for (int64_t sample = 1'000'000; sample < 1'000'100; ++sample)
        BOOST_TEST(c.sample_at(c.time_of(sample, rate), rate) == sample);
}

BOOST_AUTO_TEST_CASE(time_is_set_at_once_or_at_the_next_pulse)
{
    uhd_virtual::clock c(steady::now(), 2, 0, 5.0); // two seconds a second
    BOOST_TEST(c.time_now().get_real_secs() >= 5);
    BOOST_TEST(c.time_now().get_real_secs() < 8);
    c.set_time_at_next_pps(100.0);
    BOOST_TEST(c.time_at_last_pps().get_real_secs() < 50);
    std::this_thread::sleep_for(600ms);
    BOOST_TEST(c.time_now().get_real_secs() >= 100);
    const double pulse = c.time_at_last_pps().get_real_secs();
    BOOST_TEST(pulse == std::floor(pulse));
    c.set_time_now(-3.0);
    BOOST_TEST(c.time_now().get_real_secs() < 0);
}

BOOST_AUTO_TEST_CASE(any_timeout_is_understood)
{
    for (const double seconds : { -1.0, 0.0, std::nan(""), -std::numeric_limits<double>::infinity() }) {
        const auto at = host_time_after(seconds);
        BOOST_TEST((at <= steady::now()));
    }
    for (const double seconds : { 1e300, std::numeric_limits<double>::infinity() })
        BOOST_TEST((host_time_after(seconds) > steady::now() + 24h));
}
