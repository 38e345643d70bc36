// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "stream_format.h"

#include <uhd/version.hpp>
#include <volk/volk_alloc.hh>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace uhd_virtual {

/*! Transmits: send() puts the samples on the air ahead of their time, and waits while the device's buffer is full. */
class tx_streamer : public uhd::tx_streamer
{
public:
    tx_streamer(std::shared_ptr<radio> from, const uhd::stream_args_t& args);

    size_t get_num_channels() const override { return d_format.channels.size(); }
    size_t get_max_num_samps() const override { return d_format.packet_samples; }
    size_t send(const buffs_type& buffers, size_t n, const uhd::tx_metadata_t& metadata, double timeout) override;
    bool recv_async_msg(uhd::async_metadata_t& message, double timeout) override;
#if UHD_VERSION >= 4080000
    void post_output_action(const std::shared_ptr<uhd::rfnoc::action_info>&, size_t) override {} // RFNoC only
#endif

private:
    using event_code = uhd::async_metadata_t::event_code_t;

    struct event {
        host_time due;
        uhd::async_metadata_t message;
    };

    bool begin_burst(const uhd::tx_metadata_t& metadata);
    void end_burst();
    void notice_underflow();
    void report_underflow(int64_t sample);
    uint64_t first_waiting() const;
    size_t room() const;
    host_time when_sent(int64_t samples) const;
    void put_on_air(const buffs_type& buffers, size_t done, size_t n);
    void report(event_code code, int64_t sample, host_time due);
    int64_t now() const { return d_radio->time.now(d_format.rate); }
    host_time instant(int64_t sample) const { return d_radio->time.instant(sample, d_format.rate); }

    const std::shared_ptr<radio> d_radio;
    const stream_format d_format;
    const rate_claim d_claim;
    const int64_t d_buffer_samples;
    std::vector<transmit_channel> d_channels;
    volk::vector<sc16> d_samples;
    int64_t d_until_unplugged; // samples

    std::mutex d_mutex; // for what follows
    std::condition_variable d_changed;
    bool d_in_burst = false;
    std::optional<int64_t> d_next; // the sample that goes on the burst; unset: it goes on as soon as there are samples
    std::deque<event> d_events;
};

} // namespace uhd_virtual
