// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "types.h"

#include <cmath>
#include <vector>

namespace semcom::phy {

/*! What an OFDM symbol's known carriers say about the common phase: sum of conj(h * known) * received. */
struct phase_observation {
    double time; //!< of the middle of its window, samples
    cf value;    //!< |value| weighs it: noise of variance noise_var * energy
    float energy; //!< sum of |h * known|^2
};

/*! A phase that grows evenly, and how well it is known. */
struct phase_line {
    double phase = 0; //!< at time 0, rad
    double slope = 0; //!< rad/sample
    double w = 0, wt = 0, wtt = 0; //!< sums of energy, energy * time, energy * time^2 behind it

    double at(double time) const { return phase + slope * time; }
    //! The line with another slope through the point at which it is known best
    phase_line turned(double slope_change) const
    {
        phase_line line = *this;
        line.slope += slope_change;
        line.phase -= slope_change * wt / w;
        return line;
    }
    //! Standard deviation of the slope, rad/sample, for noise of variance noise_var a carrier
    double slope_deviation(double noise_var) const { return std::sqrt(0.5 * noise_var * w / (w * wtt - wt * wt)); }
    //! Variance of at(time), rad^2, for noise of variance noise_var a carrier
    double variance(double time, double noise_var) const
    {
        return 0.5 * noise_var * (wtt - 2 * time * wt + time * time * w) / (w * wtt - wt * wt);
    }
};

/*! Maximum-likelihood line through observations, by a search over slopes within +-max_slope rad/sample. */
phase_line fit_phase_line(const std::vector<phase_observation>& observations, double max_slope);

/*! Smooths what remains of the common phase after a line was taken out (phase noise, a drifting oscillator).
 *
 *  The residuals' cosine transform is shrunk in groups, slow ones to fast ones, so that a steady oscillator costs next
 *  to nothing.
 */
class phase_smoother
{
public:
    explicit phase_smoother(size_t max_symbols);

    /*! \param residual one phase an OFDM symbol, rad; replaced by the smoothed ones
     *  \param variance of its noise, rad^2
     *  \return variance of the smoothed phases' error, rad^2
     */
    float smooth(std::vector<float>& residual, float variance);

private:
    std::vector<float> d_coefficients, d_cosine;
};

} // namespace semcom::phy
