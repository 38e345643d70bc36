// SPDX-License-Identifier: GPL-3.0-or-later
#include "receiver.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace semcom::phy {

namespace {

//! False for NaN, Inf and what would overflow when squared and summed.
bool usable(cf sample)
{
    constexpr float limit = 1e9f;
    return std::abs(sample.real()) < limit && std::abs(sample.imag()) < limit;
}

} // namespace

receiver::receiver(const frame_params& params, double false_alarm, uint64_t timeout_samples)
    : d_params(validated(params)),
      d_preamble(params),
      d_detector(params, d_preamble, false_alarm),
      d_demodulator(params, d_preamble),
      d_timeout(static_cast<int64_t>(std::min<uint64_t>(timeout_samples, int64_t{ 1 } << 62))),
      d_symbols(params.max_fragment_symbols),
      d_noise_var(params.max_fragment_symbols)
{
    // Silence before the first sample, for a preamble that the stream's beginning cuts.
    d_buffer_start = -params.cyclic_prefix;
    d_filled = params.cyclic_prefix;
    d_buffer.resize(2 * (params.frame_samples(params.max_fragment_symbols) + 2 * d_detector.block()));
}

void receiver::push(const cf* samples, size_t count, receiver_listener& listener)
{
    while (count > 0) {
        const size_t now = std::min(count, d_buffer.size() - d_filled);
        append(samples, now);
        samples += now;
        count -= now;
        process(listener);
        if (d_filled > d_buffer.size() / 2)
            make_room();
    }
}

void receiver::append(const cf* samples, size_t count)
{
    cf* out = d_buffer.data() + d_filled;
    size_t bad = 0;
    for (size_t i = 0; i < count; ++i) {
        const bool ok = usable(samples[i]);
        out[i] = ok ? samples[i] : cf{};
        bad += !ok;
    }
    d_filled += count;
    d_counters.samples += count;
    d_counters.nonfinite_samples += bad;
}

//! Drops what lies before the block that the search is at and before the frame at hand.
void receiver::make_room()
{
    int64_t keep = d_search_from / d_detector.hop() * d_detector.hop() - d_detector.block();
    if (d_state != state::searching)
        keep = std::min(keep, d_p1 - d_params.cyclic_prefix);
    const int64_t drop = keep - d_buffer_start;
    if (drop <= 0)
        return;
    std::memmove(d_buffer.data(), d_buffer.data() + drop, (d_filled - drop) * sizeof(cf));
    d_buffer_start += drop;
    d_filled -= drop;
}

void receiver::process(receiver_listener& listener)
{
    bool more = true;
    while (more) {
        switch (d_state) {
        case state::searching:
            more = search(listener);
            break;
        case state::header:
            more = read_header(listener);
            break;
        case state::payload:
            more = read_payload(listener);
            break;
        }
    }
}

bool receiver::search(receiver_listener& listener)
{
    const int64_t hop = d_detector.hop();
    const int64_t block = d_search_from / hop * hop;
    if (!available(block + d_detector.block()))
        return false;
    if (const auto p1 = d_detector.scan(at(block), block, d_search_from)) {
        d_p1 = *p1;
        d_state = state::header;
        return true;
    }
    d_search_from = block + hop;
    if (d_assembler.pending() && d_search_from - d_last_frame_end > d_timeout)
        flush(listener);
    return true;
}

bool receiver::read_header(receiver_listener& listener)
{
    const int64_t preamble_end = d_p1 + 2 * d_params.fft_size;
    if (!available(preamble_end + d_params.header_samples()))
        return false;
    const auto head = d_demodulator.read_header(at(d_p1));
    if (head && head->fragment_symbols() <= static_cast<uint32_t>(d_params.max_fragment_symbols)) {
        d_header = *head;
        d_state = state::payload;
        return true;
    }
    ++d_counters.header_failures;
    listener.on_frame(report(false));
    d_search_from = preamble_end;
    d_state = state::searching;
    return true;
}

bool receiver::read_payload(receiver_listener& listener)
{
    const uint32_t count = d_header.fragment_symbols();
    const int64_t end = d_p1 - d_params.cyclic_prefix + d_params.frame_samples(count);
    if (!available(end))
        return false;
    d_demodulator.read_payload(at(d_p1), count, d_symbols.data(), d_noise_var.data());
    ++d_counters.frames;
    listener.on_frame(report(true));

    if (d_assembler.pending() && !d_assembler.belongs(d_header))
        flush(listener);
    const reception how{ d_demodulator.signal_power(), d_demodulator.noise_var(), d_demodulator.cfo() };
    const auto verdict = d_assembler.add(d_header, d_symbols.data(), d_noise_var.data(), how);
    d_counters.duplicate_fragments += verdict == assembler::verdict::duplicate;
    d_counters.contradictory_fragments += verdict == assembler::verdict::contradictory;
    if (d_assembler.finished())
        flush(listener);

    d_last_frame_end = d_search_from = end;
    d_state = state::searching;
    return true;
}

void receiver::flush(receiver_listener& listener)
{
    if (!d_assembler.pending())
        return;
    const received_image& image = d_assembler.take();
    ++d_counters.images;
    d_counters.fragments_lost += image.fragments_lost;
    listener.on_image(image);
}

frame_report receiver::report(bool header_ok) const
{
    frame_report r{};
    r.header_ok = header_ok;
    r.sample = static_cast<uint64_t>(std::max<int64_t>(0, d_p1 - d_params.cyclic_prefix));
    r.cfo = d_demodulator.cfo();
    r.snr_db = 10 * std::log10(d_demodulator.signal_power() / d_demodulator.noise_var());
    if (header_ok) {
        r.head = d_header;
        r.evm_percent = 100 * d_demodulator.evm();
    }
    return r;
}

} // namespace semcom::phy
