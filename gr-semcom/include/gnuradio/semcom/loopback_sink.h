/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_SINK_H
#define INCLUDED_SEMCOM_LOOPBACK_SINK_H

#include <gnuradio/semcom/api.h>
#include <gnuradio/sync_block.h>

#include <string>

namespace gr {
namespace semcom {

/*!
 * \brief Takes the place of a USRP sink: sends to the loopback_source at the same address.
 * \ingroup semcom
 *
 * Bursts are marked as for the USRP sink: by a length tag on the first sample, or by tx_sob on the first and tx_eob
 * on the last. A stream without such tags is sent as one burst without end. Once a length tag was seen, samples
 * between two bursts are dropped with a warning, as a USRP sink does. Other tags (tx_time, tx_freq) have no effect.
 *
 * While the flowgraph runs nothing else is dropped: the block waits while the channel is full. When it stops, a reader
 * in another process has about two seconds to take what is left; the rest is lost, with a warning for what never left
 * the block.
 */
class SEMCOM_API loopback_sink : virtual public gr::sync_block
{
public:
    typedef std::shared_ptr<loopback_sink> sptr;

    /*!
     * \param address a plain name, say air0: a channel within this process. tcp://0.0.0.0:PORT or ipc://FILE: to
     *        another process through ZeroMQ; the sink binds.
     * \param samp_rate samples a second; the loopback_source has the same
     * \param length_tag key of the tag that holds the length of a burst in samples; empty: none
     *
     * \throws std::invalid_argument for an address or rate that cannot be, or a name that has a sink already
     * \throws std::runtime_error if the address cannot be bound
     */
    static sptr make(const std::string& address, double samp_rate, const std::string& length_tag = "packet_len");
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_LOOPBACK_SINK_H */
