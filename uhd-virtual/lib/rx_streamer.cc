// SPDX-License-Identifier: GPL-3.0-or-later
#include "rx_streamer.h"

#include <uhd/exception.hpp>
#include <uhd/utils/log.hpp>

#include <algorithm>
#include <limits>

namespace uhd_virtual {

namespace {

constexpr int64_t endless = std::numeric_limits<int64_t>::max();

} // namespace

rx_streamer::rx_streamer(std::shared_ptr<radio> from, const uhd::stream_args_t& args)
    : d_radio(std::move(from)),
      d_format(*d_radio, args, direction::receive),
      d_claim(d_radio->where, d_format.rate),
      d_samples(reception::block),
      d_until_unplugged(d_radio->configured.samples_until_unplugged(d_format.rate))
{
    const settings& configured = d_radio->configured;
    for (const size_t channel : d_format.channels)
        d_receptions.push_back(std::make_unique<reception>(configured, d_radio->where, d_format.rate,
                                                           d_radio->time.ratio(), channel));
    if (!configured.record.empty())
        d_writer = std::make_unique<sigmf_writer>(configured.record, d_format.rate);
    if (!configured.replay.empty()) {
        d_reader = std::make_unique<sigmf_reader>(configured.replay);
        if (d_reader->rate() != d_format.rate)
            throw uhd::value_error("virtual USRP: the recording " + configured.replay + " has " +
                                   std::to_string(d_reader->rate()) + " samples a second and this stream " +
                                   std::to_string(d_format.rate) + ": set the sample rate of the recording.");
    }
}

void rx_streamer::issue_stream_cmd(const uhd::stream_cmd_t& command)
{
    const bool stops = command.stream_mode == uhd::stream_cmd_t::STREAM_MODE_STOP_CONTINUOUS;
    if (command.stream_now && !stops && d_format.channels.size() > 1)
        throw uhd::runtime_error("virtual USRP: several channels are aligned by a time only; give the stream command one.");
    std::lock_guard lock(d_mutex);
    // What is running on and on ends now, in favour of the next command if there is one.
    if (d_run && (stops || d_run->continuous)) {
        const int64_t latency = d_radio->time.samples_in(d_radio->receive_latency, d_format.rate);
        const int64_t arrived = now() - latency - reception::look_ahead;
        d_run->remaining = std::clamp<int64_t>(arrived - d_run->next, 0, d_run->remaining);
        d_run->continuous = d_run->more_expected = false;
    }
    if (stops)
        d_commands.clear();
    else
        d_commands.push_back(command);
    d_changed.notify_all();
}

size_t rx_streamer::recv(const buffs_type& buffers, size_t wanted, uhd::rx_metadata_t& metadata, double timeout,
                         bool one_packet)
{
    metadata.reset();
    if (one_packet)
        wanted = std::min(wanted, d_format.packet_samples);
    std::unique_lock lock(d_mutex);
    if (d_until_unplugged <= 0)
        throw uhd::io_error("virtual USRP: it was unplugged");
    size_t done = 0;
    while (done < wanted && !metadata.end_of_burst) {
        const event next = wait_for_packet(lock, host_time_after(timeout), wanted - done);
        if (next.error != error_code::ERROR_CODE_NONE) {
            if (done == 0)
                describe(next, metadata);
            else if (next.error != error_code::ERROR_CODE_TIMEOUT)
                d_error = next; // what was received before it goes first
            break;
        }
        if (done == 0)
            describe(next, metadata);
        deliver(buffers, done, next);
        done += next.samples;
        d_until_unplugged -= next.samples;
        d_run->next += next.samples;
        d_run->at_start = false;
        if (d_run->remaining != endless)
            d_run->remaining -= next.samples;
        metadata.end_of_burst = d_run->remaining == 0 && !d_run->more_expected;
    }
    return done;
}

host_time rx_streamer::arrival(int64_t sample) const
{
    return d_radio->time.instant(sample + reception::look_ahead, d_format.rate) + d_radio->receive_latency;
}

rx_streamer::event rx_streamer::wait_for_packet(std::unique_lock<std::mutex>& lock, host_time deadline, size_t wanted)
{
    for (;;) {
        if (d_error)
            return *std::exchange(d_error, std::nullopt);
        if (!d_run) {
            if (const auto error = start_next_command())
                return *error;
            if (!d_run && d_changed.wait_until(lock, deadline) == std::cv_status::timeout && d_commands.empty())
                return { 0, error_code::ERROR_CODE_TIMEOUT, 0 };
            continue;
        }
        if (d_run->remaining == 0) {
            if (const auto error = finish_command(lock, deadline))
                return *error;
            continue;
        }
        if (has_overflowed())
            continue;
        const int64_t n = std::min<int64_t>(std::min(wanted, d_format.packet_samples), d_run->remaining);
        const host_time complete = arrival(d_run->next + n), time = std::chrono::steady_clock::now();
        if (time >= complete)
            return { static_cast<size_t>(n), error_code::ERROR_CODE_NONE, d_run->next };
        if (time >= deadline)
            return { 0, error_code::ERROR_CODE_TIMEOUT, 0 };
        d_changed.wait_until(lock, std::min(deadline, complete));
    }
}

std::optional<rx_streamer::event> rx_streamer::start_next_command()
{
    if (d_commands.empty())
        return std::nullopt;
    const uhd::stream_cmd_t command = d_commands.front();
    d_commands.pop_front();
    const int64_t soonest = now();
    const int64_t start = command.stream_now ? soonest : d_radio->time.sample_at(command.time_spec, d_format.rate);
    if (start < soonest) {
        UHD_LOG_FASTPATH("L");
        return event{ 0, error_code::ERROR_CODE_LATE_COMMAND, start };
    }
    const bool continuous = command.stream_mode == uhd::stream_cmd_t::STREAM_MODE_START_CONTINUOUS;
    const bool more = command.stream_mode == uhd::stream_cmd_t::STREAM_MODE_NUM_SAMPS_AND_MORE;
    d_run = run{ start, continuous ? endless : static_cast<int64_t>(command.num_samps), continuous, more, true };
    return std::nullopt;
}

/* The command has had all of its samples. One that announced another waits for it until its time has come. */
std::optional<rx_streamer::event> rx_streamer::finish_command(std::unique_lock<std::mutex>& lock, host_time deadline)
{
    const run ended = *d_run;
    if (!ended.more_expected) {
        d_run.reset();
        return std::nullopt;
    }
    if (!d_commands.empty()) {
        d_run.reset();
        const bool adjoins = d_commands.front().stream_now;
        const auto error = start_next_command();
        if (adjoins && d_run)
            d_run->next = ended.next;
        return error;
    }
    if (std::chrono::steady_clock::now() >= arrival(ended.next)) {
        d_run.reset();
        return event{ 0, error_code::ERROR_CODE_BROKEN_CHAIN, ended.next };
    }
    if (std::chrono::steady_clock::now() >= deadline)
        return event{ 0, error_code::ERROR_CODE_TIMEOUT, 0 };
    d_changed.wait_until(lock, std::min(deadline, arrival(ended.next)));
    return std::nullopt;
}

/* A reader that is further behind than the device's buffer has lost what is in it; the stream goes on from now. */
bool rx_streamer::has_overflowed()
{
    const int64_t latest = now();
    if (latest - d_run->next <= d_radio->configured.recv_buffer_samples())
        return false;
    UHD_LOG_FASTPATH("O");
    d_error = event{ 0, error_code::ERROR_CODE_OVERFLOW, d_run->next };
    if (d_run->continuous)
        d_run->next = latest;
    else
        d_run.reset();
    return true;
}

void rx_streamer::deliver(const buffs_type& buffers, size_t done, const event& what)
{
    for (size_t i = 0; i < d_receptions.size(); ++i) {
        const size_t channel = d_format.channels[i];
        front_end& end = d_radio->rx[channel];
        const double frequency_hz = d_radio->rx_frequency_hz(channel);
        if (d_reader && i == 0) {
            d_reader->read(d_samples.data(), what.samples);
        } else {
            const auto result = d_receptions[i]->receive(what.sample, what.samples, frequency_hz, end.gain_db,
                                                         d_samples.data());
            end.clipped_samples += result.clipped;
            end.power_dbm = result.power_dbm;
        }
        if (d_writer && i == 0)
            d_writer->write(d_samples.data(), what.samples, what.sample, frequency_hz);
        void* out = static_cast<char*>(buffers[i]) + done * d_format.bytes_per_item;
        d_format.converter->conv(static_cast<const void*>(d_samples.data()), out, what.samples);
    }
}

void rx_streamer::describe(const event& what, uhd::rx_metadata_t& metadata)
{
    metadata.error_code = what.error;
    if (what.error == error_code::ERROR_CODE_TIMEOUT)
        return;
    metadata.has_time_spec = true;
    metadata.time_spec = d_radio->time.time_of(what.sample, d_format.rate);
    metadata.start_of_burst = what.samples > 0 && d_run->at_start;
}

} // namespace uhd_virtual
