// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE estimation
#include "support.h"

#include "../channel_estimate.h"
#include "../tracking.h"

#include <boost/test/unit_test.hpp>

using namespace test;
namespace phy = semcom::phy;

namespace {

struct cost {
    double actual, claimed; //!< error variance over the least-squares estimate's, times carriers: "parameters"
};

//! Error of the smoothed estimate of a channel with these paths (delay in samples, gain).
cost estimation_cost(const std::vector<std::pair<double, cf>>& paths, double variance)
{
    const phy::frame_params params;
    const phy::carrier_map map(params);
    phy::channel_estimator estimator(params);
    rng random(1);
    const int used = map.used(), rounds = 300;
    phy::buffer<cf> truth(used), ls(used), h(used);
    phy::buffer<float> h_var(used);
    cost sum{ 0, 0 };
    for (int i = 0; i < rounds; ++i) {
        const samples noise = gaussian(used, random);
        const double shift = uniform(4, 8, random);
        for (int c = 0; c < used; ++c) {
            truth[c] = 0;
            for (const auto& [delay, gain] : paths)
                truth[c] +=
                    gain * cf(std::polar(1.0, -2 * M_PI * map.frequency(c) * (delay + shift) / params.fft_size));
            ls[c] = truth[c] + std::sqrt(static_cast<float>(variance)) * noise[c];
        }
        estimator.estimate(ls.data(), variance, h.data(), h_var.data());
        for (int c = 0; c < used; ++c) {
            sum.actual += std::norm(h[c] - truth[c]);
            sum.claimed += h_var[c];
        }
    }
    return { sum.actual / rounds / variance, sum.claimed / rounds / variance };
}

} // namespace

BOOST_AUTO_TEST_CASE(a_flat_channel_costs_little_more_than_its_three_real_parameters)
{
    for (double variance : { 0.1, 1e-2, 1e-4 }) {
        const cost c = estimation_cost({ { 0, 1 } }, variance);
        BOOST_TEST(c.actual < 3);
        BOOST_TEST(c.actual > 1);
        BOOST_TEST(c.claimed > 0.5 * c.actual);
        BOOST_TEST(c.claimed < 2 * c.actual);
    }
}

BOOST_AUTO_TEST_CASE(a_long_channel_is_followed_and_costs_less_than_no_smoothing)
{
    for (double variance : { 1e-1, 1e-2, 1e-4 }) {
        const cost c = estimation_cost({ { 0, 1 }, { 3.3, { 0, 0.6 } }, { 7.8, -0.4 } }, variance);
        BOOST_TEST(c.actual < 60); // of 104
    }
}

BOOST_AUTO_TEST_CASE(a_phase_line_is_found_as_well_as_theory_allows)
{
    rng random(2);
    const double noise_var = 0.5, slope = 7e-4, phase = 2.5;
    double error = 0, predicted = 0;
    for (int i = 0; i < 300; ++i) {
        std::vector<phy::phase_observation> observations;
        for (double time = 0; time < 3000; time += 144) {
            const double energy = time < 800 ? 104 : 8;
            const cf noise = gaussian(1, random)[0] * static_cast<float>(std::sqrt(noise_var * energy));
            observations.push_back({ time, cf(std::polar(energy, phase + slope * time)) + noise, float(energy) });
        }
        const auto line = phy::fit_phase_line(observations, 2e-3);
        error += std::pow(std::remainder(line.at(2500) - phase - slope * 2500, 2 * M_PI), 2);
        predicted += line.variance(2500, noise_var);
    }
    BOOST_TEST(error < 1.3 * predicted);
    BOOST_TEST(error > 0.7 * predicted);
}

BOOST_AUTO_TEST_CASE(phase_smoothing_costs_little_without_phase_noise_and_follows_it_with)
{
    rng random(3);
    std::normal_distribution<float> normal;
    const size_t symbols = 43;
    const float variance = 0.01f;
    phy::phase_smoother smoother(symbols);
    double quiet = 0, wandering = 0;
    for (int i = 0; i < 300; ++i) {
        std::vector<float> noise(symbols), walk(symbols), seen(symbols);
        float phase = 0;
        for (size_t t = 0; t < symbols; ++t) {
            noise[t] = std::sqrt(variance) * normal(random);
            walk[t] = phase += 0.05f * normal(random);
            seen[t] = walk[t] + noise[t];
        }
        smoother.smooth(noise, variance);
        smoother.smooth(seen, variance);
        for (size_t t = 0; t < symbols; ++t) {
            quiet += noise[t] * noise[t] / symbols / 300;
            wandering += std::pow(seen[t] - walk[t], 2) / symbols / 300;
        }
    }
    BOOST_TEST(quiet < 0.1 * variance);
    BOOST_TEST(wandering < 0.8 * variance);
}
