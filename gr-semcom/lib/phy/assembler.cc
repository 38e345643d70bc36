// SPDX-License-Identifier: GPL-3.0-or-later
#include "assembler.h"

#include <algorithm>
#include <cmath>

namespace semcom::phy {

namespace {
//! The sequence number of an image's first frame: tells two images of the same id apart.
uint8_t base(const header& h) { return static_cast<uint8_t>(h.sequence - h.fragment); }
} // namespace

bool assembler::belongs(const header& h) const
{
    return pending() && h.image.image_id == d_first.image.image_id && base(h) == base(d_first) &&
           h.fragment > d_latest;
}

void assembler::begin(const header& h)
{
    d_first = h;
    d_image.info = h.image;
    d_image.symbols.assign(h.image.symbols, cf{});
    d_image.noise_var.assign(h.image.symbols, std::numeric_limits<float>::infinity());
    d_image.fragments = h.fragments;
    d_finished = false;
    d_signal = d_noise = d_cfo = 0;
}

bool assembler::add(const header& h, const cf* symbols, const float* noise_var, const reception& how)
{
    if (!pending())
        begin(h);
    if (h.image != d_first.image || h.fragments != d_first.fragments)
        return false;
    d_latest = h.fragment;
    ++d_fragments_seen;
    d_finished = d_fragments_seen == h.fragments || h.fragment + 1u == h.fragments;
    d_signal += how.signal_power;
    d_noise += how.noise_var;
    d_cfo += how.cfo;

    const float scale = h.image.scale;
    const uint32_t count = h.fragment_symbols();
    const auto& order = d_interleaver.order(count);
    cf* to = d_image.symbols.data() + h.first_symbol();
    float* var_to = d_image.noise_var.data() + h.first_symbol();
    for (uint32_t i = 0; i < count; ++i) {
        to[order[i]] = scale * symbols[i];
        var_to[order[i]] = scale * scale * noise_var[i];
    }
    return true;
}

const received_image& assembler::so_far()
{
    d_image.fragments_lost = d_image.fragments - d_fragments_seen;
    d_image.snr_db = 10 * std::log10(d_signal / d_noise);
    d_image.cfo = d_cfo / d_fragments_seen;
    return d_image;
}

const received_image& assembler::take()
{
    so_far();
    d_fragments_seen = 0;
    return d_image;
}

} // namespace semcom::phy
