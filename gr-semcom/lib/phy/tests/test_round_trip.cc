// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE round_trip
#include "support.h"

#include <boost/test/unit_test.hpp>

using namespace test;
namespace phy = semcom::phy;

namespace {

double loss_db(const channel_sim& channel,
               uint32_t symbols,
               uint64_t seed,
               double* err_over_var = nullptr,
               phy::waveform waveform = phy::waveform::ofdm)
{
    rng random(seed);
    phy::burst_shape shape;
    shape.payload = waveform;
    phy::transmitter tx({}, 16384, shape);
    std::vector<double> losses;
    double normalised = 0;
    for (int i = 0; i < 40; ++i) {
        channel_sim now = channel;
        now.delay = uniform(0, 1, random);
        now.phase = uniform(-M_PI, M_PI, random);
        now.cfo = uniform(-0.01, 0.01, random);
        const samples sent = gaussian(symbols, random);
        const auto found = receive(now.run(join(bursts(tx, info(symbols), sent)), 500, 500, random));
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

//! The power that one sample in a thousand of the payload exceeds, without a limit, dB.
double peak_db(const samples& sent, phy::waveform waveform)
{
    phy::burst_shape shape;
    shape.payload = waveform;
    shape.peak_limit_db = INFINITY;
    phy::transmitter tx({}, 16384, shape);
    const samples burst = bursts(tx, info(sent.size()), sent)[0];
    std::vector<float> power;
    for (size_t n = phy::frame_params{}.frame_samples(0); n < burst.size(); ++n)
        power.push_back(std::norm(burst[n]));
    const auto place = power.end() - power.size() / 1000;
    std::nth_element(power.begin(), place, power.end());
    return 10 * std::log10(*place);
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
        phy::burst_shape unclipped;
        unclipped.peak_limit_db = INFINITY;
        phy::transmitter tx({}, fragment, unclipped);
        phy::image_info image = info(symbols, random());
        image.codec_id = random();
        image.height = 1 + random() % phy::max_image_side;
        image.width = 1 + random() % phy::max_image_side;
        image.scale = phy::quantise_scale(uniform(0.01, 100, random));
        const samples sent = gaussian(symbols, random);
        const auto parts = bursts(tx, image, sent);
        for (const auto& part : parts)
            BOOST_TEST(part.size() <= tx.max_burst_samples());
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

BOOST_AUTO_TEST_CASE(loss_is_small_and_the_noise_variance_honest)
{
    for (double esn0_db : { 0, 10, 20, 30 }) {
        channel_sim channel;
        channel.noise_var = std::pow(10, -esn0_db / 10);
        channel.clock_ppm = 20;
        double err_over_var = 0;
        const double loss = loss_db(channel, 2000, 3, &err_over_var);
        BOOST_TEST(std::abs(loss) < (esn0_db == 30 ? 0.3 : 0.12), esn0_db << " dB: " << loss);
        BOOST_TEST(err_over_var == 1, boost::test_tools::tolerance(0.05));
    }
}

BOOST_AUTO_TEST_CASE(dft_spread_symbols_cost_no_more_and_have_lower_peaks)
{
    channel_sim channel;
    channel.noise_var = 0.01;
    double err_over_var = 0;
    BOOST_TEST(std::abs(loss_db(channel, 1000, 5, &err_over_var, phy::waveform::dft_spread)) < 0.15);
    BOOST_TEST(err_over_var == 1, boost::test_tools::tolerance(0.05));
    channel.taps = { { 0.7f, 0.2f }, 0, { -0.2f, 0.5f }, 0, { 0.3f, -0.3f } };
    loss_db(channel, 1000, 6, &err_over_var, phy::waveform::dft_spread);
    BOOST_TEST(err_over_var == 1, boost::test_tools::tolerance(0.08));

    rng random(7);
    double lower_db = 0;
    for (int i = 0; i < 10; ++i) {
        samples qpsk(16384);
        for (auto& value : qpsk)
            value = phy::qpsk(random() % 4);
        lower_db += (peak_db(qpsk, phy::waveform::ofdm) - peak_db(qpsk, phy::waveform::dft_spread)) / 10;
    }
    BOOST_TEST(lower_db > 0.8, "lower by " << lower_db << " dB");
}

BOOST_AUTO_TEST_CASE(mmse_output_has_the_least_error_and_says_how_much)
{
    rng random(10);
    channel_sim channel;
    channel.taps = { { 0.7f, 0.2f }, 0, { -0.2f, 0.5f }, 0, { 0.3f, -0.3f } };
    channel.noise_var = 0.3;
    const samples sent = gaussian(4096, random);
    phy::transmitter tx({}, 4096);
    const samples air = channel.run(bursts(tx, info(4096), sent)[0], 300, 8000, random);
    double error[2] = {}, said[2] = {};
    for (const auto output : { phy::equalizer::zero_forcing, phy::equalizer::mmse }) {
        phy::receiver rx({}, false_alarm, timeout, output);
        collector found;
        rx.push(air.data(), air.size(), found);
        const auto& image = found.images.at(0);
        const int i = output == phy::equalizer::mmse;
        error[i] = error_power(sent, image.symbols);
        for (float v : image.noise_var)
            said[i] += v / 4096;
    }
    BOOST_TEST(error[1] < 0.9 * error[0]);
    BOOST_TEST(said[1] == error[1], boost::test_tools::tolerance(0.1));
}

BOOST_AUTO_TEST_CASE(a_clock_offset_of_20_ppm_costs_nothing_over_the_longest_frame)
{
    channel_sim channel;
    channel.clock_ppm = 20;
    channel.noise_var = 0.01;
    BOOST_TEST(loss_db(channel, 16384, 4) < 0.12);
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
                const auto found = receive(channel.run(join(bursts(tx, info(1000), sent)), 400, 500, random));
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
            const auto found = receive(channel.run(join(bursts(tx, info(4096), sent)), 300, 300, random));
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

BOOST_AUTO_TEST_CASE(every_preset_reaches_as_far_as_it_says)
{
    rng random(11);
    for (const auto& name : phy::preset_names()) {
        const phy::frame_params params = phy::preset(name);
        phy::transmitter tx(params, 4096);
        for (double cfo : { -params.max_cfo, 0.003, params.max_cfo })
            for (int spread : { 0, params.cyclic_prefix - 2 }) {
                channel_sim channel;
                channel.noise_var = 0.01;
                channel.delay = 0.4;
                channel.cfo = cfo;
                channel.taps.resize(spread + 1);
                if (spread)
                    channel.taps[spread] = { 0, 0.3f };
                const samples sent = gaussian(5000, random);
                const samples stream = channel.run(join(bursts(tx, info(5000), sent)), 700, 700, random);
                const auto found = receive(stream, nullptr, params);
                BOOST_REQUIRE_MESSAGE(found.images.size() == 1, name << " at " << cfo << ", echo after " << spread);
                // Zero forcing of 1 + 0.3 exp(j x) costs 1 / (1 - 0.09) where the channel is known.
                const double perfect = spread ? 0.01 / (1 - 0.09) : 0.01;
                const double gap_db = 10 * std::log10(error_power(sent, found.images[0].symbols) / perfect);
                BOOST_TEST(gap_db < (spread ? 0.6 : 0.2), name << ", echo after " << spread);
            }
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
    refused([](auto& p) { p.max_cfo = 0.5; });
    refused([](auto& p) { p.max_cfo = 8 * 2 * M_PI / 128, p.cyclic_prefix = 8; });
    BOOST_CHECK_THROW(phy::preset("tall"), std::invalid_argument);
    for (auto change : std::vector<void (*)(phy::burst_shape&)>{
             [](auto& s) { s.peak_limit_db = 2; }, [](auto& s) { s.peak_limit_db = NAN; },
             [](auto& s) { s.ramp_samples = 200; }, [](auto& s) { s.gap_samples = -1; } }) {
        phy::burst_shape shape;
        change(shape);
        BOOST_CHECK_THROW(phy::transmitter({}, 100, shape), std::invalid_argument);
    }
    BOOST_CHECK_THROW(phy::transmitter({}, 0), std::invalid_argument);
    BOOST_CHECK_THROW(phy::transmitter({}, 20000), std::invalid_argument);
    BOOST_CHECK_THROW(phy::receiver({}, 0.5, 0), std::invalid_argument);
}
