// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "reception.h"
#include "sigmf.h"
#include "stream_format.h"

#include <uhd/version.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace uhd_virtual {

/*! Receives: recv() computes the samples of the time that has passed, in its caller's thread. */
class rx_streamer : public uhd::rx_streamer
{
public:
    rx_streamer(std::shared_ptr<radio> from, const uhd::stream_args_t& args);

    const std::vector<size_t>& channels() const { return d_format.channels; } //!< indices of front ends

    size_t get_num_channels() const override { return d_format.channels.size(); }
    size_t get_max_num_samps() const override { return d_format.packet_samples; }
    size_t recv(const buffs_type& buffers, size_t wanted, uhd::rx_metadata_t& metadata, double timeout,
                bool one_packet) override;
    void issue_stream_cmd(const uhd::stream_cmd_t& command) override;
#if UHD_VERSION >= 4080000
    void post_input_action(const std::shared_ptr<uhd::rfnoc::action_info>&, size_t) override {} // RFNoC only
#endif

private:
    using error_code = uhd::rx_metadata_t::error_code_t;

    //! What comes next: samples, or else an error.
    struct event {
        size_t samples;
        error_code error;
        int64_t sample; //!< the first one, or the one where the error occurred
    };

    //! A stream command that is being carried out.
    struct run {
        int64_t next, remaining;
        bool continuous, more_expected, at_start;
    };

    event wait_for_packet(std::unique_lock<std::mutex>& lock, host_time deadline, size_t wanted);
    std::optional<event> start_next_command();
    std::optional<event> finish_command(std::unique_lock<std::mutex>& lock, host_time deadline);
    bool has_overflowed();
    void deliver(const buffs_type& buffers, size_t done, const event& what);
    void describe(const event& what, uhd::rx_metadata_t& metadata);
    int64_t now() const { return d_radio->time.now(d_format.rate); }
    host_time arrival(int64_t sample) const;

    const std::shared_ptr<radio> d_radio;
    const stream_format d_format;
    const rate_claim d_claim;
    std::vector<std::unique_ptr<reception>> d_receptions; // one a channel
    std::unique_ptr<sigmf_writer> d_writer;
    std::unique_ptr<sigmf_reader> d_reader;
    volk::vector<sc16> d_samples;
    int64_t d_until_unplugged; // samples

    std::mutex d_mutex; // for what follows
    std::condition_variable d_changed;
    std::deque<uhd::stream_cmd_t> d_commands;
    std::optional<run> d_run;
    std::optional<event> d_error; // for the next recv()
};

} // namespace uhd_virtual
