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
    BOOST_TEST(hash == 9665191705304809275u);
    phy::interleaver interleaver;
    const auto& order = interleaver.order(1000);
    BOOST_TEST((order[0] == 955 && order[1] == 893 && order[999] == 234));

    // Whole bursts: preamble, pilots, filler, scrambling, spreading.
    const std::vector<cf> expected = { { -1.16729, 27.7596 },   { -40.1477, -12.8591 },  { -24.9743, 29.7086 },
                                       { -10.3058, 0.724026 }, { -63.4894, -51.6147 }, { -40.983, -9.26245 } };
    size_t which = 0;
    for (const auto& name : phy::preset_names())
        for (const auto waveform : { phy::waveform::ofdm, phy::waveform::dft_spread }) {
            phy::burst_shape shape;
            shape.payload = waveform;
            phy::transmitter tx(phy::preset(name), 500, shape);
            const samples burst = bursts(tx, info(500), samples(500, { 0.6f, 0.8f }))[0];
            std::complex<double> sum;
            for (size_t n = 0; n < burst.size(); ++n)
                sum += std::complex<double>(burst[n]) * std::polar(1.0, 0.7 * n * n);
            BOOST_TEST(std::abs(cf(sum) - expected[which]) < 0.01, name << ": " << sum);
            ++which;
        }
}

BOOST_AUTO_TEST_CASE(the_mean_power_is_exact_and_the_preamble_has_a_sane_peak)
{
    rng random(2);
    const phy::frame_params params;
    phy::burst_shape shape;
    shape.ramp_samples = 0;
    shape.peak_limit_db = INFINITY;
    phy::transmitter tx(params, 4096, shape);
    samples sent(40 * params.data_carriers());
    for (auto& value : sent)
        value = phy::qpsk(random() % 4); // of power 1 each, as the pilots are
    const samples frame = bursts(tx, info(sent.size()), sent)[0];
    double energy = 0;
    for (size_t n = params.frame_samples(0); n < frame.size(); n += params.symbol_samples())
        for (int i = params.cyclic_prefix; i < params.symbol_samples(); ++i)
            energy += std::norm(frame[n + i]);
    BOOST_TEST(energy == 40.0 * params.used_carriers, boost::test_tools::tolerance(1e-5));
    double peak = 0, body = 0;
    for (int n = 0; n < params.preamble_samples(); ++n) {
        peak = std::max<double>(peak, std::norm(frame[n]));
        body += std::norm(frame[n]) / params.preamble_samples();
    }
    BOOST_TEST(10 * std::log10(peak / body) < 3);
    for (auto& value : sent)
        value = { 0.6f, 0.8f }; // equal symbols must not add up to a peak
    const samples steady = bursts(tx, info(sent.size()), sent)[0];
    for (const cf& sample : steady)
        BOOST_REQUIRE(std::norm(sample) < 16);
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

BOOST_AUTO_TEST_CASE(no_sample_is_above_the_limit_and_clipping_costs_what_theory_says)
{
    rng random(8);
    const samples sent = gaussian(16384, random);
    for (double limit_db : { 6.0, 8.0 }) {
        phy::burst_shape shape;
        shape.peak_limit_db = limit_db;
        phy::transmitter tx({}, 16384, shape);
        const samples air = bursts(tx, info(sent.size()), sent)[0];
        float peak = 0;
        for (const cf& sample : air)
            peak = std::max(peak, std::abs(sample));
        BOOST_TEST(peak <= tx.peak() * 1.00001f);
        BOOST_TEST(20 * std::log10(tx.peak()) == limit_db + 10 * std::log10(104 / 128.0),
                   boost::test_tools::tolerance(1e-4));
        // A Gaussian sample of power 1 loses E[(|x| - limit)^2 beyond the limit]; most of it falls on the carriers.
        const double g = std::pow(10, limit_db / 20);
        const double lost = std::exp(-g * g) - g * std::sqrt(M_PI) * std::erfc(g);
        const double error = error_power(sent, receive(air).images.at(0).symbols);
        BOOST_TEST(error < 1.3 * lost + 1e-5);
        BOOST_TEST(error > 0.5 * lost);
    }
}

BOOST_AUTO_TEST_CASE(a_burst_rises_and_falls_and_leaves_the_gap_asked_for)
{
    rng random(9);
    const phy::frame_params params;
    phy::burst_shape shape;
    shape.ramp_samples = 16;
    shape.gap_samples = 100;
    phy::transmitter shaped(params, 4096, shape);
    shape.ramp_samples = shape.gap_samples = 0;
    phy::transmitter plain(params, 4096, shape);
    const samples sent = gaussian(960, random);
    const samples burst = bursts(shaped, info(960), sent)[0], frame = bursts(plain, info(960), sent)[0];
    BOOST_TEST(frame.size() == params.frame_samples(960));
    BOOST_REQUIRE(burst.size() == frame.size() + 2 * 16 + 100);
    for (size_t n = 0; n < frame.size(); ++n)
        BOOST_REQUIRE(burst[16 + n] == frame[n]);
    BOOST_TEST(std::abs(burst[0]) < 0.01);
    for (int n = 0; n < 16; ++n) // the same carriers, so that nothing is heard beside them
        BOOST_TEST(std::abs(burst[n]) <= std::abs(frame[params.fft_size - 16 + n]) + 1e-6);
    for (size_t n = burst.size() - 100; n < burst.size(); ++n)
        BOOST_REQUIRE(burst[n] == cf{});
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
