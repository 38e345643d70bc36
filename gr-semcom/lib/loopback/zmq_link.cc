/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "zmq_link.h"

#include <zmq.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

namespace semcom::loopback {

namespace {

using sample = std::complex<float>;
constexpr uint16_t protocol_version = 1;
constexpr int messages_in_flight = 16; // a side, so that a slow source holds up the sink soon
constexpr std::chrono::milliseconds grace(1000);
constexpr std::size_t max_message = sizeof(message_header) + message_header::max_samples * sizeof(sample);

static_assert(sizeof(message_header) == 24, "the header has no padding");

void set_option(void* socket, int option, int value) { zmq_setsockopt(socket, option, &value, sizeof value); }

} // namespace

bool parse_message(const void* data, std::size_t size, double samp_rate, message_header& header)
{
    if (size < sizeof header)
        return false;
    std::memcpy(&header, data, sizeof header);
    const bool samples_fit = header.what == event::samples
                                 ? header.samples > 0 && header.samples <= message_header::max_samples
                                 : header.what <= event::end && header.samples == 0;
    return std::memcmp(header.magic, "SCLB", 4) == 0 && header.version == protocol_version && samples_fit &&
           size == sizeof header + header.samples * sizeof(sample) && header.samp_rate == samp_rate;
}

zmq_endpoint::zmq_endpoint(const std::string& address, role end, double samp_rate)
    : d_address(address), d_end(end), d_samp_rate(samp_rate)
{
    start();
}

zmq_endpoint::~zmq_endpoint() { finish(); }

void zmq_endpoint::start()
{
    if (d_socket)
        return;
    open_socket();
    d_queue.reopen();
    d_thread = std::async(std::launch::async, [this] { d_end == role::sink ? send_all() : receive_all(); });
}

std::size_t zmq_endpoint::finish()
{
    if (!d_socket)
        return 0;
    d_queue.close();
    if (d_end == role::sink)
        run_empty();
    zmq_ctx_shutdown(d_context);  // wakes the thread if it still waits for the other side
    d_thread.wait();
    close_socket();
    return d_queue.size();
}

//! As long as the other side takes something.
void zmq_endpoint::run_empty()
{
    std::size_t left;
    do {
        left = d_queue.size();
        if (d_thread.wait_for(grace) == std::future_status::ready)
            return;
    } while (d_queue.size() < left);
}

void zmq_endpoint::open_socket()
{
    d_context = zmq_ctx_new();
    d_socket = zmq_socket(d_context, d_end == role::sink ? ZMQ_PUSH : ZMQ_PULL);
    set_option(d_socket, ZMQ_LINGER, grace.count());
    set_option(d_socket, ZMQ_SNDHWM, messages_in_flight);
    set_option(d_socket, ZMQ_RCVHWM, messages_in_flight);
    const int64_t max_size = max_message; // libzmq cuts off, for good, whoever sends more
    zmq_setsockopt(d_socket, ZMQ_MAXMSGSIZE, &max_size, sizeof max_size);
    const int failed =
        d_end == role::sink ? zmq_bind(d_socket, d_address.c_str()) : zmq_connect(d_socket, d_address.c_str());
    if (failed) {
        const std::string why = zmq_strerror(zmq_errno());
        close_socket();
        throw std::runtime_error("cannot open " + d_address + ": " + why);
    }
}

void zmq_endpoint::close_socket()
{
    zmq_close(d_socket);
    zmq_ctx_term(d_context);
    d_socket = d_context = nullptr;
}

void zmq_endpoint::send_all()
{
    std::vector<char> message(max_message);
    auto* samples = reinterpret_cast<sample*>(message.data() + sizeof(message_header));
    for (;;) {
        const auto next = d_queue.pop(samples, message_header::max_samples, std::numeric_limits<double>::infinity());
        if (next.what == event::closed)
            return;
        const message_header header = {
            { 'S', 'C', 'L', 'B' }, protocol_version, next.what, static_cast<uint32_t>(next.samples), 0, d_samp_rate
        };
        std::memcpy(message.data(), &header, sizeof header);
        const std::size_t size = sizeof header + next.samples * sizeof(sample);
        int sent;
        do {
            sent = zmq_send(d_socket, message.data(), size, 0);
        } while (sent < 0 && zmq_errno() == EINTR);
        if (sent < 0)
            return; // the context was shut down
    }
}

void zmq_endpoint::receive_all()
{
    std::vector<char> message(max_message);
    const auto* samples = reinterpret_cast<const sample*>(message.data() + sizeof(message_header));
    for (;;) {
        const int size = zmq_recv(d_socket, message.data(), message.size(), 0);
        if (size < 0 && zmq_errno() == EINTR)
            continue;
        if (size < 0)
            return; // the context was shut down
        message_header header;
        if (!parse_message(message.data(), size, d_samp_rate, header)) {
            d_refused++;
            continue;
        }
        const bool open =
            header.what == event::samples ? d_queue.push(samples, header.samples) : d_queue.push(header.what);
        if (!open)
            return;
    }
}

} // namespace semcom::loopback
