/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_TAPPED_DELAY_LINE_H
#define INCLUDED_SEMCOM_TAPPED_DELAY_LINE_H

#include <gnuradio/semcom/api.h>
#include <gnuradio/sync_block.h>

#include <vector>

namespace gr {
namespace semcom {

/*!
 * \brief The fading part of the radio_channel: paths whose gains are sums of sinusoids.
 * \ingroup semcom
 *
 * A path's gain at sample n is sum over s of exp(j 2 pi (cycles[p][s] + shifts[p][s] doppler n)) / sqrt(sinusoids), so
 * its mean power is 1. Gains are computed every knot_spacing samples and are straight lines in between.
 *
 * Not gr-channels' selective_fading_model: its sinc has no window, so delays of a fraction of a sample are far off at
 * the edge of our band; its phases in float are too coarse for a slow channel at a high sample rate; and it computes all
 * sinusoids and filters anew for each sample.
 */
class SEMCOM_API tapped_delay_line : virtual public gr::sync_block
{
public:
    typedef std::shared_ptr<tapped_delay_line> sptr;

    /*!
     * \param path_filters impulse responses of the paths at gain 1: as many taps each
     * \param shifts Doppler shifts of each path's sinusoids, in units of doppler
     * \param cycles their phases at the first sample, in cycles
     * \param doppler largest Doppler shift in cycles a sample
     * \param knot_spacing samples, 1 or more
     * \param delay samples that the filters lag, by which tags move
     *
     * \throws std::invalid_argument for sizes that do not fit
     */
    static sptr make(const std::vector<std::vector<float>>& path_filters,
                     const std::vector<std::vector<double>>& shifts,
                     const std::vector<std::vector<double>>& cycles,
                     double doppler,
                     int knot_spacing,
                     unsigned delay);

    //! From the next knot on; gains go on from where they are.
    virtual void set_doppler(double doppler, int knot_spacing) = 0;
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_TAPPED_DELAY_LINE_H */
