// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "../types.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

/*! A radio channel for tests: multipath, fractional delay, clock offset, frequency offset, phase, noise. */
struct channel_sim {
    std::vector<semcom::phy::cf> taps{ 1 };
    double delay = 0;     //!< samples, >= 0
    double clock_ppm = 0; //!< how much faster the transmitter's clock runs
    double cfo = 0;       //!< rad/sample
    double phase = 0;     //!< rad
    double noise_var = 0; //!< a sample

    //! \return the input through the channel, between \p before and \p after samples of noise
    template <typename Rng>
    std::vector<semcom::phy::cf>
    run(const std::vector<semcom::phy::cf>& in, size_t before, size_t after, Rng& rng) const
    {
        using semcom::phy::cf;
        std::vector<cf> out(before + in.size() + after);
        std::normal_distribution<float> normal(0, std::sqrt(noise_var / 2));
        if (noise_var > 0)
            for (auto& sample : out)
                sample = { normal(rng), normal(rng) };
        const std::vector<cf> echoed = convolve(in);
        constexpr int reach = 32;
        for (size_t n = 0; n < out.size(); ++n) {
            const double time = (static_cast<double>(n) - before) * (1 + clock_ppm * 1e-6) - delay;
            const double whole = std::floor(time);
            cf sum;
            const float* weights = kernel(time - whole);
            for (int i = 0; i < 2 * reach; ++i) {
                const long m = static_cast<long>(whole) - reach + 1 + i;
                if (m >= 0 && m < static_cast<long>(echoed.size()))
                    sum += weights[i] * echoed[m];
            }
            out[n] += semcom::phy::mul(sum, cf(std::polar(1.0, phase + cfo * n)));
        }
        return out;
    }

private:
    std::vector<semcom::phy::cf> convolve(const std::vector<semcom::phy::cf>& in) const
    {
        std::vector<semcom::phy::cf> out(in.size() + taps.size() - 1);
        for (size_t d = 0; d < taps.size(); ++d)
            for (size_t n = 0; n < in.size(); ++n)
                out[n + d] += semcom::phy::mul(taps[d], in[n]);
        return out;
    }

    //! Windowed sinc that interpolates at \p fraction after the middle of the kernel; the fraction is rounded to 1/4096.
    static const float* kernel(double fraction)
    {
        constexpr int steps = 4096;
        static const std::vector<float> table = [] {
            std::vector<float> t(64 * (steps + 1));
            for (int step = 0; step <= steps; ++step)
                for (int i = 0; i < 64; ++i) {
                    const double x = i - 31 - static_cast<double>(step) / steps;
                    const double window = std::pow(std::cos(M_PI * x / 66), 2);
                    t[64 * step + i] = std::abs(x) < 1e-9 ? 1 : window * std::sin(M_PI * x) / (M_PI * x);
                }
            return t;
        }();
        return &table[64 * std::lround(fraction * steps)];
    }
};
