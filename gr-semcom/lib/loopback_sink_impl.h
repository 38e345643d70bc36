/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_SINK_IMPL_H
#define INCLUDED_SEMCOM_LOOPBACK_SINK_IMPL_H

#include "loopback/channel.h"

#include <gnuradio/semcom/loopback_sink.h>

namespace gr {
namespace semcom {

class loopback_sink_impl : public loopback_sink
{
public:
    loopback_sink_impl(const std::string& address, double samp_rate, const std::string& length_tag);

    bool start() override;
    bool stop() override;
    int work(int noutput_items,
             gr_vector_const_void_star& input_items,
             gr_vector_void_star& output_items) override;

private:
    enum class state {
        idle,    // between bursts
        counted, // in a burst of known length
        marked,  // in a burst from tx_sob to tx_eob
        stream   // in a stream without tags
    };

    void begin(state burst);
    void end();
    void begin_counted(const pmt::pmt_t& length);
    bool take_marks(uint64_t offset);
    void send(const gr_complex* samples, int n);
    void warn_once(bool& warned, const char* sentence);

    const pmt::pmt_t d_length_key; // PMT_NIL: none
    const std::unique_ptr<::semcom::loopback::endpoint> d_endpoint;
    std::vector<tag_t> d_tags;
    std::vector<tag_t>::const_iterator d_next_tag;
    state d_state = state::idle;
    uint64_t d_left = 0; // samples of a counted burst
    bool d_counted_seen = false;
    bool d_gap_warned = false, d_cut_warned = false, d_length_warned = false;
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_LOOPBACK_SINK_IMPL_H */
