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

//! From zero forcing to least error, for symbols of mean power 1; erased ones stay so.
void shrink_symbols(cf* symbols, float* noise_var, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        if (std::isfinite(noise_var[i])) {
            const float gain = 1 / (1 + noise_var[i]);
            symbols[i] *= gain;
            noise_var[i] *= gain;
        }
}

} // namespace

receiver::receiver(const frame_params& params, double false_alarm, uint64_t timeout_samples, equalizer output)
    : d_params(validated(params)),
      d_preamble(params),
      d_detector(params, d_preamble, false_alarm),
      d_payload(std::make_unique<demodulator>(params, d_preamble)),
      d_probe(std::make_unique<demodulator>(params, d_preamble)),
      d_timeout(static_cast<int64_t>(std::min<uint64_t>(timeout_samples, int64_t{ 1 } << 62))),
      d_output(output),
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

//! Drops what lies before the block that the search is at and before the frames at hand.
void receiver::make_room()
{
    int64_t keep = d_search_from / d_detector.hop() * d_detector.hop() - d_detector.block();
    if (d_state == state::header)
        keep = std::min(keep, d_found - d_params.cyclic_prefix);
    if (d_frame_end != no_frame)
        keep = std::min(keep, d_p1 - d_params.cyclic_prefix);
    const int64_t drop = keep - d_buffer_start;
    if (drop <= 0)
        return;
    std::memmove(d_buffer.data(), d_buffer.data() + drop, (d_filled - drop) * sizeof(cf));
    d_buffer_start += drop;
    d_filled -= drop;
}

//! The sample up to which the search, or the header that it found, needs the stream.
int64_t receiver::next_step() const
{
    if (d_state == state::header)
        return d_found - d_params.cyclic_prefix + d_params.preamble_samples() + d_params.header_samples();
    return d_search_from / d_detector.hop() * d_detector.hop() + d_detector.block();
}

//! Does what can be done with the samples that are there, always in the order in which it becomes possible.
void receiver::process(receiver_listener& listener)
{
    while (available(std::min(d_frame_end, next_step()))) {
        if (d_frame_end <= next_step())
            finish_frame(d_frame_end, listener);
        else if (d_state == state::searching)
            search(listener);
        else
            read_header(listener);
    }
}

void receiver::search(receiver_listener& listener)
{
    const int64_t hop = d_detector.hop();
    const int64_t block = d_search_from / hop * hop;
    if (const auto found = d_detector.scan(at(block), block, d_search_from)) {
        d_found = *found;
        d_state = state::header;
        return;
    }
    d_search_from = block + hop;
    if (d_frame_end == no_frame && d_assembler.pending() && d_search_from - d_last_frame_end > d_timeout)
        flush(listener);
}

void receiver::read_header(receiver_listener& listener)
{
    const int64_t preamble_end = d_found - d_params.cyclic_prefix + d_params.preamble_samples();
    d_state = state::searching;
    d_search_from = preamble_end;
    const auto head = d_probe->read_header(at(d_found));
    if (!head || head->fragment_symbols() > static_cast<uint32_t>(d_params.max_fragment_symbols)) {
        ++d_counters.header_failures;
        listener.on_frame(report(false, d_found, *d_probe));
        return;
    }
    if (d_frame_end != no_frame)
        finish_frame(d_found - d_params.cyclic_prefix, listener);
    std::swap(d_payload, d_probe);
    d_header = *head;
    d_p1 = d_found;
    d_frame_end = d_p1 - d_params.cyclic_prefix + d_params.frame_samples(head->fragment_symbols());
    d_search_from = preamble_end + d_params.header_samples();
}

//! The payload of the frame at hand, as far as it comes before \p end: its own, or where another frame began.
void receiver::finish_frame(int64_t end, receiver_listener& listener)
{
    const int64_t begin =
        d_p1 - d_params.cyclic_prefix + d_params.preamble_samples() + d_params.header_samples();
    const int there = static_cast<int>(std::max<int64_t>(0, end - begin) / d_params.symbol_samples());
    d_payload->read_payload(at(d_p1), d_header, there, d_symbols.data(), d_noise_var.data());
    if (d_output == equalizer::mmse)
        shrink_symbols(d_symbols.data(), d_noise_var.data(), d_header.fragment_symbols());
    d_frame_end = no_frame;
    ++d_counters.frames;
    listener.on_frame(report(true, d_p1, *d_payload));
    listener.on_carriers(
        d_payload->carriers(), d_payload->carriers_read(), std::sqrt(d_payload->signal_power()));

    if (d_assembler.pending() && !d_assembler.belongs(d_header))
        flush(listener);
    const reception how{ d_payload->signal_power(), d_payload->noise_var(), d_payload->cfo() };
    const bool taken = d_assembler.add(d_header, d_symbols.data(), d_noise_var.data(), how);
    d_counters.contradictory_fragments += !taken;
    if (d_assembler.finished())
        flush(listener);
    else if (taken && d_assembler.doubled())
        listener.on_preview(d_assembler.so_far());
    d_last_frame_end = end;
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

frame_report receiver::report(bool header_ok, int64_t p1, const demodulator& by) const
{
    frame_report r{};
    r.header_ok = header_ok;
    r.sample = static_cast<uint64_t>(std::max<int64_t>(0, p1 - d_params.cyclic_prefix));
    r.cfo = by.cfo();
    r.snr_db = 10 * std::log10(by.signal_power() / by.noise_var());
    if (header_ok) {
        r.head = d_header;
        r.evm_percent = 100 * by.evm();
    }
    return r;
}

} // namespace semcom::phy
