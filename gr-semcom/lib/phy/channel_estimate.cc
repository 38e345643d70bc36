// SPDX-License-Identifier: GPL-3.0-or-later
#include "channel_estimate.h"
#include "shrink.h"

#include <volk/volk.h>
#include <algorithm>
#include <cmath>

namespace semcom::phy {

namespace {
constexpr int oversampling = 4;     // of the delay domain, to find the strongest path
constexpr double delay_step = 0.5;  // samples between the candidates for the basis
constexpr double negligible = 1e-4; // share of a path's energy that a window may miss

cf dot(const cf* a, const cf* b, int n) // sum of a * conj(b)
{
    cf sum;
    volk_32fc_x2_conjugate_dot_prod_32fc(&sum, a, b, n);
    return sum;
}
} // namespace

channel_estimator::channel_estimator(const frame_params& params)
    : d_map(params),
      d_fft_size(params.fft_size),
      d_used(params.used_carriers),
      d_prefix(params.cyclic_prefix),
      d_to_delay(oversampling * params.fft_size, direction::inverse),
      d_steer(d_used),
      d_aligned(d_used)
{
    add_window(0, 0);
    add_window(-1, 1);
    for (double reach = 2; reach < 2 * d_prefix; reach *= 2) {
        add_window(0, std::min<double>(reach, d_prefix));
        add_window(-std::min<double>(reach, d_prefix), 0);
    }
    d_along.resize(d_basis.size());
}

//! Adds what paths from one delay to another need and the basis does not hold yet: Gram-Schmidt with pivoting.
void channel_estimator::add_window(double from, double to)
{
    std::vector<buffer<cf>> residual;
    for (double delay = from; delay <= to; delay += delay_step) {
        steer(delay);
        residual.emplace_back(d_used);
        for (int c = 0; c < d_used; ++c)
            residual.back()[c] = std::conj(d_steer[c]) / std::sqrt(static_cast<float>(d_used));
    }
    const auto remove = [&](buffer<cf>& v, const buffer<cf>& unit) {
        const cf along = dot(v.data(), unit.data(), d_used);
        for (int c = 0; c < d_used; ++c)
            v[c] -= along * unit[c];
    };
    const auto energy = [&](const buffer<cf>& v) { return dot(v.data(), v.data(), d_used).real(); };
    for (auto& v : residual)
        for (const auto& unit : d_basis)
            remove(v, unit);
    while (true) {
        buffer<cf> unit = *std::max_element(
            residual.begin(), residual.end(),
            [&](const auto& a, const auto& b) { return energy(a) < energy(b); });
        if (energy(unit) < negligible)
            break;
        for (const auto& earlier : d_basis) // once more, against rounding
            remove(unit, earlier);
        const float norm = std::sqrt(energy(unit));
        for (auto& value : unit)
            value /= norm;
        d_basis.push_back(unit);
        for (auto& v : residual)
            remove(v, unit);
    }
    d_group_end.push_back(d_basis.size());
}

//! d_steer[c] = exp(+j 2 pi f_c delay / N): takes a delay out.
void channel_estimator::steer(double delay)
{
    const double w = 2 * M_PI * delay / d_fft_size;
    const cf step(std::polar(1.0, w));
    cf low(std::polar(1.0, w * d_map.frequency(0))), high = step;
    for (int c = 0; c < d_used / 2; ++c) {
        d_steer[c] = low;
        d_steer[c + d_used / 2] = high;
        low = mul(low, step);
        high = mul(high, step);
    }
}

//! Maximises |S(delay)|^2, S = sum of ls * steer: on a grid, then by Newton's method.
double channel_estimator::strongest_delay(const cf* ls)
{
    const int size = d_to_delay.size();
    std::fill_n(d_to_delay.in(), size, cf{});
    std::copy_n(ls, d_used / 2, d_to_delay.in() + size - d_used / 2);
    std::copy_n(ls + d_used / 2, d_used / 2, d_to_delay.in() + 1);
    d_to_delay.run();
    int best = 0;
    float best_power = -1;
    for (int i = -2 * oversampling; i <= (d_prefix + 2) * oversampling; ++i) {
        const float power = std::norm(d_to_delay.out()[(i + size) % size]);
        if (power > best_power) {
            best = i;
            best_power = power;
        }
    }
    double delay = static_cast<double>(best) / oversampling;
    const double w = 2 * M_PI / d_fft_size;
    for (int iteration = 0; iteration < 3; ++iteration) {
        steer(delay);
        std::complex<double> s, s1, s2; // S and its derivatives, over w and with the j taken out
        for (int c = 0; c < d_used; ++c) {
            const std::complex<double> term(mul(ls[c], d_steer[c]));
            const double f = d_map.frequency(c);
            s += term;
            s1 += f * term;
            s2 += f * f * term;
        }
        const double slope = -w * std::imag(std::conj(s) * s1);
        const double bend = w * w * (std::norm(s1) - std::real(std::conj(s) * s2));
        if (!(bend < 0))
            break;
        delay -= std::clamp(slope / bend, -0.25, 0.25);
    }
    return delay;
}

void channel_estimator::estimate(const cf* ls, float variance, cf* h, float* h_var)
{
    steer(strongest_delay(ls));
    volk_32fc_x2_multiply_32fc(d_aligned.data(), ls, d_steer.data(), d_used);
    std::fill_n(h, d_used, cf{});
    std::fill_n(h_var, d_used, 0.5f * variance / d_used); // the delay is an estimate, too
    size_t i = 0;
    for (const size_t end : d_group_end) {
        const size_t begin = i;
        float energy = 0;
        for (; i < end; ++i) {
            d_along[i] = dot(d_aligned.data(), d_basis[i].data(), d_used);
            energy += std::norm(d_along[i]);
        }
        const bool main_path = begin == 0;
        const float weight = main_path ? 1.0f : shrink(energy, 2.0f * (end - begin), variance / 2);
        if (weight == 0)
            continue;
        for (size_t b = begin; b < end; ++b)
            for (int c = 0; c < d_used; ++c) {
                h[c] += mul(weight * d_along[b], d_basis[b][c]);
                h_var[c] += weight * variance * std::norm(d_basis[b][c]);
            }
    }
    for (int c = 0; c < d_used; ++c)
        h[c] = conj_mul(d_steer[c], h[c]);
}

} // namespace semcom::phy
