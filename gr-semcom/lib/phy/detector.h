// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fft.h"
#include "frame_params.h"
#include "preamble.h"

#include <cstdint>
#include <optional>

namespace semcom::phy {

/*! Finds preambles: overlap-save correlation with P at two places fft_size apart, whose magnitudes are added.
 *
 *  The metric (|c1| + |c2|)^2 / (2 |P|^2 E), where E is the energy of the 2 fft_size samples looked at, lies in 0 .. 1
 *  and does not depend on the input level. In white Gaussian noise its distribution is known exactly, and the threshold
 *  is computed from the false-alarm probability.
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
     *  \return        where P begins, once it is sure that nothing better follows closely; that may be a later scan
     */
    std::optional<int64_t> scan(const cf* samples, int64_t position, int64_t from);

private:
    void correlate(const cf* samples);

    int d_size, d_hop, d_look_ahead;
    float d_threshold;
    fft d_forward, d_inverse;
    buffer<cf> d_replica;              // conj of the spectrum of P
    buffer<float> d_magnitude, d_power, d_metric;
    buffer<double> d_energy;           // running sum of power
    int64_t d_correlated_at = -1;      // position that d_metric is for
    int64_t d_candidate = -1, d_deadline = -1;
    float d_candidate_metric = 0;
};

//! Threshold on the detector's metric for a false-alarm probability a sample in white Gaussian noise.
double detection_threshold(int fft_size, double false_alarm);

} // namespace semcom::phy
