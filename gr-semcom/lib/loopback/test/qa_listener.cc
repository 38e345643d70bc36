/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "loopback/channel.h"
#include "loopback/listener.h"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>

using namespace semcom::loopback;
using samples = std::vector<std::complex<float>>;

namespace {

constexpr double samp_rate = 1e6;

double power(const samples& x)
{
    double sum = 0;
    for (const auto& v : x)
        sum += std::norm(v) / x.size();
    return sum;
}

/* A listener, and what it gives out in calls of at most `chunk` samples */
struct hearing {
    explicit hearing(const impairments& settings, uint64_t seed = 1, std::size_t chunk = 1000, double rate = samp_rate)
        : source(queue, rate, settings, seed), out(chunk)
    {
    }

    void send(const samples& burst, event start = event::burst_start)
    {
        queue.push(start);
        queue.push(burst.data(), burst.size());
        queue.push(event::end);
    }

    samples take(std::size_t n) // the segment of the next burst, of n samples
    {
        auto made = source.produce(out.data(), out.size());
        while (!made.burst_starts)
            made = source.produce(out.data(), out.size());
        const std::size_t length = source.burst().lead + n + source.burst().filter.size() - 1;
        samples segment(out.begin(), out.begin() + made.samples);
        while (segment.size() < length) {
            made = source.produce(out.data(), std::min(out.size(), length - segment.size()));
            segment.insert(segment.end(), out.begin(), out.begin() + made.samples);
        }
        return segment;
    }

    sample_queue queue;
    listener source;
    samples out;
};

samples burst_of(std::size_t n, float amplitude = 1)
{
    samples x(n);
    for (std::size_t i = 0; i < n; i++)
        x[i] = amplitude * std::complex<float>(std::polar(1.0, 0.005 * i * i));
    return x;
}

} // namespace

BOOST_AUTO_TEST_SUITE(hearing_bursts)

BOOST_AUTO_TEST_CASE(same_bursts_and_seed_give_the_same_samples_however_they_are_taken)
{
    impairments settings;
    settings.cfo_spread_hz = 5000;
    settings.fading = "rayleigh";
    settings.taps = { 1, 1, 1 };
    hearing coarse(settings, 3, 4096), fine(settings, 3, 37), other_seed(settings, 4, 4096);
    for (auto* h : { &coarse, &fine, &other_seed })
        for (const std::size_t n : { 500, 1, 2000 })
            h->send(burst_of(n));
    for (const std::size_t n : { 500, 1, 2000 }) {
        const samples a = coarse.take(n), b = fine.take(n), c = other_seed.take(n);
        BOOST_TEST((a == b));
        BOOST_TEST((a != c));
    }
}

BOOST_AUTO_TEST_CASE(a_burst_lies_in_its_segment_at_the_delay_drawn)
{
    impairments settings;
    settings.snr_db = std::numeric_limits<double>::infinity();
    hearing h(settings);
    for (int i = 0; i < 20; i++) {
        h.send(burst_of(100));
        const samples segment = h.take(100);
        const double delay = h.source.burst().delay_samples;
        double energy = 0, centroid = 0; // every sample of the burst has energy 1
        for (std::size_t n = 0; n < segment.size(); n++) {
            energy += std::norm(segment[n]);
            centroid += n * std::norm(segment[n]);
        }
        BOOST_TEST(energy == 100, boost::test_tools::tolerance(0.02));
        BOOST_TEST(std::abs(centroid / energy - (delay + 49.5)) < 1);
    }
}

BOOST_AUTO_TEST_CASE(noise_flows_at_the_nominal_rate_while_nobody_sends)
{
    impairments settings;
    settings.snr_db = 10;
    hearing h(settings);
    const auto start = std::chrono::steady_clock::now();
    samples noise;
    while (noise.size() < 200000) {
        const auto made = h.source.produce(h.out.data(), h.out.size());
        BOOST_REQUIRE(!made.burst_starts && made.samples > 0);
        noise.insert(noise.end(), h.out.begin(), h.out.begin() + made.samples);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    BOOST_TEST(seconds > 0.14); // 0.2 s less the 0.05 s of backlog allowed
    BOOST_TEST(seconds < 2.0);  // generous: the machine may be busy
    BOOST_TEST(power(noise) == 0.1, boost::test_tools::tolerance(0.02));
}

BOOST_AUTO_TEST_CASE(bursts_pass_faster_than_the_nominal_rate)
{
    hearing h({}, 1, 4096, samp_rate / 10);
    std::thread sender([&] {
        for (int i = 0; i < 20; i++)
            h.send(burst_of(100000));
    });
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; i++)
        h.take(100000);
    sender.join();
    BOOST_TEST(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 10); // nominal: 20 s
}

BOOST_AUTO_TEST_CASE(a_change_holds_from_the_next_burst_on)
{
    impairments settings;
    settings.max_delay_samples = 0;
    settings.snr_db = 30;
    hearing h(settings);
    h.queue.push(event::burst_start);
    const samples x = burst_of(10000, 0);
    h.queue.push(x.data(), 5000);
    const samples first = h.take(5000);
    h.source.change([](impairments& s) { s.snr_db = 0; });
    h.queue.push(&x[5000], 5000);
    h.queue.push(event::end);
    samples second(5000);
    for (std::size_t at = 0; at < second.size();)
        at += h.source.produce(&second[at], second.size() - at).samples;
    BOOST_TEST(power(first) == 0.001, boost::test_tools::tolerance(0.1));
    BOOST_TEST(power(second) == 0.001, boost::test_tools::tolerance(0.1));
    h.send(x);
    BOOST_TEST(power(h.take(10000)) == 1, boost::test_tools::tolerance(0.1));
    BOOST_CHECK_THROW(h.source.change([](impairments& s) { s.snr_db = NAN; }), std::invalid_argument);
    BOOST_TEST(h.source.settings().snr_db == 0);
}

BOOST_AUTO_TEST_CASE(a_change_holds_at_once_in_a_stream)
{
    impairments settings;
    settings.max_delay_samples = 0;
    settings.snr_db = 30;
    hearing h(settings);
    const samples x = burst_of(5000, 0);
    h.queue.push(event::stream_start);
    for (const double snr_db : { 30.0, 10.0, 20.0 }) {
        h.source.change([&](impairments& s) { s.snr_db = snr_db; });
        h.queue.push(x.data(), x.size());
        samples y(x.size());
        for (std::size_t at = 0; at < y.size();)
            at += h.source.produce(&y[at], y.size() - at).samples;
        BOOST_TEST(power(y) == std::pow(10, -snr_db / 10), boost::test_tools::tolerance(0.1));
    }
}

BOOST_AUTO_TEST_CASE(a_sender_that_stalls_within_a_burst_is_heard_as_noise_until_it_goes_on)
{
    impairments settings;
    settings.snr_db = 40;
    settings.max_delay_samples = 0;
    hearing h(settings);
    const samples x = burst_of(2000);
    h.queue.push(event::burst_start);
    h.queue.push(x.data(), 1000);
    BOOST_TEST(power(h.take(1000)) > 0.9);
    const auto made = h.source.produce(h.out.data(), h.out.size()); // after a second
    BOOST_TEST(power(samples(h.out.begin(), h.out.begin() + made.samples)) < 0.001);
    h.queue.push(&x[1000], 1000);
    double loudest = 0;
    for (int i = 0; i < 200 && loudest < 0.9; i++) {
        h.source.produce(h.out.data(), 100);
        loudest = power(samples(h.out.begin(), h.out.begin() + 100));
    }
    BOOST_TEST(loudest > 0.9);
}

BOOST_AUTO_TEST_CASE(who_listens_late_hears_the_rest_of_a_burst)
{
    impairments settings;
    hearing h(settings);
    const samples x = burst_of(1000);
    h.queue.push(x.data(), x.size()); // its start went by
    h.queue.push(event::end);
    BOOST_TEST(power(h.take(1000)) > 0.9);
}

BOOST_AUTO_TEST_CASE(a_channel_has_two_ends_of_one_rate)
{
    const auto sink = open_channel("ends", role::sink, samp_rate);
    BOOST_CHECK_THROW(open_channel("ends", role::sink, samp_rate), std::invalid_argument);
    BOOST_CHECK_THROW(open_channel("ends", role::source, 2 * samp_rate), std::invalid_argument);
    auto source = open_channel("ends", role::source, samp_rate);
    BOOST_TEST(&sink->queue() == &source->queue());
    BOOST_TEST(&open_channel("elsewhere", role::source, samp_rate)->queue() != &sink->queue());
    source.reset();
    BOOST_CHECK_NO_THROW(open_channel("ends", role::source, samp_rate));
    for (const char* address : { "", "udp://localhost:1", "tcp://" })
        BOOST_CHECK_THROW(open_channel(address, role::sink, samp_rate), std::exception);
    BOOST_CHECK_THROW(open_channel("rate", role::sink, 0), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
