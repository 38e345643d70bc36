// SPDX-License-Identifier: GPL-3.0-or-later
#include "tracking.h"
#include "shrink.h"

#include <algorithm>
#include <cmath>

namespace semcom::phy {

namespace {
constexpr size_t max_orders = 32; // of the cosine transform; faster changes are left to the noise variance

std::complex<double> coherent_sum(const std::vector<phase_observation>& observations, double slope)
{
    std::complex<double> sum;
    for (const auto& o : observations)
        sum += std::complex<double>(o.value) * std::polar(1.0, -slope * o.time);
    return sum;
}
} // namespace

phase_line fit_phase_line(const std::vector<phase_observation>& observations, double max_slope)
{
    const double span = observations.back().time - observations.front().time;
    const int steps = static_cast<int>(std::ceil(max_slope * span / M_PI_2)); // to either side
    phase_line line;
    double best = -1;
    for (int i = -steps; i <= steps; ++i) {
        const double slope = steps ? max_slope * i / steps : 0;
        const double power = std::norm(coherent_sum(observations, slope));
        if (power > best) {
            best = power;
            line.slope = slope;
        }
    }
    for (const auto& o : observations) {
        line.w += o.energy;
        line.wt += o.energy * o.time;
        line.wtt += o.energy * o.time * o.time;
    }
    const double determinant = line.w * line.wtt - line.wt * line.wt;
    line.phase = std::arg(coherent_sum(observations, line.slope));
    // Gauss-Newton on the likelihood: the imaginary part is energy * phase for a small phase.
    for (int iteration = 0; iteration < 3 && determinant > 0; ++iteration) {
        double p = 0, tp = 0;
        for (const auto& o : observations) {
            const auto turned = std::complex<double>(o.value) * std::polar(1.0, -line.at(o.time));
            p += turned.imag();
            tp += o.time * turned.imag();
        }
        line.slope += (line.w * tp - line.wt * p) / determinant;
        line.phase += (line.wtt * p - line.wt * tp) / determinant;
    }
    return line;
}

phase_smoother::phase_smoother(size_t max_symbols)
{
    d_coefficients.reserve(max_orders);
    d_cosine.reserve(4 * max_symbols);
}

float phase_smoother::smooth(std::vector<float>& residual, float variance)
{
    const size_t n = residual.size(), orders = std::min(n, max_orders);
    if (d_cosine.size() != 4 * n) {
        d_cosine.resize(4 * n); // cos(pi i / 2n), one period
        for (size_t i = 0; i < 4 * n; ++i)
            d_cosine[i] = std::cos(M_PI * i / (2.0 * n));
    }
    const auto basis = [&](size_t order, size_t t) { // orthonormal DCT-II
        return std::sqrt((order ? 2.0f : 1.0f) / n) * d_cosine[order * (2 * t + 1) % (4 * n)];
    };
    d_coefficients.resize(orders);
    for (size_t order = 0; order < orders; ++order) {
        float sum = 0;
        for (size_t t = 0; t < n; ++t)
            sum += basis(order, t) * residual[t];
        d_coefficients[order] = sum;
    }
    std::fill(residual.begin(), residual.end(), 0.0f);
    float error = 0;
    for (size_t begin = 0, end = 1; begin < orders; begin = end, end = std::min(orders, 2 * end)) {
        float energy = 0;
        for (size_t order = begin; order < end; ++order)
            energy += d_coefficients[order] * d_coefficients[order];
        const float weight = shrink(energy, end - begin, variance);
        if (weight == 0)
            continue;
        error += weight * variance * (end - begin) / n;
        for (size_t order = begin; order < end; ++order)
            for (size_t t = 0; t < n; ++t)
                residual[t] += weight * d_coefficients[order] * basis(order, t);
    }
    return error;
}

} // namespace semcom::phy
