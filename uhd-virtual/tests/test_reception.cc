// SPDX-License-Identifier: GPL-3.0-or-later
// What the air does to a signal, held to what the arguments say.
#define BOOST_TEST_MODULE reception
#include "support.h"

#include <uhd/exception.hpp>

#include <boost/test/unit_test.hpp>

using namespace test;

static double db(double ratio) { return 10 * std::log10(ratio); }

BOOST_AUTO_TEST_CASE(levels_follow_the_formula_of_the_readme)
{
    for (const double loss_db : { 60.0, 80.0 })
        for (const double tx_gain_db : { 60.0, 75.5 })
            for (const double rx_gain_db : { 40.0, 60.0 }) {
                radio_link l("noise_figure_db=8,loss_db=" + std::to_string(loss_db));
                const samples x = random_qpsk(100000, 1, 0.5f);
                l.send(x, 0, frequency, tx_gain_db);
                const samples y = l.receive(0, x.size(), rx_gain_db);
                const auto g = gain(y, x);
                const double received_dbm = 10 - 89.75 + tx_gain_db - loss_db + db(power(x));
                const double noise_dbm = -173.975 + db(rate) + 8;
                const double quantisation_dbm = -rx_gain_db + db(2.0 / 12 / 2048 / 2048);
                const double snr_db = received_dbm - db(std::pow(10, noise_dbm / 10) + std::pow(10, quantisation_dbm / 10));
                BOOST_TEST(std::abs(db(std::norm(g) * power(x)) - (received_dbm + rx_gain_db)) < 0.05);
                BOOST_TEST(std::abs(db(std::norm(g) * power(x) / residual(y, x, g)) - snr_db) < 0.1);
                BOOST_TEST(l.clipped == 0u);
            }
}

BOOST_AUTO_TEST_CASE(silence_is_thermal_noise_and_differs_by_seed_and_channel)
{
    radio_link a("seed=1"), again("seed=1"), b("seed=2");
    const samples noise = a.receive(12345, 100000, 76);
    BOOST_TEST(std::abs(db(power(noise)) - (-173.975 + 60 + 7 + 76)) < 0.1);
    BOOST_TEST(std::abs(a.last.power_dbm - (-173.975 + 60 + 7)) < 0.5);
    BOOST_TEST((noise == again.receive(12345, 100000, 76, 777))); // however it is cut
    BOOST_TEST((noise != b.receive(12345, 100000, 76)));
    uhd_virtual::reception other(a.configured, a.where, rate, 1, 1);
    std::vector<sc16> wire(1000);
    other.receive(12345, wire.size(), frequency, 76, wire.data());
    BOOST_TEST((to_float(wire[0]) != noise[0] || to_float(wire[1]) != noise[1]));
}

BOOST_AUTO_TEST_CASE(a_burst_lies_on_its_samples_and_has_ends)
{
    radio_link l("loss_db=20");
    const samples x = random_qpsk(300, 2);
    l.send(x, 5000);
    const samples y = l.receive(4000, 3000);
    BOOST_TEST(power({ y.begin(), y.begin() + 1000 }) < 1e-6);
    BOOST_TEST(power({ y.begin() + 1300, y.end() }) < 1e-6);
    const samples burst(y.begin() + 1000, y.begin() + 1300);
    BOOST_TEST(residual(burst, x, gain(burst, x)) < 1e-6);
    BOOST_TEST((y == l.receive(4000, 3000, 0, 100)));
}

BOOST_AUTO_TEST_CASE(transmitters_add_up)
{
    radio_link l("loss_db=20");
    uhd_virtual::transmit_channel second(l.where, 0);
    const samples a = random_qpsk(2000, 1, 0.4f), b = random_qpsk(2000, 2, 0.4f);
    l.send(a, 100);
    radio_link::put(second, b, 1100);
    const samples y = l.receive(0, 4000);
    const double g = std::sqrt(std::pow(10, (10 - 20) / 10.0));
    double error = 0;
    for (size_t i = 0; i < y.size(); ++i) {
        cf sum = 0;
        if (i >= 100 && i < 2100)
            sum += a[i - 100];
        if (i >= 1100 && i < 3100)
            sum += b[i - 1100];
        error += std::norm(y[i] - static_cast<float>(g) * sum) / y.size();
    }
    BOOST_TEST(error < 1e-6);
}

BOOST_AUTO_TEST_CASE(carriers_are_heard_where_they_are)
{
    const size_t n = 20000;
    for (const double apart_hz : { 0.0, 120e3, -200e3 }) {
        radio_link l("loss_db=20,cfo_hz=350");
        l.send(tone(n, 0.01), 0, frequency + apart_hz);
        const samples y = l.receive(0, n), known = tone(n, 0.01 + (350 + apart_hz) / rate);
        BOOST_TEST(residual(y, known, gain(y, known)) < 1e-6);
    }
    radio_link l("loss_db=20");
    l.send(tone(n, 0.01), 0, frequency + 600e3);
    BOOST_TEST(power(l.receive(0, n)) < 1e-6);
}

BOOST_AUTO_TEST_CASE(delays_are_those_asked_for_to_a_part_of_a_sample)
{
    for (const double delay_us : { 0.0, 3.0, 0.5, 7.3, 1000.01 })
        for (const double f : { 0.013, 0.2, -0.4 }) {
            radio_link l("loss_db=20,delay_us=" + std::to_string(delay_us));
            l.send(tone(6000, f), 0);
            const samples y = l.receive(2000, 3000);
            const samples known = tone(3000, f);
            const auto g = gain(y, known) * std::polar(1.0, -2 * pi * f * (2000 - delay_us));
            BOOST_TEST(std::abs(g - std::sqrt(0.1)) < 1e-3); // 60 dB below 10 dBm - 20 dB
            BOOST_TEST(residual(y, known, gain(y, known)) < 1e-6);
        }
}

BOOST_AUTO_TEST_CASE(a_delay_that_the_ring_cannot_hold_is_refused)
{
    const auto configured = uhd_virtual::parse_settings(uhd::device_addr_t("delay_us=1e4"));
    const auto where = uhd_virtual::air::open("", std::nullopt);
    BOOST_CHECK_NO_THROW(uhd_virtual::reception(configured, where, 6e6, 1, 0));
    BOOST_CHECK_THROW(uhd_virtual::reception(configured, where, 7e6, 1, 0), uhd::value_error);
}

BOOST_AUTO_TEST_CASE(taps_are_the_impulse_response)
{
    radio_link l("loss_db=20,taps=0.5:0:0.2-0.3j");
    samples impulse(10, 0);
    impulse[4] = 0.9f;
    l.send(impulse, 0);
    const samples y = l.receive(0, 20, 0, 3);
    const double g = std::sqrt(0.1) * 0.9;
    BOOST_TEST(std::abs(std::complex<double>(y[4]) - g * 0.5) < 1e-3);
    BOOST_TEST(std::abs(y[5]) < 1e-3);
    BOOST_TEST(std::abs(std::complex<double>(y[6]) - g * std::complex<double>(0.2, -0.3)) < 1e-3);
}

BOOST_AUTO_TEST_CASE(a_fast_clock_takes_samples_at_smaller_intervals)
{
    const double ratio = 1 + 20e-6, f = 0.1;
    radio_link l("loss_db=20", ratio);
    const size_t n = 300000;
    l.send(tone(n, f), 0);
    const samples y = l.receive(1000, n - 2000), known = tone(n - 2000, f / ratio);
    const auto g = gain(y, known);
    BOOST_TEST(residual(y, known, g) < 1e-6);
    BOOST_TEST(std::abs(std::arg(g * std::polar(1.0, -2 * pi * f / ratio * 1000))) < 1e-3);
}

BOOST_AUTO_TEST_CASE(the_converter_has_12_bits_and_clips)
{
    radio_link l("loss_db=20");
    const samples x = tone(1000, 0.01, 0.5f);
    l.send(x, 0);
    const samples fits = l.receive(0, 1000, 15);
    BOOST_TEST(l.clipped == 0u);
    for (const cf& each : fits)
        BOOST_TEST(each.real() * 2048 == std::round(each.real() * 2048));
    const samples over = l.receive(0, 1000, 25); // 9 dB above full scale
    BOOST_TEST(l.clipped > 600u);
    for (const cf& each : over)
        BOOST_TEST(std::abs(each.real()) <= 2047.0f / 2048);
}

BOOST_AUTO_TEST_CASE(phase_noise_has_the_rms_asked_for_and_wanders_slowly)
{
    const samples x = tone(200000, 0);
    samples heard[2];
    for (const size_t at_once : { 500, 4096 }) {
        radio_link l("loss_db=20,phase_noise_deg=2,phase_noise_corner_hz=10e3");
        l.send(x, 0);
        heard[at_once == 500] = l.receive(0, x.size(), 0, at_once);
    }
    BOOST_TEST((heard[0] == heard[1]));
    const samples& y = heard[0];
    double variance = 0, steps = 0;
    for (size_t i = 1; i < y.size(); ++i) {
        variance += std::pow(std::arg(y[i]), 2) / y.size();
        steps += std::pow(std::arg(y[i] * std::conj(y[i - 1])), 2) / y.size();
    }
    BOOST_TEST(std::abs(std::sqrt(variance) * 180 / pi - 2) < 0.15);
    BOOST_TEST(std::abs(steps / variance - 2 * (1 - std::exp(-2 * pi * 0.01))) < 0.02);
}

BOOST_AUTO_TEST_CASE(iq_imbalance_makes_the_image_that_theory_says)
{
    radio_link l("loss_db=20,iq_gain_db=0.5,iq_phase_deg=3");
    const samples x = tone(10000, 0.1), image = tone(10000, -0.1);
    l.send(x, 0);
    const samples y = l.receive(0, x.size());
    const std::complex<double> q = std::polar(std::pow(10, 0.5 / 20), 3 * pi / 180);
    const double expected = std::abs((1.0 - std::conj(q)) / (1.0 + q));
    BOOST_TEST(std::abs(std::abs(gain(y, image) / gain(y, x)) - expected) < 1e-3);
}
