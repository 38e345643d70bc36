/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "loopback/gaussian_generator.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace semcom::loopback;
using samples = std::vector<std::complex<float>>;

namespace {

samples draw(uint64_t seed, uint64_t stream, std::size_t n, double variance = 1.0)
{
    samples x(n);
    gaussian_generator(seed, stream).add(x.data(), n, variance);
    return x;
}

constexpr std::size_t count = 1 << 22;
const double sigma = 1 / std::sqrt(count); // of the mean of `count` variables of unit variance

} // namespace

BOOST_AUTO_TEST_SUITE(gaussian)

BOOST_AUTO_TEST_CASE(power_and_circularity)
{
    const samples x = draw(1, 2, count, 0.1);
    double power_i = 0, power_q = 0, cross = 0;
    std::complex<double> mean = 0;
    for (const auto& v : x) {
        power_i += double(v.real()) * v.real() / count;
        power_q += double(v.imag()) * v.imag() / count;
        cross += double(v.real()) * v.imag() / count;
        mean += std::complex<double>(v) / double(count);
    }
    BOOST_TEST(std::abs(10 * std::log10((power_i + power_q) / 0.1)) < 0.02);
    BOOST_TEST(std::abs(10 * std::log10(power_i / power_q)) < 0.02);
    BOOST_TEST(std::abs(cross / 0.05) < 5 * sigma);
    BOOST_TEST(std::abs(mean) / std::sqrt(0.1) < 5 * sigma);
}

BOOST_AUTO_TEST_CASE(distribution)
{
    const samples x = draw(3, 4, count, 2.0); // unit variance a dimension
    double fourth = 0;
    for (const auto& v : x)
        fourth += std::pow(double(v.real()), 4) / count;
    BOOST_TEST(std::abs(fourth - 3) < 5 * std::sqrt(96.0) * sigma); // kurtosis of a normal variable

    for (double t = 1; t <= 5; t++) { // tails on all four sides
        const double p = 0.5 * std::erfc(t / std::sqrt(2.0));
        double tails[4] = {};
        for (const auto& v : x) {
            tails[0] += v.real() > t;
            tails[1] += v.real() < -t;
            tails[2] += v.imag() > t;
            tails[3] += v.imag() < -t;
        }
        for (const double tail : tails)
            BOOST_TEST(std::abs(tail - p * count) < 5 * std::sqrt(p * count) + 1);
    }
}

BOOST_AUTO_TEST_CASE(phase_is_uniform)
{
    constexpr int bins = 64;
    double histogram[bins] = {};
    for (const auto& v : draw(5, 6, count))
        histogram[std::min(bins - 1, int((std::arg(std::complex<double>(v)) / M_PI + 1) * bins / 2))]++;
    double chi_squared = 0;
    for (const double n : histogram)
        chi_squared += (n - double(count) / bins) * (n - double(count) / bins) / (double(count) / bins);
    BOOST_TEST(chi_squared < bins + 5 * std::sqrt(2.0 * bins));
}

BOOST_AUTO_TEST_CASE(no_correlation_over_time_or_between_streams)
{
    const auto correlation = [](const samples& a, const samples& b, std::size_t lag) {
        std::complex<double> sum = 0;
        for (std::size_t i = 0; i + lag < a.size(); i++)
            sum += std::complex<double>(a[i + lag]) * std::conj(std::complex<double>(b[i]));
        return std::abs(sum) / a.size();
    };
    const samples x = draw(7, 8, count / 4);
    for (const std::size_t lag : { 1, 2, 3, 5, 15, 16, 17, 32, 48, 64, 256, 511, 512, 513, 1024, 4096 })
        BOOST_TEST(correlation(x, x, lag) < 5 * 2 * sigma);
    BOOST_TEST(correlation(x, draw(7, 9, x.size()), 0) < 5 * 2 * sigma);
    BOOST_TEST(correlation(x, draw(8, 8, x.size()), 0) < 5 * 2 * sigma);
    samples squares = x; // what is not correlated might still depend
    for (auto& v : squares)
        v = std::norm(v) - 1;
    for (const std::size_t lag : { 1, 16, 512 })
        BOOST_TEST(correlation(squares, squares, lag) < 5 * 2 * sigma);
}

BOOST_AUTO_TEST_CASE(values_depend_on_the_position_only)
{
    const samples whole = draw(9, 10, 5000);
    samples pieces(5000);
    gaussian_generator generator(9, 10);
    for (std::size_t at = 0, n = 1; at < pieces.size(); at += n, n = n * 3 + 1) {
        n = std::min(n, pieces.size() - at);
        generator.add(&pieces[at], n, 1.0);
    }
    BOOST_TEST((whole == pieces));
    generator.restart(9, 10);
    samples again(5000);
    generator.add(again.data(), again.size(), 1.0);
    BOOST_TEST((whole == again));
}

BOOST_AUTO_TEST_SUITE_END()
