/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_TAPPED_DELAY_LINE_IMPL_H
#define INCLUDED_SEMCOM_TAPPED_DELAY_LINE_IMPL_H

#include <gnuradio/semcom/tapped_delay_line.h>

#include <volk/volk_alloc.hh>

#include <mutex>

namespace gr {
namespace semcom {

class tapped_delay_line_impl : public tapped_delay_line
{
public:
    tapped_delay_line_impl(const std::vector<std::vector<float>>& path_filters,
                           const std::vector<std::vector<double>>& shifts,
                           const std::vector<std::vector<double>>& cycles,
                           double doppler,
                           int knot_spacing,
                           unsigned delay);

    void set_doppler(double doppler, int knot_spacing) override;

    int work(int noutput_items,
             gr_vector_const_void_star& input_items,
             gr_vector_void_star& output_items) override;

private:
    void set_turns();
    void next_knot();
    void make_filter();

    const std::size_t d_paths, d_sinusoids, d_taps;
    const std::vector<std::vector<double>> d_shifts;
    std::vector<volk::vector<gr_complex>> d_filters;  // of each path, latest sample last
    // Of each path's sinusoids: phasors at the knot behind, and what they turn by from knot to knot
    std::vector<double> d_re, d_im, d_turn_re, d_turn_im;
    volk::vector<gr_complex> d_here, d_there, d_product; // filters at the knots before and behind
    int d_spacing, d_into = 0;                           // samples from knot to knot, and since the last one
    uint64_t d_knots = 0;

    std::mutex d_mutex; // of what set_doppler() leaves for the next knot
    double d_doppler;
    int d_next_spacing;
    bool d_changed = false;
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_TAPPED_DELAY_LINE_IMPL_H */
