// SPDX-License-Identifier: GPL-3.0-or-later
#include "tx_streamer.h"
#include "converter_12bit.h"
#include "power.h"

#include <uhd/exception.hpp>
#include <uhd/utils/log.hpp>

#include <algorithm>
#include <thread>

namespace uhd_virtual {

namespace {

constexpr size_t block = 4096;
constexpr int no_device = -4;                                         // as libusb has it
constexpr size_t most_events = 1024;                                  // that wait for somebody to read them
constexpr uint64_t most_stretches = transmission::stretches_held / 4; // that wait to be sent

} // namespace

tx_streamer::tx_streamer(std::shared_ptr<radio> from, const uhd::stream_args_t& args)
    : d_radio(std::move(from)),
      d_format(*d_radio, args, direction::transmit),
      d_claim(d_radio->where, d_format.rate),
      d_buffer_samples(d_radio->configured.send_buffer_samples()),
      d_samples(block),
      d_until_unplugged(d_radio->configured.samples_until_unplugged(d_format.rate))
{
    for (size_t i = 0; i < d_format.channels.size(); ++i)
        d_channels.emplace_back(d_radio->where, now());
}

size_t tx_streamer::send(const buffs_type& buffers, size_t n, const uhd::tx_metadata_t& metadata, double timeout)
{
    std::unique_lock lock(d_mutex);
    notice_underflow();
    if ((!d_in_burst && (n > 0 || metadata.start_of_burst)) || metadata.has_time_spec) {
        if (!begin_burst(metadata))
            return n; // late, and dropped
    }
    if (d_until_unplugged <= 0)
        throw uhd::usb_error(no_device, "virtual USRP: it was unplugged");
    size_t done = 0;
    host_time deadline = host_time_after(timeout); // of the next packet
    while (done < n) {
        notice_underflow();
        if (!d_next) {
            const int64_t latency = d_radio->time.samples_in(d_radio->transmit_latency, d_format.rate);
            d_next = std::max(now() + latency, d_channels[0]->end());
        }
        const size_t fit = std::min({ room(), n - done, block });
        if (fit > 0) {
            put_on_air(buffers, done, fit);
            done += fit;
            d_until_unplugged -= fit;
            deadline = host_time_after(timeout);
            continue;
        }
        const host_time wake = when_sent(std::min<int64_t>(n - done, d_buffer_samples / 4));
        lock.unlock(); // recv_async_msg() goes on meanwhile
        std::this_thread::sleep_until(std::min(wake, deadline));
        lock.lock();
        if (std::chrono::steady_clock::now() >= deadline && room() == 0)
            return done;
    }
    if (metadata.end_of_burst)
        end_burst();
    d_changed.notify_all();
    return done;
}

/* Returns false for a burst whose time has passed or is taken. */
bool tx_streamer::begin_burst(const uhd::tx_metadata_t& metadata)
{
    d_in_burst = true;
    d_next.reset();
    if (!metadata.has_time_spec)
        return true;
    const int64_t start = d_radio->time.sample_at(metadata.time_spec, d_format.rate);
    if (start >= std::max(now(), d_channels[0]->end())) {
        d_next = start;
        return true;
    }
    UHD_LOG_FASTPATH("L");
    report(event_code::EVENT_CODE_TIME_ERROR, now(), std::chrono::steady_clock::now());
    d_in_burst = !metadata.end_of_burst;
    return false;
}

void tx_streamer::end_burst()
{
    if (!d_in_burst)
        return;
    const int64_t end = d_next.value_or(now());
    report(event_code::EVENT_CODE_BURST_ACK, end, instant(end));
    d_in_burst = false;
    d_next.reset();
}

/* The time of a sample that should go on the burst has passed: it goes on with what comes next. */
void tx_streamer::notice_underflow()
{
    if (!d_in_burst || !d_next || instant(*d_next) > std::chrono::steady_clock::now())
        return;
    report_underflow(*d_next);
    d_next.reset();
}

void tx_streamer::report_underflow(int64_t sample)
{
    UHD_LOG_FASTPATH("U");
    report(event_code::EVENT_CODE_UNDERFLOW, sample, std::chrono::steady_clock::now());
}

/* Number of the oldest stretch that is not sent entirely, out of the last most_stretches. */
uint64_t tx_streamer::first_waiting() const
{
    const transmission& sent = *d_channels[0];
    const int64_t time = now();
    uint64_t i = sent.count();
    for (; i > 0 && sent.count() - i < most_stretches; --i) {
        const auto before = sent.read(i - 1);
        if (!before || before->end <= time)
            break;
    }
    return i;
}

/* How many more samples fit the device's buffer, which holds those that are not sent yet. */
size_t tx_streamer::room() const
{
    const transmission& sent = *d_channels[0];
    const int64_t time = now();
    int64_t waiting = 0;
    uint64_t i = first_waiting();
    if (sent.count() - i == most_stretches)
        return 0;
    for (; i < sent.count(); ++i)
        if (const auto next = sent.read(i))
            waiting += next->end - std::max(next->begin, time);
    return static_cast<size_t>(std::max<int64_t>(d_buffer_samples - waiting, 0));
}

/* When so many of the samples that wait have been sent. */
host_time tx_streamer::when_sent(int64_t samples) const
{
    const transmission& sent = *d_channels[0];
    const int64_t time = now();
    for (uint64_t i = first_waiting(); i < sent.count(); ++i) {
        const auto next = sent.read(i);
        const int64_t begin = next ? std::max(next->begin, time) : 0;
        if (next && next->end - begin >= samples)
            return instant(begin + samples);
        samples -= next ? next->end - begin : 0;
    }
    return instant(sent.end());
}

void tx_streamer::put_on_air(const buffs_type& buffers, size_t done, size_t n)
{
    const int64_t first = *d_next;
    for (size_t i = 0; i < d_channels.size(); ++i) {
        const size_t channel = d_format.channels[i];
        front_end& end = d_radio->tx[channel];
        const void* in = static_cast<const char*>(buffers[i]) + done * d_format.bytes_per_item;
        d_format.converter->conv(in, static_cast<void*>(d_samples.data()), n);
        end.clipped_samples += convert_to_analog(d_samples.data(), n);
        d_channels[i]->append({ first, first + static_cast<int64_t>(n), d_radio->tx_frequency_hz(channel),
                                amplitude(tx_full_scale_dbm(end.gain_db)), d_radio->time.ratio() },
                              d_samples.data());
    }
    d_next = first + n;
    // Whoever listens may have been there before the samples were.
    if (std::chrono::steady_clock::now() > instant(first) + d_radio->receive_latency)
        report_underflow(first);
}

void tx_streamer::report(event_code code, int64_t sample, host_time due)
{
    for (size_t i = 0; i < d_format.channels.size(); ++i) {
        event next;
        next.due = due;
        next.message.channel = i;
        next.message.has_time_spec = true;
        next.message.time_spec = d_radio->time.time_of(sample, d_format.rate);
        next.message.event_code = code;
        d_events.push_back(next);
    }
    while (d_events.size() > most_events)
        d_events.pop_front();
    d_changed.notify_all();
}

bool tx_streamer::recv_async_msg(uhd::async_metadata_t& message, double timeout)
{
    const host_time deadline = host_time_after(timeout);
    std::unique_lock lock(d_mutex);
    for (;;) {
        notice_underflow();
        const auto first = std::min_element(d_events.begin(), d_events.end(),
                                            [](const event& a, const event& b) { return a.due < b.due; });
        const host_time time = std::chrono::steady_clock::now();
        if (first != d_events.end() && first->due <= time) {
            message = first->message;
            d_events.erase(first);
            return true;
        }
        if (time >= deadline)
            return false;
        host_time wake = deadline;
        if (first != d_events.end())
            wake = std::min(wake, first->due);
        if (d_in_burst && d_next)
            wake = std::min(wake, instant(*d_next));
        d_changed.wait_until(lock, wake);
    }
}

} // namespace uhd_virtual
