// SPDX-License-Identifier: GPL-3.0-or-later
#include "ofdm.h"
#include "prng.h"

#include <volk/volk.h>
#include <algorithm>
#include <cmath>

namespace semcom::phy {

cf qpsk(unsigned bits)
{
    constexpr float a = 0.70710678f;
    return { bits & 1 ? -a : a, bits & 2 ? -a : a };
}

carrier_map::carrier_map(const frame_params& params) : d_used(params.used_carriers)
{
    const int pilots = params.pilot_carriers;
    for (int i = 0; i < pilots; ++i) // evenly spread, each in the middle of its share
        d_pilots.push_back((2 * i + 1) * d_used / (2 * pilots));
    for (int c = 0; c < d_used; ++c)
        if (!std::binary_search(d_pilots.begin(), d_pilots.end(), c))
            d_data.push_back(c);

    const int symbols =
        params.header_symbols + params.payload_ofdm_symbols(params.max_fragment_symbols);
    prng random(static_cast<uint64_t>(sequence::pilots));
    d_pilot_values.resize(size_t{ 1 } * symbols * pilots);
    for (auto& value : d_pilot_values)
        value = qpsk(random.below(4));
}

ofdm::ofdm(const frame_params& params)
    : d_size(params.fft_size),
      d_prefix(params.cyclic_prefix),
      d_used(params.used_carriers),
      d_forward(d_size, direction::forward),
      d_inverse(d_size, direction::inverse)
{
}

void ofdm::modulate(const cf* carriers, cf* samples)
{
    const int half = d_used / 2;
    const float scale = 1.0f / std::sqrt(static_cast<float>(d_size));
    cf* bins = d_inverse.in();
    std::fill_n(bins, d_size, cf{});
    std::copy_n(carriers, half, bins + d_size - half);
    std::copy_n(carriers + half, half, bins + 1);
    d_inverse.run();
    for (int n = 0; n < d_size; ++n)
        samples[d_prefix + n] = scale * d_inverse.out()[n];
    std::copy_n(samples + d_size, d_prefix, samples);
}

void ofdm::demodulate(const cf* samples, double phase, double cfo, cf* carriers)
{
    const int half = d_used / 2;
    const float scale = 1.0f / std::sqrt(static_cast<float>(d_size));
    cf turn(std::polar(1.0f, static_cast<float>(-phase))); // VOLK takes it for a unit vector
    const cf step(std::polar(1.0, -cfo));
    volk_32fc_s32fc_x2_rotator_32fc(d_forward.in(), samples, step, &turn, d_size);
    d_forward.run();
    for (int c = 0; c < half; ++c) {
        carriers[c] = scale * d_forward.out()[d_size - half + c];
        carriers[half + c] = scale * d_forward.out()[1 + c];
    }
}

} // namespace semcom::phy
