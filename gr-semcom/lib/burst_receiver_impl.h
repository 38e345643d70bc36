/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_BURST_RECEIVER_IMPL_H
#define INCLUDED_SEMCOM_BURST_RECEIVER_IMPL_H

#include "phy/receiver.h"

#include <gnuradio/semcom/burst_receiver.h>

#include <atomic>
#include <mutex>
#include <vector>

namespace gr {
namespace semcom {

class burst_receiver_impl : public burst_receiver, private ::semcom::phy::receiver_listener
{
public:
    burst_receiver_impl(double samp_rate,
                        double timeout_s,
                        double false_alarm,
                        const std::string& preset,
                        const std::string& equalizer);

    uint64_t frames() const override { return counters().frames; }
    uint64_t header_failures() const override { return counters().header_failures; }
    uint64_t images() const override { return counters().images; }
    uint64_t fragments_lost() const override { return counters().fragments_lost; }
    uint64_t contradictory_fragments() const override { return counters().contradictory_fragments; }
    uint64_t nonfinite_samples() const override { return counters().nonfinite_samples; }
    uint64_t gaps() const override { return d_gaps; }

    int work(int noutput_items,
             gr_vector_const_void_star& input_items,
             gr_vector_void_star& output_items) override;

private:
    void on_frame(const ::semcom::phy::frame_report& report) override;
    void on_image(const ::semcom::phy::received_image& image) override;
    void on_preview(const ::semcom::phy::received_image& image) override;
    void on_carriers(const gr_complex* carriers, size_t count, float gain) override;
    pmt::pmt_t pdu(const ::semcom::phy::received_image& image) const;
    void show_counters();
    ::semcom::phy::receiver_counters counters() const;
    void count_gaps(int samples);
    double hertz(double rad_per_sample) const;

    const double d_samp_rate;
    ::semcom::phy::receiver d_receiver;
    std::vector<gr::tag_t> d_tags;
    std::vector<gr_complex> d_carriers;
    bool d_dated = false; // a time has come
    std::atomic<uint64_t> d_gaps = 0;
    mutable std::mutex d_counters_mutex;
    ::semcom::phy::receiver_counters d_counters; // as of the last call of work() or flush
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_BURST_RECEIVER_IMPL_H */
