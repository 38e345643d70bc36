// SPDX-License-Identifier: GPL-3.0-or-later
#include "detector.h"

#include <volk/volk.h>
#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace semcom::phy {

/* In noise the shares x1, x2 of the energy that the two correlators catch are Dirichlet(1, 1, L-2), L = 2 N. So
 * u = x1 + x2 is Beta(2, L-2), P(u > v) = (1-v)^(L-2) (1 + (L-2) v), and x1/u is uniform and independent of u. With
 * x1/u = (1 - cos a)/2 the metric (sqrt(x1) + sqrt(x2))^2 / 2 is u (1 + sin a)/2, and a has density (sin a)/2, 0 .. pi.
 */
static double false_alarm_probability(int fft_size, double threshold)
{
    constexpr int points = 100;
    const double n = 2.0 * fft_size - 2;
    double sum = 0;
    for (int i = 0; i < points; ++i) {
        const double angle = (i + 0.5) / points * M_PI_2; // the other half is the same
        const double v = 2 * threshold / (1 + std::sin(angle));
        if (v < 1)
            sum += std::sin(angle) * std::exp(n * std::log1p(-v)) * (1 + n * v);
    }
    return sum * M_PI_2 / points;
}

double detection_threshold(int fft_size, double false_alarm)
{
    double low = 0, high = 1;
    for (int i = 0; i < 50; ++i) {
        const double middle = (low + high) / 2;
        (false_alarm_probability(fft_size, middle) > false_alarm ? low : high) = middle;
    }
    return high;
}

int max_lag(const frame_params& params, const preamble& known)
{
    return static_cast<int>(std::ceil(2 * known.samples_a_spacing * params.carrier_spacings(params.max_cfo)));
}

detector::detector(const frame_params& params, const preamble& known, double false_alarm)
    : d_size(params.fft_size),
      d_gap(params.symbol_samples()),
      d_max_lag(max_lag(params, known)),
      d_hop(15 * d_size + 1 - d_gap - d_max_lag), // 16 N points hold 15 N + 1 correlations
      d_look_ahead(d_size + params.cyclic_prefix + 2 * d_max_lag),
      d_forward(16 * d_size, direction::forward),
      d_inverse(16 * d_size, direction::inverse),
      d_highest(d_hop),
      d_power(block()),
      d_metric(d_hop),
      d_energy(block() + 1)
{
    if (!(false_alarm >= 1e-15 && false_alarm <= 1e-2))
        throw std::invalid_argument("false_alarm must be a probability from 1e-15 to 1e-2");
    d_threshold = detection_threshold(d_size, false_alarm / (2 * d_max_lag + 1));
    for (int s = 0; s < 2; ++s) {
        const auto& samples = known.samples[s];
        d_magnitude[s].resize(block());
        d_replica[s].resize(block());
        std::copy(samples.begin(), samples.end(), d_forward.in());
        std::fill(d_forward.in() + d_size, d_forward.in() + block(), cf{});
        d_forward.run();
        // Scaled so that d_magnitude is |correlation| / |P|.
        float energy = 0;
        for (const cf& sample : samples)
            energy += std::norm(sample);
        const float scale = 1 / (block() * std::sqrt(energy));
        for (int i = 0; i < block(); ++i)
            d_replica[s][i] = scale * std::conj(d_forward.out()[i]);
    }
}

void detector::correlate(const cf* samples)
{
    std::copy_n(samples, block(), d_forward.in());
    d_forward.run();
    for (int s = 0; s < 2; ++s) {
        volk_32fc_x2_multiply_32fc(d_inverse.in(), d_forward.out(), d_replica[s].data(), block());
        d_inverse.run();
        volk_32fc_magnitude_32f(d_magnitude[s].data(), d_inverse.out(), 15 * d_size + 1);
    }
    const float* q = d_magnitude[1].data() + d_gap;
    std::copy_n(q, d_hop, d_highest.data());
    for (int lag = 1; lag <= d_max_lag; ++lag) {
        volk_32f_x2_max_32f(d_highest.data(), d_highest.data(), q + lag, d_hop);
        volk_32f_x2_max_32f(d_highest.data(), d_highest.data(), q - lag, d_hop);
    }

    volk_32fc_magnitude_squared_32f(d_power.data(), samples, block());
    double sum = 0;
    for (int i = 0; i < block(); ++i) {
        d_energy[i] = sum;
        sum += d_power[i];
    }
    d_energy[block()] = sum;

    // Where the input is digital silence, only rounding errors of the rest of the block are left: no preamble in them.
    const double least_energy = 1e-10 * sum + 1e-30;
    for (int i = 0; i < d_hop; ++i) {
        const double* e = d_energy.data() + i;
        const float c = d_magnitude[0][i] + d_highest[i];
        // Of Q's samples at any lag, else a burst's first ones would come from nowhere.
        const double under_q = e[d_gap + d_max_lag + d_size] - e[d_gap - d_max_lag];
        const float energy = static_cast<float>((e[d_size] - e[0]) + under_q);
        d_metric[i] = 0.5f * c * c / std::max(energy, static_cast<float>(least_energy));
    }
}

std::optional<int64_t> detector::scan(const cf* samples, int64_t position, int64_t from)
{
    if (position != d_correlated_at) {
        correlate(samples);
        d_correlated_at = position;
    }
    const float* const end = d_metric.data() + d_hop;
    const float* at = d_metric.data() + (from - position);
    if (d_candidate < 0) {
        at = std::find_if(at, end, [this](float m) { return m > d_threshold; });
        if (at == end)
            return std::nullopt;
        d_deadline = position + (at - d_metric.data()) + d_look_ahead;
        d_candidate_metric = 0;
    }
    // Of several paths the strongest may come last, and a long prefix looks like P an FFT too early: take the highest.
    for (; at != end; ++at) {
        const int64_t now = position + (at - d_metric.data());
        if (now > d_deadline) {
            const int64_t found = d_candidate;
            d_candidate = -1;
            return found;
        }
        if (*at > d_candidate_metric) {
            d_candidate = now;
            d_candidate_metric = *at;
        }
    }
    return std::nullopt;
}

} // namespace semcom::phy
