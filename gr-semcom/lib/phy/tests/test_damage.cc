// SPDX-License-Identifier: GPL-3.0-or-later
// Long bursts of which a part is gone: it is erased, and the rest as good as ever.
#define BOOST_TEST_MODULE damage
#include "support.h"

#include <boost/test/unit_test.hpp>

using namespace test;
namespace phy = semcom::phy;

namespace {

//! What became of a burst's OFDM symbols number begin .. end - 1.
struct part {
    double error = 0, honesty = 0; // mean squared error of the symbols that are not erased, and that over their variance
    double erased = 0;             // share
};

part part_of(const phy::received_image& image, const samples& sent, int begin, int end)
{
    phy::interleaver interleaver;
    const auto& order = interleaver.order(sent.size());
    const size_t a_symbol = phy::frame_params{}.data_carriers(), last = std::min(sent.size(), end * a_symbol);
    part p;
    double there = 0, count = 0;
    for (size_t i = begin * a_symbol; i < last; ++i, ++count) {
        const uint32_t n = order[i];
        if (std::isinf(image.noise_var[n]))
            continue;
        p.error += std::norm(image.symbols[n] - sent[n]);
        p.honesty += std::norm(image.symbols[n] - sent[n]) / image.noise_var[n];
        ++there;
    }
    p.erased = 1 - there / count;
    p.error /= std::max(1.0, there);
    p.honesty /= std::max(1.0, there);
    return p;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_came_of_a_long_burst_that_was_cut_off_is_as_good_as_ever)
{
    rng random(21);
    const phy::frame_params params;
    for (const auto& taps : { std::vector<cf>{ 1 }, std::vector<cf>{ 0.7f, 0, 0, 0, { 0.2f, -0.65f } } }) // nearly a notch
        for (uint32_t count : { 4096u, 16384u })
            for (double esn0_db : { 0, 10, 30 }) {
                phy::transmitter tx({}, 16384);
                const samples sent = gaussian(count, random);
                const int symbols = params.payload_ofdm_symbols(count), kept = symbols / 2;
                samples air = bursts(tx, info(count), sent)[0];
                const size_t end = phy::burst_shape{}.ramp_samples + params.frame_samples(0) + kept * params.symbol_samples();
                std::fill(air.begin() + end, air.end(), cf{});
                channel_sim channel;
                channel.taps = taps;
                channel.noise_var = std::pow(10, -esn0_db / 10);
                channel.cfo = -0.004;
                channel.clock_ppm = 20;
                const auto found = receive(channel.run(air, 500, 2500, random));
                BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
                const part there = part_of(found.images[0], sent, 0, kept - 3);
                const part gone = part_of(found.images[0], sent, kept + 3, symbols);
                BOOST_TEST(there.erased == 0);
                BOOST_TEST(std::abs(there.honesty - 1) < (taps.size() == 1 ? 0.1 : 1));
                BOOST_TEST(gone.erased == 1);
                if (taps.size() == 1)
                    BOOST_TEST(10 * std::log10(there.error / channel.noise_var) < (count > 5000 ? 0.3 : 0.4));
            }
}

BOOST_AUTO_TEST_CASE(a_stronger_burst_in_the_tail_costs_a_weak_one_the_tail_only)
{
    rng random(22);
    const phy::frame_params params;
    for (uint32_t count : { 1000u, 4096u }) {
        phy::transmitter tx({}, 16384);
        const samples sent = gaussian(count, random);
        samples air = bursts(tx, info(count, 1), sent)[0];
        const samples strong = bursts(tx, info(500, 2), gaussian(500, random))[0];
        const size_t at = air.size() - 5 * params.symbol_samples();
        air.resize(at + strong.size());
        for (size_t n = 0; n < strong.size(); ++n)
            air[at + n] += 10.0f * strong[n];
        channel_sim channel;
        channel.noise_var = 0.01;
        channel.cfo = 0.003;
        const auto found = receive(channel.run(air, 500, 3000, random));
        BOOST_REQUIRE_EQUAL(found.images.size(), 2u);
        const int symbols = params.payload_ofdm_symbols(count);
        const part clean = part_of(found.images[0], sent, 0, symbols - 6), hit = part_of(found.images[0], sent, symbols - 4, symbols);
        BOOST_TEST(clean.erased == 0);
        BOOST_TEST(10 * std::log10(clean.error / 0.01) < 0.5);
        BOOST_TEST(hit.erased == 1);
    }
}

BOOST_AUTO_TEST_CASE(nothing_of_a_whole_burst_is_erased)
{
    rng random(23);
    const phy::frame_params params;
    phy::transmitter tx({}, 16384);
    channel_sim flat, notch;
    notch.taps = { 0.7f, 0, 0, 0, { 0.2f, -0.65f } };
    for (auto channel : { flat, notch })
        for (double esn0_db : { -3, 0, 10, 30 })
            for (int i = 0; i < 4; ++i) {
                channel.noise_var = std::pow(10, -esn0_db / 10);
                channel.clock_ppm = 20;
                channel.cfo = uniform(-0.06, 0.06, random);
                const samples sent = gaussian(16384, random);
                const auto found = receive(channel.run(bursts(tx, info(16384), sent)[0], 500, 500, random));
                BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
                BOOST_TEST(part_of(found.images[0], sent, 0, params.payload_ofdm_symbols(16384)).erased == 0);
            }
}
