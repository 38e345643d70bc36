// SPDX-License-Identifier: GPL-3.0-or-later
// Noise, mixer, interpolator, converters and rates, each on its own.
#define BOOST_TEST_MODULE signal
#include "converter_12bit.h"
#include "interpolator.h"
#include "mixer.h"
#include "noise.h"
#include "rates.h"
#include "support.h"

#include <boost/test/unit_test.hpp>
#include <limits>

using namespace test;
using namespace uhd_virtual;

static samples noise(size_t n, uint64_t seed, int64_t first = 0)
{
    samples x(n);
    add_noise(x.data(), n, seed, first, 1);
    return x;
}

BOOST_AUTO_TEST_CASE(noise_is_gaussian_circular_and_white)
{
    const samples x = noise(1 << 20, 1);
    double mean = 0, fourth = 0, beyond_3 = 0;
    std::complex<double> square = 0, neighbour = 0;
    for (size_t i = 1; i < x.size(); ++i) {
        const std::complex<double> v = x[i];
        mean += v.real() / x.size();
        fourth += std::pow(v.real(), 4) / x.size();
        beyond_3 += (std::abs(v.real()) > 3 * std::sqrt(0.5)) / static_cast<double>(x.size());
        square += v * v / static_cast<double>(x.size());
        neighbour += v * std::conj(std::complex<double>(x[i - 1])) / static_cast<double>(x.size());
    }
    BOOST_TEST(std::abs(mean) < 0.003);
    BOOST_TEST(std::abs(power(x) - 1) < 0.005);
    BOOST_TEST(std::abs(fourth - 0.75) < 0.01); // 3 sigma^4
    BOOST_TEST(std::abs(beyond_3 - 0.0027) < 0.0003);
    BOOST_TEST(std::abs(square) < 0.005);
    BOOST_TEST(std::abs(neighbour) < 0.005);
}

BOOST_AUTO_TEST_CASE(noise_depends_on_seed_and_sample_number_only)
{
    const int64_t wrap = int64_t{ 1 } << 32;
    for (const int64_t first : { int64_t{ 0 }, wrap - 100, 5 * wrap - 1 }) {
        const samples whole = noise(500, 3, first), part = noise(100, 3, first + 50);
        BOOST_TEST(std::equal(part.begin(), part.end(), whole.begin() + 50));
        BOOST_TEST(std::abs(gain(noise(100000, 4, first), noise(100000, 3, first))) < 0.02);
    }
    BOOST_TEST(std::abs(gain(noise(100000, 3, wrap), noise(100000, 3, 0))) < 0.02);
}

BOOST_AUTO_TEST_CASE(mixer_turns_by_the_sample_number)
{
    mixer m;
    samples x(3000, 1);
    const int64_t far = 40'000'000'000;
    m.mix(x.data(), x.size(), far, -0.3172);
    for (const size_t i : { 0, 1, 255, 256, 2999 }) {
        const long double cycles = -0.3172L * (far + static_cast<int64_t>(i));
        const auto turn = static_cast<double>(cycles - std::floor(cycles));
        BOOST_TEST(std::abs(std::complex<double>(x[i]) - std::polar(1.0, 2 * pi * turn)) < 1e-4);
    }
}

BOOST_AUTO_TEST_CASE(interpolator_is_exact_in_its_passband)
{
    const interpolator between;
    for (const double f : { 0.0, 0.11, 0.3, 0.45 }) {
        const samples x = tone(1100, f, 1);
        samples y(1000), known(1000);
        between.add(&x[interpolator::before], 0.37, 1.0001, y.data(), y.size());
        for (size_t i = 0; i < known.size(); ++i)
            known[i] = cf(std::polar(1.0, 2 * pi * f * (interpolator::before + 0.37 + 1.0001 * i)));
        BOOST_TEST(residual(y, known, 1) < 3e-7);
    }
}

BOOST_AUTO_TEST_CASE(analog_converter_rounds_and_counts)
{
    std::vector<sc16> x = { { 0, 7 }, { 8, -9 }, { 32767, 0 }, { -32768, -32768 }, { 32752, -32752 } };
    BOOST_TEST(convert_to_analog(x.data(), x.size()) == 2u);
    const std::vector<sc16> expected = { { 0, 0 }, { 16, -16 }, { 32752, 0 }, { -32752, -32752 }, { 32752, -32752 } };
    BOOST_TEST((x == expected));
}

BOOST_AUTO_TEST_CASE(digital_converter_survives_what_is_no_number)
{
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    const samples x = { { nan, 0 }, { inf, -inf }, { 1e30f, 0.25f } };
    std::vector<sc16> out(x.size());
    BOOST_TEST(convert_to_digital(x.data(), x.size(), 1, out.data()) == 3u);
    BOOST_TEST((out[2] == sc16(2047 * 16, 8192)));
}

BOOST_AUTO_TEST_CASE(clocks_are_chosen_as_a_b210_does)
{
    BOOST_TEST(choose_master_clock({ 1e6 }) == 32e6);
    BOOST_TEST(choose_master_clock({ 4e6 }) == 32e6);
    BOOST_TEST(choose_master_clock({ 10e6 }) == 40e6);
    BOOST_TEST(choose_master_clock({ 30.72e6 }) == 61.44e6);
    BOOST_TEST(choose_master_clock({ 4e6, 3e6 }) == 48e6);
    BOOST_TEST(choose_master_clock({ 10e6, 7e6 }) == 40e6); // no common multiple below 61.44 MHz
    BOOST_TEST(choose_master_clock({ 1 }) == 5e6);
    BOOST_TEST(nearest_sample_rate(1e6, 32e6) == 1e6);
    BOOST_TEST(nearest_sample_rate(3e6, 32e6) == 32e6 / 11);
    BOOST_TEST(nearest_sample_rate(1e9, 32e6) == 32e6);
    BOOST_TEST(nearest_sample_rate(1, 32e6) == 32e6 / 512);
    BOOST_TEST(nearest_sample_rate(32e6 / 129, 32e6) == 32e6 / 130);
}
