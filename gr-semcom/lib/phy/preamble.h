// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "frame_params.h"
#include "types.h"

namespace semcom::phy {

/*! The two known symbols that open a frame: P, a chirp whose frequency rises over the used carriers, and Q = conj(P) on
 *  the carriers, which falls.
 *
 *  Their envelopes are nearly constant. A frequency offset moves their correlation peaks instead of flattening them, that
 *  of P to earlier and that of Q to later samples, so that one correlator each serves all offsets, and how far the peaks
 *  lie apart tells the offset where the phase between the symbols is ambiguous.
 */
struct preamble {
    explicit preamble(const frame_params& params);

    buffer<cf> carriers[2]; //!< P and Q: used_carriers values each, |.|^2 = boost
    buffer<cf> samples[2];  //!< without cyclic prefix: fft_size values each
    float boost;            //!< linear
    double samples_a_spacing; //!< by so much one carrier spacing moves each peak
};

} // namespace semcom::phy
