// SPDX-License-Identifier: GPL-3.0-or-later
#include "interpolator.h"

#include <volk/volk.h>
#include <algorithm>
#include <cmath>

namespace uhd_virtual {

namespace {

/* Modified Bessel function of order 0; so many terms are exact to 1e-9 up to x = 7. */
double bessel_i0(double x)
{
    double term = 1, sum = 1;
    for (int k = 1; k < 20; ++k) {
        term *= x * x / (4.0 * k * k);
        sum += term;
    }
    return sum;
}

} // namespace

interpolator::interpolator() : d_filters((phases + 1) * taps)
{
    constexpr double beta = 7, half = taps / 2.0;
    const double peak = bessel_i0(beta);
    for (int phase = 0; phase <= phases; ++phase)
        for (int i = 0; i < taps; ++i) {
            const double t = i - before - static_cast<double>(phase) / phases;
            const double sinc = t == 0 ? 1 : std::sin(M_PI * t) / (M_PI * t);
            const double window = bessel_i0(beta * std::sqrt(std::max(0.0, 1 - t * t / (half * half)))) / peak;
            d_filters[phase * taps + i] = static_cast<float>(sinc * window);
        }
}

void interpolator::add(const std::complex<float>* x, double position, double step, std::complex<float>* out,
                       size_t n) const
{
    for (size_t i = 0; i < n; ++i) {
        const double at = position + i * step;
        const auto whole = static_cast<int64_t>(at);
        const auto phase = std::lround((at - whole) * phases);
        lv_32fc_t value;
        volk_32fc_32f_dot_prod_32fc(&value, x + whole - before, &d_filters[phase * taps], taps);
        out[i] += value;
    }
}

} // namespace uhd_virtual
