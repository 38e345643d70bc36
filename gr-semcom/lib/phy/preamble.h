// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "frame_params.h"
#include "types.h"

namespace semcom::phy {

/*! The known symbol P that opens a frame (cyclic prefix, P, P).
 *
 *  A linear chirp over the used carriers: nearly constant envelope, and a frequency offset moves its
 *  correlation peak (a sample for each carrier spacing) instead of flattening it, so that one
 *  correlator covers offsets up to half a carrier spacing.
 */
struct preamble {
    explicit preamble(const frame_params& params);

    buffer<cf> carriers; //!< used_carriers values, |.|^2 = boost
    buffer<cf> samples;  //!< fft_size values
    float boost;         //!< linear
};

} // namespace semcom::phy
