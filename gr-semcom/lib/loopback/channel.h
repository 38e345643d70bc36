/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_CHANNEL_H
#define INCLUDED_SEMCOM_LOOPBACK_CHANNEL_H

#include "sample_queue.h"

#include <cstdint>
#include <memory>
#include <string>

namespace semcom::loopback {

enum class role { sink, source };

/*!
 * \brief One end of a channel. The sink writes into its queue, the source reads from its queue.
 */
class endpoint
{
public:
    virtual ~endpoint() = default;

    virtual sample_queue& queue() = 0;

    //! Makes the channel usable again after finish().
    virtual void start() {}

    //! Hands on what the sink has written, within two seconds; returns the number of samples nobody took.
    virtual std::size_t finish() { return 0; }

    //! Messages from outside that were not understood and dropped.
    virtual uint64_t refused() const { return 0; }
};

/*!
 * \brief Opens one end of a channel.
 *
 * \param address a plain name: a channel within this process; "tcp://..." or "ipc://...": through ZeroMQ, where the
 *        sink binds (say tcp://0.0.0.0:5555) and the source connects (say tcp://localhost:5555)
 * \param end each channel has one sink and one source
 * \param samp_rate samples a second, the same at both ends
 *
 * \throws std::invalid_argument for an address or a rate that cannot be, an end that is taken, or a rate that
 *         differs from that of the other end
 * \throws std::runtime_error if ZeroMQ cannot bind or connect
 */
std::unique_ptr<endpoint> open_channel(const std::string& address, role end, double samp_rate);

} // namespace semcom::loopback

#endif /* INCLUDED_SEMCOM_LOOPBACK_CHANNEL_H */
