/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_ZMQ_LINK_H
#define INCLUDED_SEMCOM_LOOPBACK_ZMQ_LINK_H

#include "channel.h"

#include <atomic>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <future>
#include <string>

namespace semcom::loopback {

/*!
 * \brief What precedes the samples in a message; in the byte order of the host.
 */
struct message_header {
    char magic[4];      //!< "SCLB"
    uint16_t version;   //!< 1
    event what;         //!< samples, burst_start, stream_start or end
    uint32_t samples;   //!< 1..max_samples complex floats follow if what is samples, else 0
    uint32_t reserved;  //!< 0
    double samp_rate;   //!< samples a second

    static constexpr std::size_t max_samples = 8192;
};

/*!
 * \brief Tells whether size bytes at data are a message that a source at samp_rate can use.
 */
bool parse_message(const void* data, std::size_t size, double samp_rate, message_header& header);

/*!
 * \brief One end of a channel through ZeroMQ, PUSH at the sink and PULL at the source.
 *
 * A thread moves data between queue and socket. Both are bounded and wait when full, so a slow source holds up
 * the sink, and nothing is dropped.
 */
class zmq_endpoint : public endpoint
{
public:
    zmq_endpoint(const std::string& address, role end, double samp_rate);
    ~zmq_endpoint() override;
    zmq_endpoint(const zmq_endpoint&) = delete;
    zmq_endpoint& operator=(const zmq_endpoint&) = delete;

    sample_queue& queue() override { return d_queue; }
    void start() override;
    std::size_t finish() override;
    uint64_t refused() const override { return d_refused; }

private:
    void run_empty();
    void open_socket();
    void close_socket();
    void send_all();
    void receive_all();

    const std::string d_address;
    const role d_end;
    const double d_samp_rate;
    sample_queue d_queue;
    std::atomic<uint64_t> d_refused{ 0 };
    void* d_context = nullptr;
    void* d_socket = nullptr;
    std::future<void> d_thread;
};

} // namespace semcom::loopback

#endif /* INCLUDED_SEMCOM_LOOPBACK_ZMQ_LINK_H */
