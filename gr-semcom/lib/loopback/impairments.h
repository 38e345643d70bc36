/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_IMPAIRMENTS_H
#define INCLUDED_SEMCOM_LOOPBACK_IMPAIRMENTS_H

#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace semcom::loopback {

/*!
 * \brief What the channel does to the bursts that cross it.
 */
struct impairments {
    double snr_db = 20.0;            //!< noise has variance 10^(-snr_db/10) a complex sample; inf: no noise
    double cfo_hz = 0.0;             //!< carrier frequency offset
    double cfo_spread_hz = 0.0;      //!< a burst's offset is uniform in cfo_hz -+ cfo_spread_hz
    double max_delay_samples = 64.0; //!< a burst's delay is uniform in 0 .. max_delay_samples
    bool random_phase = true;        //!< a burst's phase is uniform in 0 .. 2 pi, or else 0
    std::vector<std::complex<float>> taps = { 1.0f }; //!< impulse response, one tap a sample, scaled to energy 1
    std::string fading = "none";     //!< "none", or "rayleigh": tap i of a burst is CN(0, |taps[i]|^2)

    /*!
     * \brief Throws std::invalid_argument, with a sentence that says what to change, unless all values are usable
     * at samp_rate (samples a second).
     */
    void check(double samp_rate) const;

    double noise_var() const; //!< noise variance a complex sample
};

/*!
 * \brief What one burst meets, drawn from the impairments.
 */
struct burst_draw {
    uint64_t index = 0;         //!< number of the burst, from 0
    double cfo_hz = 0.0;        //!< carrier frequency offset
    double phase_rad = 0.0;     //!< carrier phase at the burst's first segment sample
    double noise_var = 0.0;     //!< noise variance a complex sample
    std::size_t lead = 0;       //!< samples of noise before the filter's first output
    double delay_samples = 0.0; //!< from the segment's first sample to the burst's first sample (first tap)
    std::vector<std::complex<float>> filter; //!< fractional delay and multipath in one
};

/*!
 * \brief Draws burst number index; depends on the arguments only.
 */
void draw_burst(const impairments& settings, uint64_t seed, uint64_t index, burst_draw& draw);

//! Length of a fractional-delay filter.
constexpr std::size_t fractional_delay_length = 32;

/*!
 * \brief Kaiser-windowed sinc that delays by fractional_delay_length / 2 - 1 + fraction samples.
 *
 * \param fraction 0 <= fraction < 1
 * \param taps fractional_delay_length values
 */
void fractional_delay_filter(double fraction, double* taps);

} // namespace semcom::loopback

#endif /* INCLUDED_SEMCOM_LOOPBACK_IMPAIRMENTS_H */
