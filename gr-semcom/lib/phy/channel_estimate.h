// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fft.h"
#include "frame_params.h"
#include "ofdm.h"

#include <vector>

namespace semcom::phy {

/*! Smooths a least-squares estimate of the channel over the carriers.
 *
 *  The estimate is turned so that its strongest path has delay 0 and projected on delay windows that grow around it:
 *  the path itself, +-1 sample, +-2, and on to a whole cyclic prefix on either side. What each window adds
 *  is weighed by how far it stands above the noise, so a flat channel costs about one and a half carriers' worth of
 *  estimation noise and a long one is still followed.
 */
class channel_estimator
{
public:
    explicit channel_estimator(const frame_params& params);

    /*! \param ls       estimate on each used carrier
     *  \param variance of its error
     *  \param h        the smoothed one
     *  \param h_var    variance of its error
     */
    void estimate(const cf* ls, float variance, cf* h, float* h_var);

private:
    double strongest_delay(const cf* ls);
    void steer(double delay);
    void add_window(double from, double to);

    carrier_map d_map;
    int d_fft_size, d_used, d_prefix;
    fft d_to_delay;
    std::vector<buffer<cf>> d_basis; // orthonormal over the carriers
    std::vector<size_t> d_group_end; // window g is d_basis[d_group_end[g-1] .. d_group_end[g])
    buffer<cf> d_steer, d_aligned, d_along;
};

} // namespace semcom::phy
