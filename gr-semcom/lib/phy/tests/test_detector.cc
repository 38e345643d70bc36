// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE detector
#include "support.h"

#include "../detector.h"

#include <boost/test/unit_test.hpp>

using namespace test;
namespace phy = semcom::phy;

namespace {

//! How far P lies behind the beginning of a burst
int64_t p_offset() { return phy::burst_shape{}.ramp_samples + phy::frame_params{}.cyclic_prefix; }

//! Where a detector finds preambles in a stream.
std::vector<int64_t> find_all(const samples& stream, double false_alarm)
{
    const phy::frame_params params;
    const phy::preamble known(params);
    phy::detector detector(params, known, false_alarm);
    std::vector<int64_t> found;
    int64_t from = 0;
    while (true) {
        const int64_t block = from / detector.hop() * detector.hop();
        if (block + detector.block() > static_cast<int64_t>(stream.size()))
            return found;
        if (const auto at = detector.scan(&stream[block], block, from)) {
            found.push_back(*at);
            from = std::max(from, *at + params.preamble_samples());
        } else {
            from = block + detector.hop();
        }
    }
}

samples noise(size_t count, double variance, rng& random)
{
    samples out = gaussian(count, random);
    for (auto& value : out)
        value *= std::sqrt(variance);
    return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(false_alarms_are_no_more_frequent_than_asked_for)
{
    rng random(1);
    const samples stream = noise(3000000, 1, random);
    const auto count = find_all(stream, 1e-4).size(); // neighbours count once, and the union bound is one: less than 300
    BOOST_TEST(count > 120);
    BOOST_TEST(count < 320);
}

BOOST_AUTO_TEST_CASE(threshold_falls_as_false_alarms_are_allowed)
{
    double last = 1;
    for (double false_alarm : { 1e-15, 1e-12, 1e-9, 1e-6, 1e-3 }) {
        const double threshold = phy::detection_threshold(128, false_alarm);
        BOOST_TEST(threshold < last);
        last = threshold;
    }
}

BOOST_AUTO_TEST_CASE(one_detection_a_burst_at_the_right_place_over_the_cfo_range_at_any_level)
{
    rng random(2);
    phy::transmitter tx({}, 4096);
    for (double level_db : { -120, -40, 0, 40, 120 })
        for (double cfo : { -0.06, -0.0245, 0.0, 0.037, 0.06 }) {
            channel_sim channel;
            channel.cfo = cfo;
            channel.noise_var = 0.3;
            samples stream = channel.run(bursts(tx, info(200), gaussian(200, random))[0], 3000, 6000, random);
            for (auto& value : stream)
                value *= std::pow(10.0, level_db / 20);
            const auto found = find_all(stream, 1e-12);
            BOOST_REQUIRE_EQUAL(found.size(), 1u);
            BOOST_TEST(std::abs(found[0] - 3000 - p_offset()) <= 1);
        }
}

BOOST_AUTO_TEST_CASE(nothing_is_found_in_tones_steps_impulses_and_silence)
{
    rng random(3);
    samples stream = noise(200000, 1e-3, random);
    for (size_t n = 20000; n < 60000; ++n)
        stream[n] += cf(std::polar(3.0, 0.1 * n));
    for (size_t n = 60000; n < 90000; ++n)
        stream[n] *= 1000;
    stream[100000] = 1e6;
    std::fill(stream.begin() + 120000, stream.begin() + 140000, cf{});
    std::fill(stream.begin() + 150000, stream.begin() + 160000, cf(0.7f, 0.2f));
    BOOST_TEST(find_all(stream, 1e-12).empty());
}

BOOST_AUTO_TEST_CASE(a_strong_burst_is_found_once_and_a_weak_one_behind_it_too)
{
    rng random(4);
    phy::transmitter tx({}, 4096);
    samples strong = bursts(tx, info(300), gaussian(300, random))[0];
    const samples weak = bursts(tx, info(300), gaussian(300, random))[0];
    for (auto& value : strong)
        value *= 300;
    samples stream = noise(12000, 0.1, random);
    for (size_t n = 0; n < strong.size(); ++n)
        stream[1000 + n] += strong[n];
    const size_t second = 1000 + strong.size();
    for (size_t n = 0; n < weak.size(); ++n)
        stream[second + n] += weak[n];
    const auto found = find_all(stream, 1e-12);
    BOOST_REQUIRE_EQUAL(found.size(), 2u);
    BOOST_TEST(found[0] == 1000 + p_offset());
    BOOST_TEST(found[1] == static_cast<int64_t>(second) + p_offset());
}
