/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "loopback_sink_impl.h"

#include <gnuradio/io_signature.h>

#include <algorithm>

namespace gr {
namespace semcom {

using ::semcom::loopback::event;
using ::semcom::loopback::open_channel;
using ::semcom::loopback::role;

namespace {

const pmt::pmt_t sob_key = pmt::mp("tx_sob");
const pmt::pmt_t eob_key = pmt::mp("tx_eob");

} // namespace

loopback_sink::sptr
loopback_sink::make(const std::string& address, double samp_rate, const std::string& length_tag)
{
    return gnuradio::make_block_sptr<loopback_sink_impl>(address, samp_rate, length_tag);
}

loopback_sink_impl::loopback_sink_impl(const std::string& address,
                                       double samp_rate,
                                       const std::string& length_tag)
    : gr::sync_block("loopback_sink",
                     gr::io_signature::make(1, 1, sizeof(gr_complex)),
                     gr::io_signature::make(0, 0, 0)),
      d_length_key(length_tag.empty() ? pmt::PMT_NIL : pmt::mp(length_tag)),
      d_endpoint(open_channel(address, role::sink, samp_rate))
{
}

bool loopback_sink_impl::start()
{
    d_endpoint->start();
    return sync_block::start();
}

bool loopback_sink_impl::stop()
{
    if (d_state != state::idle)
        d_endpoint->queue().try_push(event::end);
    d_state = state::idle;
    if (const std::size_t left = d_endpoint->finish())
        d_logger->warn("nobody took the last {} samples: is a loopback_source running at this address?", left);
    return sync_block::stop();
}

int loopback_sink_impl::work(int noutput_items,
                             gr_vector_const_void_star& input_items,
                             gr_vector_void_star&)
{
    const auto* in = static_cast<const gr_complex*>(input_items[0]);
    const uint64_t first = nitems_read(0);
    get_tags_in_window(d_tags, 0, 0, noutput_items);
    std::stable_sort(d_tags.begin(), d_tags.end(), tag_t::offset_compare);
    d_next_tag = d_tags.begin();

    for (int at = 0; at < noutput_items;) {
        const bool last_of_burst = take_marks(first + at);
        int until = last_of_burst ? at + 1 : noutput_items;
        if (d_next_tag != d_tags.end())
            until = std::min<uint64_t>(until, d_next_tag->offset - first);
        if (d_state == state::counted)
            until = std::min<uint64_t>(until, at + d_left);

        send(in + at, until - at);
        if (last_of_burst && d_state != state::counted)
            end();
        at = until;
    }
    return noutput_items;
}

/* Begins what the tags at this sample begin; true if one of them is tx_eob. */
bool loopback_sink_impl::take_marks(uint64_t offset)
{
    bool last_of_burst = false;
    for (; d_next_tag != d_tags.end() && d_next_tag->offset == offset; ++d_next_tag) {
        if (pmt::eq(d_next_tag->key, d_length_key))
            begin_counted(d_next_tag->value);
        else if (pmt::eq(d_next_tag->key, sob_key) && pmt::is_true(d_next_tag->value) && d_state != state::counted)
            begin(state::marked);
        else if (pmt::eq(d_next_tag->key, eob_key))
            last_of_burst = pmt::is_true(d_next_tag->value);
    }
    return last_of_burst;
}

void loopback_sink_impl::begin_counted(const pmt::pmt_t& length)
{
    if (!pmt::is_integer(length) || pmt::to_long(length) <= 0)
        return warn_once(d_length_warned, "a length tag does not hold a whole number above 0: ignored");
    if (d_left > 0)
        warn_once(d_cut_warned, "a length tag came before the last burst had its length: that burst is cut short");
    begin(state::counted);
    d_counted_seen = true;
    d_left = pmt::to_long(length);
}

void loopback_sink_impl::begin(state burst)
{
    end();
    d_state = burst;
    d_endpoint->queue().push(burst == state::stream ? event::stream_start : event::burst_start);
}

void loopback_sink_impl::end()
{
    if (d_state != state::idle)
        d_endpoint->queue().push(event::end);
    d_state = state::idle;
    d_left = 0;
}

void loopback_sink_impl::send(const gr_complex* samples, int n)
{
    if (d_state == state::idle && d_counted_seen)
        return warn_once(d_gap_warned, "samples between two bursts, after the length that the tag gives: dropped");
    if (d_state == state::idle)
        begin(state::stream);
    d_endpoint->queue().push(samples, n);
    if (d_state == state::counted && (d_left -= n) == 0)
        end();
}

void loopback_sink_impl::warn_once(bool& warned, const char* sentence)
{
    if (!warned)
        d_logger->warn(sentence);
    warned = true;
}

} // namespace semcom
} // namespace gr
