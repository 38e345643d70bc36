/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_BURST_TRANSMITTER_IMPL_H
#define INCLUDED_SEMCOM_BURST_TRANSMITTER_IMPL_H

#include "phy/transmitter.h"

#include <gnuradio/semcom/burst_transmitter.h>

#include <atomic>

namespace gr {
namespace semcom {

class burst_transmitter_impl : public burst_transmitter
{
public:
    burst_transmitter_impl(float amplitude,
                           uint32_t fragment_symbols,
                           const std::string& length_tag,
                           const std::string& preset,
                           const ::semcom::phy::burst_shape& shape);

    float peak() const override { return d_amplitude * d_transmitter.peak(); }
    float amplitude() const override { return d_amplitude; }
    void set_amplitude(float amplitude) override;
    uint64_t images() const override { return d_images; }
    uint64_t frames() const override { return d_frames; }
    uint64_t dropped() const override { return d_dropped; }

    int work(int noutput_items,
             gr_vector_const_void_star& input_items,
             gr_vector_void_star& output_items) override;

private:
    bool next_burst();
    bool wait_for_image();
    void sleep_until_a_message();
    void load(const pmt::pmt_t& pdu);
    void finish_burst();

    ::semcom::phy::transmitter d_transmitter;
    const pmt::pmt_t d_length_key;
    std::atomic<float> d_amplitude;
    std::atomic<uint64_t> d_images{ 0 }, d_frames{ 0 }, d_dropped{ 0 };

    uint16_t d_image_id = 0;
    uint64_t d_image_samples = 0;                  // of the image at hand, produced so far
    uint32_t d_next_fragment = 0, d_fragments = 0; // equal: no image at hand
    ::semcom::phy::buffer<gr_complex> d_burst;
    size_t d_burst_length = 0, d_burst_sent = 0;   // equal: no burst at hand
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_BURST_TRANSMITTER_IMPL_H */
