/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "listener.h"

#include <algorithm>
#include <utility>

namespace semcom::loopback {

listener::listener(sample_queue& queue, double samp_rate, const impairments& settings, uint64_t seed)
    : d_queue(queue),
      d_samp_rate(samp_rate),
      d_seed(seed),
      d_settings(settings),
      d_model(samp_rate, seed),
      d_since(clock::now()),
      d_silence(block)
{
    settings.check(samp_rate);
}

impairments listener::settings() const
{
    const std::lock_guard<std::mutex> lock(d_mutex);
    return d_settings;
}

void listener::change(const std::function<void(impairments&)>& edit)
{
    const std::lock_guard<std::mutex> lock(d_mutex);
    impairments changed = d_settings;
    edit(changed);
    changed.check(d_samp_rate);
    d_settings = std::move(changed);
    d_changes++;
}

listener::result listener::produce(std::complex<float>* out, std::size_t max)
{
    max = std::min(max, block);
    for (;;) {
        if (d_zeros > 0) {
            const std::size_t n = std::min(max, d_zeros);
            d_zeros -= n;
            return pass(d_silence.data(), out, n);
        }
        if (d_state == state::tail)
            d_state = state::idle;

        const double wait_s = d_owed >= 1 ? 0.0 : d_state == state::idle ? idle_wait_s : burst_wait_s;
        const auto next = d_queue.pop(out, max, wait_s);
        if (next.what == event::nothing) {
            if (const std::size_t n = noise(out, max))
                return { n, false };
            continue;
        }

        d_owed = 0;
        d_since = clock::now();
        switch (next.what) {
        case event::samples:
            if (d_state == state::idle) { // came in while a burst was on air: there is no start to delay
                begin(event::burst_start);
                d_zeros = 0;
                d_draw.delay_samples -= std::exchange(d_draw.lead, 0);
            } else if (d_state == state::stream && d_changes != d_drawn_changes) {
                draw();
                d_model.retune(d_draw);
            }
            return pass(out, out, next.samples);
        case event::end:
            d_zeros = d_state == state::idle ? 0 : d_draw.filter.size() - 1;
            d_state = state::tail;
            break;
        default:
            begin(next.what);
        }
    }
}

void listener::draw()
{
    const std::lock_guard<std::mutex> lock(d_mutex);
    d_drawn_changes = d_changes;
    draw_burst(d_settings, d_seed, d_bursts++, d_draw);
    d_announce = true;
}

void listener::begin(event what)
{
    draw();
    d_model.begin(d_draw);
    d_zeros = d_draw.lead;
    d_state = what == event::stream_start ? state::stream : state::burst;
}

listener::result listener::pass(const std::complex<float>* in, std::complex<float>* out, std::size_t n)
{
    d_model.process(in, out, n);
    return { n, std::exchange(d_announce, false) };
}

std::size_t listener::noise(std::complex<float>* out, std::size_t max)
{
    const auto now = clock::now();
    const double elapsed_s = std::chrono::duration<double>(now - d_since).count();
    d_since = now;
    d_owed = std::min(d_owed + elapsed_s * d_samp_rate, std::max(1.0, max_backlog_s * d_samp_rate));
    const std::size_t n = std::min(max, static_cast<std::size_t>(d_owed));
    d_owed -= n;

    double noise_var;
    {
        const std::lock_guard<std::mutex> lock(d_mutex);
        noise_var = d_settings.noise_var();
    }
    d_model.gap(out, n, noise_var);
    return n;
}

} // namespace semcom::loopback
