/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "loopback/channel_model.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

using namespace semcom::loopback;
using samples = std::vector<std::complex<float>>;

namespace {

constexpr double samp_rate = 1e6;
constexpr double no_noise = std::numeric_limits<double>::infinity();

samples white(std::size_t n)
{
    samples x(n);
    gaussian_generator(77, 0).add(x.data(), n, 1.0);
    return x;
}

/* x through draw at once, in double precision, from the definition; without noise */
std::vector<std::complex<double>> reference(const samples& x, const burst_draw& draw)
{
    std::vector<std::complex<double>> y(x.size());
    for (std::size_t n = 0; n < x.size(); n++) {
        for (std::size_t k = 0; k < draw.filter.size() && k <= n; k++)
            y[n] += std::complex<double>(draw.filter[k]) * std::complex<double>(x[n - k]);
        y[n] *= std::polar(1.0, draw.phase_rad + 2 * M_PI * draw.cfo_hz / samp_rate * n);
    }
    return y;
}

template <class A, class B>
double error_db(const A& a, const B& b)
{
    double error = 0, power = 0;
    for (std::size_t i = 0; i < a.size(); i++) {
        error += std::norm(std::complex<double>(a[i]) - std::complex<double>(b[i]));
        power += std::norm(std::complex<double>(b[i]));
    }
    return 10 * std::log10(error / power + 1e-30);
}

burst_draw drawn(const impairments& settings, uint64_t index = 0)
{
    burst_draw draw;
    draw_burst(settings, 42, index, draw);
    return draw;
}

} // namespace

BOOST_AUTO_TEST_SUITE(impairment)

BOOST_AUTO_TEST_CASE(fractional_delay_error_below_minus_50_db_over_85_percent_of_the_band)
{
    for (double fraction = 0; fraction < 1; fraction += 0.05) {
        double taps[fractional_delay_length];
        fractional_delay_filter(fraction, taps);
        double worst = 0;
        for (double f = -0.425; f <= 0.425; f += 0.0025) {
            std::complex<double> response = 0;
            for (std::size_t k = 0; k < fractional_delay_length; k++)
                response += taps[k] * std::polar(1.0, -2 * M_PI * f * k);
            const double delay = fractional_delay_length / 2 - 1 + fraction;
            worst = std::max(worst, std::abs(response - std::polar(1.0, -2 * M_PI * f * delay)));
        }
        BOOST_TEST(20 * std::log10(worst) < -50);
    }
}

BOOST_AUTO_TEST_CASE(draws_stay_in_their_ranges_and_fill_them)
{
    impairments settings;
    settings.cfo_hz = 1000;
    settings.cfo_spread_hz = 500;
    settings.max_delay_samples = 20;
    constexpr int count = 4000;
    double cfo = 0, cfo_var = 0, delay = 0, delay_var = 0;
    std::complex<double> phasor = 0;
    for (int i = 0; i < count; i++) {
        const burst_draw draw = drawn(settings, i);
        BOOST_REQUIRE(std::abs(draw.cfo_hz - 1000) <= 500);
        BOOST_REQUIRE(draw.delay_samples >= 15 && draw.delay_samples < 35);
        BOOST_REQUIRE(draw.lead == std::size_t(draw.delay_samples) - 15);
        cfo += (draw.cfo_hz - 1000) / count;
        cfo_var += std::pow(draw.cfo_hz - 1000, 2) / count;
        delay += (draw.delay_samples - 25) / count;
        delay_var += std::pow(draw.delay_samples - 25, 2) / count;
        phasor += std::polar(1.0 / count, draw.phase_rad);
    }
    const double mean_error = 5 / std::sqrt(12.0 * count); // of a uniform variable of width 1
    BOOST_TEST(std::abs(cfo) < 1000 * mean_error);
    BOOST_TEST(std::abs(delay) < 20 * mean_error);
    BOOST_TEST(std::abs(cfo_var / (1e6 / 12) - 1) < 0.1);
    BOOST_TEST(std::abs(delay_var / (400.0 / 12) - 1) < 0.1);
    BOOST_TEST(std::abs(phasor) < 5 / std::sqrt(count));
}

BOOST_AUTO_TEST_CASE(one_setting_does_not_change_what_is_drawn_for_another)
{
    impairments settings;
    const burst_draw before = drawn(settings, 7);
    settings.cfo_spread_hz = 100;
    settings.fading = "rayleigh";
    BOOST_TEST(drawn(settings, 7).delay_samples == before.delay_samples);
    BOOST_TEST(drawn(settings, 7).phase_rad == before.phase_rad);
}

BOOST_AUTO_TEST_CASE(taps_have_unit_energy)
{
    impairments settings;
    settings.max_delay_samples = 0;
    settings.taps = { { 3, 4 }, { 0, 0 }, { -2, 1 } };
    double energy = 0;
    for (const auto& tap : drawn(settings).filter)
        energy += std::norm(tap);
    BOOST_TEST(energy == 1, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(rayleigh_taps_are_complex_gaussian_with_the_profile_given)
{
    impairments settings;
    settings.max_delay_samples = 0;
    settings.taps = { { 0, 2 }, { 1, 0 } }; // powers 0.8 and 0.2
    settings.fading = "rayleigh";
    constexpr int count = 20000;
    double power[2] = {}, fourth[2] = {};
    std::complex<double> cross = 0, square = 0, mean = 0;
    for (int i = 0; i < count; i++) {
        const burst_draw draw = drawn(settings, i);
        const std::complex<double> h[2] = { draw.filter[0], draw.filter[1] };
        for (int k = 0; k < 2; k++) {
            power[k] += std::norm(h[k]) / count;
            fourth[k] += std::norm(h[k]) * std::norm(h[k]) / count;
        }
        mean += h[0] / double(count);
        square += h[0] * h[0] / double(count);
        cross += h[0] * std::conj(h[1]) / double(count);
    }
    const double bound = 5 / std::sqrt(count);
    BOOST_TEST(std::abs(power[0] / 0.8 - 1) < bound);
    BOOST_TEST(std::abs(power[1] / 0.2 - 1) < bound);
    for (int k = 0; k < 2; k++) // E|h|^4 = 2 (E|h|^2)^2
        BOOST_TEST(std::abs(fourth[k] / (power[k] * power[k]) - 2) < 5 * bound);
    BOOST_TEST(std::abs(mean) < bound);
    BOOST_TEST(std::abs(square) < 2 * bound);
    BOOST_TEST(std::abs(cross) < bound);
}

BOOST_AUTO_TEST_CASE(values_that_cannot_be_are_refused)
{
    const double nan = std::nan("");
    const auto refused = [](auto edit) {
        impairments settings;
        edit(settings);
        BOOST_CHECK_THROW(settings.check(samp_rate), std::invalid_argument);
    };
    for (const double v : { nan, -200.0 })
        refused([&](impairments& s) { s.snr_db = v; });
    for (const double v : { nan, no_noise, samp_rate / 2 })
        refused([&](impairments& s) { s.cfo_hz = v; });
    for (const double v : { nan, -1.0, samp_rate / 2 })
        refused([&](impairments& s) { s.cfo_spread_hz = v; });
    for (const double v : { nan, -1.0, 1e9 })
        refused([&](impairments& s) { s.max_delay_samples = v; });
    for (const samples& v : { samples{}, samples(2), samples(257, 1.0f), samples{ { NAN, 0 } } })
        refused([&](impairments& s) { s.taps = v; });
    refused([](impairments& s) { s.fading = "rice"; });
    BOOST_CHECK_NO_THROW(impairments().check(samp_rate));
}

BOOST_AUTO_TEST_CASE(filter_phase_and_carrier_offset_as_drawn)
{
    impairments settings;
    settings.snr_db = no_noise;
    settings.cfo_hz = 12345.6;
    settings.taps = { { 1, 0 }, { 0, -0.5 }, { 0.25, 0.1 } };
    const samples x = white(200000);
    for (const double delay : { 0.0, 3.0 }) {
        settings.max_delay_samples = delay;
        const burst_draw draw = drawn(settings, 5);
        channel_model model(samp_rate, 42);
        model.begin(draw);
        samples y(x.size());
        model.process(x.data(), y.data(), x.size());
        BOOST_TEST(error_db(y, reference(x, draw)) < -110);
    }
}

BOOST_AUTO_TEST_CASE(a_delayed_tone_arrives_with_the_phase_of_its_delay)
{
    impairments settings;
    settings.snr_db = no_noise;
    settings.random_phase = false;
    const burst_draw draw = drawn(settings, 3);
    constexpr double f = 0.31;
    samples x(draw.lead + 300);
    for (int n = 0; n < 300; n++)
        x[draw.lead + n] = std::complex<float>(std::polar(1.0, 2 * M_PI * f * n));
    channel_model model(samp_rate, 42);
    model.begin(draw);
    model.process(x.data(), x.data(), x.size());
    for (std::size_t n = draw.lead + 40; n < x.size(); n++)
        BOOST_TEST(std::abs(x[n] - std::complex<float>(std::polar(1.0, 2 * M_PI * f * (n - draw.delay_samples)))) <
                   0.003);
}

BOOST_AUTO_TEST_CASE(snr_is_exact)
{
    impairments settings;
    settings.cfo_hz = 500;
    const samples x(1000000, 1.0f);
    for (const double snr_db : { -5.0, 10.0, 30.0 }) {
        settings.snr_db = snr_db;
        const burst_draw noisy = drawn(settings);
        burst_draw clean = noisy;
        clean.noise_var = 0;
        samples y(x.size()), noise_free(x.size());
        channel_model model(samp_rate, 42);
        model.begin(noisy);
        model.process(x.data(), y.data(), x.size());
        model.begin(clean);
        model.process(x.data(), noise_free.data(), x.size());
        BOOST_TEST(std::abs(-error_db(y, noise_free) - snr_db) < 0.05);
        model.gap(y.data(), y.size(), settings.noise_var());
        double power = 0;
        for (const auto& v : y)
            power += std::norm(v) / y.size();
        BOOST_TEST(std::abs(-10 * std::log10(power) - snr_db) < 0.05);
    }
}

BOOST_AUTO_TEST_CASE(samples_do_not_depend_on_how_they_are_cut)
{
    impairments settings;
    settings.cfo_hz = 3333;
    settings.taps = { 1, { 0, 1 } };
    const samples x = white(20000);
    samples whole(x.size()), pieces(x.size());
    channel_model model(samp_rate, 42);
    model.begin(drawn(settings, 9));
    model.process(x.data(), whole.data(), x.size());
    model.gap(pieces.data(), 100, 1.0); // must not matter
    model.begin(drawn(settings, 9));
    for (std::size_t at = 0, i = 1; at < x.size(); i++) {
        const std::size_t n = std::min<std::size_t>(i * i * 7919 % 700 + 1, x.size() - at);
        model.process(&x[at], &pieces[at], n);
        at += n;
    }
    BOOST_TEST((whole == pieces));
}

BOOST_AUTO_TEST_CASE(retuning_keeps_the_samples_in_the_filter)
{
    impairments settings;
    settings.snr_db = no_noise;
    settings.random_phase = false;
    settings.max_delay_samples = 0;
    const samples x = white(3000);
    for (const samples& taps : { samples{ 1, 1, 1, 1, 1 }, samples{ 1, -1 } }) {
        settings.taps = { 1, { 0, 1 }, 0.5 };
        channel_model model(samp_rate, 42);
        model.begin(drawn(settings));
        samples y(x.size());
        model.process(x.data(), y.data(), 1000);
        settings.taps = taps;
        model.retune(drawn(settings));
        model.process(&x[1000], &y[1000], 2000);
        const auto expected = reference(x, drawn(settings));
        const std::size_t known = 1000 + (taps.size() > 3 ? 2 : 0); // older samples were not kept
        BOOST_TEST(error_db(samples(y.begin() + known, y.end()),
                            std::vector<std::complex<double>>(expected.begin() + known, expected.end())) < -110);
    }
}

BOOST_AUTO_TEST_SUITE_END()
