// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE transmitter
#include "support.h"

#include <boost/test/unit_test.hpp>

using namespace test;
namespace phy = semcom::phy;

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

BOOST_AUTO_TEST_CASE(fragments_keep_the_order_of_the_symbols_and_are_interleaved_each_by_itself)
{
    rng random(3);
    const samples sent = gaussian(1001, random); // 334, 334 and 333
    phy::transmitter tx({}, 400), other({}, 400);
    const auto parts = bursts(tx, info(1001), sent);
    BOOST_REQUIRE(parts.size() == 3u);
    const size_t payload = phy::burst_shape{}.ramp_samples + phy::frame_params{}.frame_samples(0);
    for (size_t f = 0, first = 0; f < 3; ++f) {
        const size_t count = f < 2 ? 334 : 333;
        const samples alone(sent.begin() + first, sent.begin() + first + count);
        const samples burst = bursts(other, info(count), alone)[0];
        BOOST_REQUIRE(std::equal(burst.begin() + payload, burst.end(), parts[f].begin() + payload, parts[f].end()));
        first += count;
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
