// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fft.h"
#include "frame_params.h"
#include "ofdm.h"
#include "preamble.h"

namespace semcom::phy {

/*! Carrier frequency offset, and where to put the FFT windows, from P and Q. */
class acquisition
{
public:
    struct result {
        double cfo;  //!< rad/sample
        int backoff; //!< samples that each FFT window begins before its symbol's body, as seen from P's peak
    };

    acquisition(const frame_params& params, const preamble& known);

    //! \param p1 the sample at P's peak; from cyclic_prefix before it to the end of Q are read
    result run(const cf* p1);

private:
    const cf* window(const cf* p1, int symbol) const;
    double coarse_cfo(const cf* p1);
    void taps_of(int symbol, int shift);
    int place_window() const;

    const frame_params d_params;
    const carrier_map d_map;
    ofdm d_ofdm;
    fft d_to_delay;
    buffer<cf> d_weight[2];               // of P's and Q's carriers: what undoes their values, under a Hann window
    buffer<cf> d_received[2], d_taps[2]; // of P and Q
    buffer<float> d_tap_power;
};

} // namespace semcom::phy
