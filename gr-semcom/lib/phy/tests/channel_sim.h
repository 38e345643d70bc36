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
            if (clock_ppm != 0 || n == 0)
                set_kernel(time - whole);
            for (int i = 0; i < 2 * reach; ++i) {
                const long m = static_cast<long>(whole) - reach + 1 + i;
                if (m >= 0 && m < static_cast<long>(echoed.size()))
                    sum += d_kernel[i] * echoed[m];
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

    //! Windowed sinc that interpolates at \p fraction after the middle of the kernel.
    void set_kernel(double fraction) const
    {
        d_kernel.resize(64);
        for (int i = 0; i < 64; ++i) {
            const double t = i - 31 - fraction;
            const double window = std::pow(std::cos(M_PI * t / 66), 2);
            d_kernel[i] = std::abs(t) < 1e-9 ? 1 : window * std::sin(M_PI * t) / (M_PI * t);
        }
    }
    mutable std::vector<float> d_kernel;
};
