// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fft.h"
#include "frame_params.h"
#include "preamble.h"

#include <cstdint>
#include <optional>

namespace semcom::phy {

/*! Finds preambles: overlap-save correlation with P and with Q a symbol later, whose magnitudes are added.
 *
 *  A positive frequency offset moves the peak of P to earlier samples and that of Q to later ones, so the highest value
 *  of Q within the lags that max_cfo allows counts. The metric (|c_P| + |c_Q|)^2 / (2 |P|^2 E), where E is the energy of
 *  the 2 fft_size samples under P and Q, lies in 0 .. 1 and does not depend on the input level. In white Gaussian noise
 *  its distribution at one lag is known exactly; the threshold is computed from the false-alarm probability by the union
 *  bound over the lags.
 */
class detector
{
public:
    /*! \param false_alarm probability a sample of noise, 1e-15 .. 1e-2 */
    detector(const frame_params& params, const preamble& known, double false_alarm);

    int block() const { return d_forward.size(); }  //!< samples that a scan looks at
    int hop() const { return d_hop; }                //!< samples that it decides about
    float threshold() const { return d_threshold; }

    /*! Looks for the first preamble that begins at \p from or later.
     *
     *  \param samples block() samples
     *  \param position of the first of them in the stream, a multiple of hop()
     *  \param from    in [position, position + hop())
     *  \return        where the peak of P lies, once it is sure that nothing better follows closely; that may be a later scan
     */
    std::optional<int64_t> scan(const cf* samples, int64_t position, int64_t from);

private:
    void correlate(const cf* samples);

    int d_size, d_gap, d_max_lag, d_hop, d_look_ahead;
    float d_threshold;
    fft d_forward, d_inverse;
    buffer<cf> d_replica[2];           // conj of the spectra of P and Q
    buffer<float> d_magnitude[2], d_highest, d_power, d_metric;
    buffer<double> d_energy;           // running sum of power
    int64_t d_correlated_at = -1;      // position that d_metric is for
    int64_t d_candidate = -1, d_deadline = -1;
    float d_candidate_metric = 0;
};

//! Threshold on the detector's metric for a false-alarm probability a sample and lag in white Gaussian noise.
double detection_threshold(int fft_size, double false_alarm);

//! How many samples max_cfo moves the peaks of P and Q apart.
int max_lag(const frame_params& params, const preamble& known);

} // namespace semcom::phy
