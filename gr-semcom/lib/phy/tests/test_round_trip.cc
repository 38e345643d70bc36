// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE round_trip
#include "support.h"

#include <boost/test/unit_test.hpp>

using namespace test;
namespace phy = semcom::phy;

namespace {

double loss_db(const channel_sim& channel, uint32_t symbols, uint64_t seed, double* err_over_var = nullptr)
{
    rng random(seed);
    phy::transmitter tx({}, 4096);
    std::vector<double> losses;
    double normalised = 0;
    for (int i = 0; i < 40; ++i) {
        channel_sim now = channel;
        now.delay = uniform(0, 1, random);
        now.phase = uniform(-M_PI, M_PI, random);
        now.cfo = uniform(-0.01, 0.01, random);
        const samples sent = gaussian(symbols, random);
        const auto found = receive(now.run(join(frames(tx, info(symbols), sent)), 500, 500, random));
        BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
        BOOST_REQUIRE_EQUAL(found.reports.size(), 1u);
        const auto& image = found.images[0];
        BOOST_TEST(std::abs(found.reports[0].cfo - now.cfo) < 2e-3);
        losses.push_back(10 * std::log10(error_power(sent, image.symbols) / channel.noise_var));
        for (size_t n = 0; n < symbols; ++n)
            normalised += std::norm(image.symbols[n] - sent[n]) / image.noise_var[n] / symbols / 40;
    }
    if (err_over_var)
        *err_over_var = normalised;
    std::nth_element(losses.begin(), losses.begin() + 20, losses.end());
    return losses[20];
}

//! Mean |H|^2 over the data carriers.
double mean_gain(const std::vector<cf>& taps)
{
    const phy::frame_params params;
    const phy::carrier_map map(params);
    double sum = 0;
    for (int c : map.data()) {
        cf h;
        for (size_t d = 0; d < taps.size(); ++d)
            h += taps[d] * cf(std::polar(1.0, -2 * M_PI * map.frequency(c) * d / params.fft_size));
        sum += std::norm(h);
    }
    return sum / map.data().size();
}

} // namespace

BOOST_AUTO_TEST_CASE(images_of_any_size_come_back_whole)
{
    rng random(1);
    for (int i = 0; i < 30; ++i) {
        const uint32_t symbols = i < 3 ? i + 1 : 1 + random() % (i < 25 ? 3000 : 40000);
        const uint32_t fragment = i % 2 ? 4096 : 1 + random() % 5000 + symbols / 20;
        phy::transmitter tx({}, fragment);
        phy::image_info image = info(symbols, random());
        image.codec_id = random();
        image.height = 1 + random() % phy::max_image_side;
        image.width = 1 + random() % phy::max_image_side;
        image.scale = phy::quantise_scale(uniform(0.01, 100, random));
        const samples sent = gaussian(symbols, random);
        const auto parts = frames(tx, image, sent);
        for (const auto& part : parts)
            BOOST_TEST(part.size() <= tx.max_frame_samples());
        phy::receiver_counters counters;
        const auto found = receive(join(parts, random() % 200), &counters);
        BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
        const auto& got = found.images[0];
        BOOST_TEST((got.info == image));
        BOOST_TEST(got.fragments == parts.size());
        BOOST_TEST(got.fragments_lost == 0u);
        BOOST_TEST(counters.frames == parts.size());
        BOOST_TEST(counters.header_failures == 0u);
        for (uint32_t n = 0; n < symbols; ++n)
            BOOST_REQUIRE(std::abs(got.symbols[n] / float(image.scale) - sent[n]) < 1e-3);
    }
}

BOOST_AUTO_TEST_CASE(interleaver_is_a_permutation_that_depends_on_the_length_only)
{
    for (uint32_t symbols : { 1u, 2u, 100u, 4096u, 100003u }) {
        phy::interleaver one, two;
        two.order(7);
        const auto& order = one.order(symbols);
        BOOST_TEST((order == two.order(symbols)));
        std::vector<uint32_t> sorted(order.begin(), order.end());
        std::sort(sorted.begin(), sorted.end());
        for (uint32_t i = 0; i < symbols; ++i)
            BOOST_REQUIRE(sorted[i] == i);
    }
}

BOOST_AUTO_TEST_CASE(the_air_interface_is_the_one_of_version_1)
{
    BOOST_REQUIRE(phy::header_version == 1);
    const phy::frame_params params;
    phy::header_code code(params);
    phy::header h;
    h.image = { 3, 7, 32, 48, 512, 1.0 };
    h.sequence = 200;
    h.fragment = 1;
    h.fragments = 3;
    samples symbols(code.symbols());
    code.encode(h, symbols.data());
    uint64_t hash = 0xcbf29ce484222325; // FNV-1a
    for (const cf& symbol : symbols)
        hash = (hash ^ ((symbol.real() < 0) | (symbol.imag() < 0) << 1)) * 0x100000001b3;
    BOOST_TEST(hash == 0xe0e4a8c03e7e7a77);
    phy::interleaver interleaver;
    const auto& order = interleaver.order(1000);
    BOOST_TEST((order[0] == 955 && order[1] == 893 && order[999] == 234));
}

BOOST_AUTO_TEST_CASE(payload_carriers_have_the_energy_of_the_symbols_and_the_preamble_a_sane_peak)
{
    rng random(2);
    const phy::frame_params params;
    phy::transmitter tx(params, 4096);
    samples sent = gaussian(4096, random);
    const samples frame = frames(tx, info(4096), sent)[0];
    const size_t payload = params.preamble_samples() + params.header_samples();
    double energy = 0, peak = 0, body = 0;
    for (size_t n = payload; n < frame.size(); ++n)
        energy += std::norm(frame[n]);
    energy /= frame.size() - payload;
    BOOST_TEST(std::abs(energy * params.fft_size / params.used_carriers - 1) < 0.05);
    for (int n = 0; n < params.preamble_samples(); ++n) {
        peak = std::max<double>(peak, std::norm(frame[n]));
        body += std::norm(frame[n]) / params.preamble_samples();
    }
    BOOST_TEST(10 * std::log10(peak / body) < 3);
    for (auto& value : sent)
        value = { 0.6f, 0.8f }; // equal symbols must not add up to a peak
    const samples steady = frames(tx, info(4096), sent)[0];
    for (const cf& sample : steady)
        BOOST_REQUIRE(std::norm(sample) < 16);
}

BOOST_AUTO_TEST_CASE(loss_is_small_and_the_noise_variance_honest)
{
    for (double esn0_db : { 0, 10, 20, 30 }) {
        channel_sim channel;
        channel.noise_var = std::pow(10, -esn0_db / 10);
        double err_over_var = 0;
        BOOST_TEST(std::abs(loss_db(channel, 512, 3, &err_over_var)) < 0.3, esn0_db << " dB");
        BOOST_TEST(err_over_var > 0.9);
        BOOST_TEST(err_over_var < 1.1);
    }
}

BOOST_AUTO_TEST_CASE(a_clock_offset_of_20_ppm_costs_little_over_a_long_frame)
{
    channel_sim channel;
    channel.clock_ppm = 20;
    channel.noise_var = 0.01;
    BOOST_TEST(loss_db(channel, 4096, 4) < 0.3);
}

BOOST_AUTO_TEST_CASE(multipath_inside_the_prefix_is_equalised)
{
    rng random(5);
    phy::transmitter tx({}, 4096);
    const std::vector<std::vector<cf>> channels = {
        { 0.8f, 0, 0, { 0, 0.5f } },
        { 0.3f, 0, { 0, -0.4f }, 0, 0, 1.0f }, // the strongest path comes last
        { 0.7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, { 0.3f, 0.5f } },
    };
    for (const auto& taps : channels)
        for (double delay : { 0.0, 0.5 }) {
            channel_sim channel;
            channel.taps = taps;
            channel.delay = delay;
            channel.cfo = -0.008;
            channel.phase = 1;
            channel.noise_var = 1e-3;
            double normalised = 0, inverse_var = 0;
            const int rounds = 10;
            for (int i = 0; i < rounds; ++i) {
                const samples sent = gaussian(1000, random);
                const auto found = receive(channel.run(join(frames(tx, info(1000), sent)), 400, 500, random));
                BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
                const auto& image = found.images[0];
                for (size_t n = 0; n < sent.size(); ++n) {
                    normalised += std::norm(image.symbols[n] - sent[n]) / image.noise_var[n];
                    inverse_var += 1 / image.noise_var[n];
                }
            }
            normalised /= rounds * 1000;
            inverse_var /= rounds * 1000;
            BOOST_TEST(normalised < 1.1);
            BOOST_TEST(normalised > 0.9);
            // Mean SNR of the symbols, against what a receiver that knows the channel has.
            BOOST_TEST(10 * std::log10(mean_gain(taps) / 1e-3 / inverse_var) < 0.8);
        }
}

BOOST_AUTO_TEST_CASE(qpsk_in_place_of_the_payload_has_the_bit_errors_of_theory)
{
    rng random(6);
    phy::transmitter tx({}, 4096);
    for (double esn0_db : { 0.0, 4.0, 8.0 }) {
        long bits = 0, errors = 0;
        channel_sim channel;
        channel.noise_var = std::pow(10, -esn0_db / 10);
        for (int i = 0; i < 20; ++i) {
            samples sent(4096);
            for (auto& value : sent)
                value = phy::qpsk(random() & 3);
            channel.delay = uniform(0, 1, random);
            channel.cfo = uniform(-0.01, 0.01, random);
            const auto found = receive(channel.run(join(frames(tx, info(4096), sent)), 300, 300, random));
            BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
            for (size_t n = 0; n < sent.size(); ++n) {
                const cf got = found.images[0].symbols[n];
                errors += (got.real() < 0) != (sent[n].real() < 0);
                errors += (got.imag() < 0) != (sent[n].imag() < 0);
            }
            bits += 2 * sent.size();
        }
        const auto theory = [&](double loss_db) { // bit errors expected
            return bits * 0.5 * std::erfc(std::sqrt(std::pow(10, (esn0_db - loss_db) / 10) / 2));
        };
        BOOST_TEST(errors > theory(0) - 4 * std::sqrt(theory(0)), esn0_db << " dB");
        BOOST_TEST(errors < theory(0.15) + 4 * std::sqrt(theory(0)), esn0_db << " dB");
    }
}

BOOST_AUTO_TEST_CASE(other_parameters_work_too)
{
    rng random(7);
    phy::frame_params wide;
    wide.fft_size = 512;
    wide.cyclic_prefix = 40;
    wide.used_carriers = 400;
    wide.pilot_carriers = 16;
    wide.header_symbols = 1;
    phy::frame_params narrow;
    narrow.fft_size = 64;
    narrow.cyclic_prefix = 8;
    narrow.used_carriers = 48;
    narrow.pilot_carriers = 4;
    narrow.header_symbols = 9;
    for (const auto& params : { wide, narrow }) {
        phy::transmitter tx(params, 4096);
        channel_sim channel;
        channel.noise_var = 0.01;
        channel.delay = 0.4;
        channel.cfo = 0.003;
        const samples sent = gaussian(5000, random);
        const samples stream = channel.run(join(frames(tx, info(5000), sent)), 700, 700, random);
        const auto found = receive(stream, nullptr, params);
        BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
        BOOST_TEST(10 * std::log10(error_power(sent, found.images[0].symbols) / 0.01) < 0.4);
    }
}

BOOST_AUTO_TEST_CASE(parameters_that_cannot_be_are_refused)
{
    const auto refused = [](auto change) {
        phy::frame_params params;
        change(params);
        BOOST_CHECK_THROW(params.validate(), std::invalid_argument);
    };
    phy::frame_params{}.validate();
    refused([](auto& p) { p.fft_size = 100; });
    refused([](auto& p) { p.cyclic_prefix = 64; });
    refused([](auto& p) { p.used_carriers = 127; });
    refused([](auto& p) { p.used_carriers = 126; });
    refused([](auto& p) { p.pilot_carriers = 0; });
    refused([](auto& p) { p.header_symbols = 1; });
    refused([](auto& p) { p.preamble_boost_db = NAN; });
    refused([](auto& p) { p.max_fragment_symbols = 0; });
    BOOST_CHECK_THROW(phy::transmitter({}, 0), std::invalid_argument);
    BOOST_CHECK_THROW(phy::transmitter({}, 20000), std::invalid_argument);
    BOOST_CHECK_THROW(phy::receiver({}, 0.5, 0), std::invalid_argument);
}
