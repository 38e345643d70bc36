/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tapped_delay_line_impl.h"

#include <gnuradio/io_signature.h>
#include <volk/volk.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace gr {
namespace semcom {

namespace {

constexpr double two_pi = 6.28318530717958647693;
constexpr uint64_t knots_to_trim = 4096; // after so many the phasors get their length back

template <typename T>
std::size_t width(const std::vector<std::vector<T>>& rows, std::size_t height, const char* name)
{
    const auto same = [&](const auto& row) { return row.size() == rows[0].size() && !row.empty(); };
    if (rows.size() != height || rows.empty() || !std::all_of(rows.begin(), rows.end(), same))
        throw std::invalid_argument(std::string(name) + " must have a row for each path, all of one length");
    return rows[0].size();
}

int checked_spacing(int knot_spacing)
{
    if (knot_spacing < 1)
        throw std::invalid_argument("knot_spacing must be 1 or more");
    return knot_spacing;
}

} // namespace

tapped_delay_line::sptr tapped_delay_line::make(const std::vector<std::vector<float>>& path_filters,
                                                const std::vector<std::vector<double>>& shifts,
                                                const std::vector<std::vector<double>>& cycles,
                                                double doppler,
                                                int knot_spacing,
                                                unsigned delay)
{
    return gnuradio::make_block_sptr<tapped_delay_line_impl>(path_filters, shifts, cycles, doppler, knot_spacing, delay);
}

tapped_delay_line_impl::tapped_delay_line_impl(const std::vector<std::vector<float>>& path_filters,
                                               const std::vector<std::vector<double>>& shifts,
                                               const std::vector<std::vector<double>>& cycles,
                                               double doppler,
                                               int knot_spacing,
                                               unsigned delay)
    : gr::sync_block("tapped_delay_line",
                     gr::io_signature::make(1, 1, sizeof(gr_complex)),
                     gr::io_signature::make(1, 1, sizeof(gr_complex))),
      d_paths(path_filters.size()),
      d_sinusoids(width(shifts, d_paths, "shifts")),
      d_taps(width(path_filters, d_paths, "path_filters")),
      d_shifts(shifts),
      d_re(d_paths * d_sinusoids),
      d_im(d_re.size()),
      d_turn_re(d_re.size()),
      d_turn_im(d_re.size()),
      d_here(d_taps),
      d_there(d_taps),
      d_product(d_taps),
      d_spacing(checked_spacing(knot_spacing)),
      d_doppler(doppler),
      d_next_spacing(knot_spacing)
{
    if (width(cycles, d_paths, "cycles") != d_sinusoids)
        throw std::invalid_argument("cycles must have as many columns as shifts");
    for (std::size_t p = 0; p < d_paths; ++p) {
        d_filters.emplace_back(path_filters[p].rbegin(), path_filters[p].rend());
        for (std::size_t s = 0; s < d_sinusoids; ++s) {
            d_re[p * d_sinusoids + s] = std::cos(two_pi * cycles[p][s]) / std::sqrt(double(d_sinusoids));
            d_im[p * d_sinusoids + s] = std::sin(two_pi * cycles[p][s]) / std::sqrt(double(d_sinusoids));
        }
    }
    set_turns();
    make_filter();
    next_knot();
    set_history(d_taps);
    declare_sample_delay(delay);
}

void tapped_delay_line_impl::set_doppler(double doppler, int knot_spacing)
{
    std::lock_guard<std::mutex> lock(d_mutex);
    d_next_spacing = checked_spacing(knot_spacing);
    d_doppler = doppler;
    d_changed = true;
}

//! What each phasor turns by from one knot to the next
void tapped_delay_line_impl::set_turns()
{
    for (std::size_t p = 0; p < d_paths; ++p)
        for (std::size_t s = 0; s < d_sinusoids; ++s) {
            const double angle = two_pi * d_doppler * d_spacing * d_shifts[p][s];
            d_turn_re[p * d_sinusoids + s] = std::cos(angle);
            d_turn_im[p * d_sinusoids + s] = std::sin(angle);
        }
}

void tapped_delay_line_impl::next_knot()
{
    {
        std::lock_guard<std::mutex> lock(d_mutex);
        if (d_changed) {
            d_spacing = d_next_spacing;
            set_turns();
            d_changed = false;
        }
    }
    const bool trim = ++d_knots % knots_to_trim == 0;
    const double length = 1 / std::sqrt(double(d_sinusoids));
    for (std::size_t i = 0; i < d_re.size(); ++i) {
        const double re = d_re[i] * d_turn_re[i] - d_im[i] * d_turn_im[i];
        const double im = d_re[i] * d_turn_im[i] + d_im[i] * d_turn_re[i];
        d_re[i] = re;
        d_im[i] = im;
    }
    for (std::size_t i = 0; trim && i < d_re.size(); ++i) {
        const double longer = std::hypot(d_re[i], d_im[i]) / length;
        d_re[i] /= longer;
        d_im[i] /= longer;
    }
    std::swap(d_here, d_there);
    make_filter();
}

//! All paths' filters at the gains that the phasors add up to: d_there.
void tapped_delay_line_impl::make_filter()
{
    std::fill(d_there.begin(), d_there.end(), gr_complex{});
    for (std::size_t p = 0; p < d_paths; ++p) {
        const std::size_t first = p * d_sinusoids;
        const auto sum = [&](const std::vector<double>& of) {
            return std::accumulate(of.begin() + first, of.begin() + first + d_sinusoids, 0.0);
        };
        const gr_complex gain(sum(d_re), sum(d_im));
        volk_32fc_s32fc_multiply_32fc(d_product.data(), d_filters[p].data(), gain, d_taps);
        volk_32f_x2_add_32f(reinterpret_cast<float*>(d_there.data()), reinterpret_cast<const float*>(d_there.data()),
                            reinterpret_cast<const float*>(d_product.data()), 2 * d_taps);
    }
}

int tapped_delay_line_impl::work(int noutput_items,
                                 gr_vector_const_void_star& input_items,
                                 gr_vector_void_star& output_items)
{
    const auto* in = static_cast<const gr_complex*>(input_items[0]);
    auto* out = static_cast<gr_complex*>(output_items[0]);
    for (int i = 0; i < noutput_items; ++i) {
        if (d_into == d_spacing) {
            d_into = 0;
            next_knot();
        }
        gr_complex here, there;
        volk_32fc_x2_dot_prod_32fc(&here, in + i, d_here.data(), d_taps);
        volk_32fc_x2_dot_prod_32fc(&there, in + i, d_there.data(), d_taps);
        out[i] = here + (static_cast<float>(d_into++) / d_spacing) * (there - here);
    }
    return noutput_items;
}

} // namespace semcom
} // namespace gr
