// SPDX-License-Identifier: GPL-3.0-or-later
#include "acquisition.h"

#include <volk/volk.h>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace semcom::phy {

acquisition::acquisition(const frame_params& params, const preamble& known)
    : d_params(params),
      d_map(params),
      d_ofdm(params),
      d_to_delay(params.fft_size, direction::inverse),
      d_tap_power(params.fft_size)
{
    for (int s = 0; s < 2; ++s) {
        d_received[s].resize(params.used_carriers);
        d_taps[s].resize(params.fft_size);
        d_weight[s].resize(params.used_carriers);
        for (int c = 0; c < params.used_carriers; ++c) {
            const float hann = 1 + std::cos(M_PI * d_map.frequency(c) / (params.used_carriers / 2 + 1));
            d_weight[s][c] = hann * std::conj(known.carriers[s][c]);
        }
    }
}

//! FFT windows that begin a prefix early: what comes d samples after P's peak is tap cyclic_prefix + d.
const cf* acquisition::window(const cf* p1, int symbol) const
{
    return p1 + symbol * d_params.symbol_samples() - d_params.cyclic_prefix;
}

/*! The impulse response that P or Q shows, seen through a Hann window over the carriers; what lies \p shift carrier
 *  spacings above its place is taken for it.
 */
void acquisition::taps_of(int symbol, int shift)
{
    const int n = d_params.fft_size;
    std::fill_n(d_to_delay.in(), n, cf{});
    for (int c = 0; c < d_map.used(); ++c) {
        const int bin = d_map.frequency(c), from = d_map.carrier(bin + shift);
        if (from >= 0)
            d_to_delay.in()[bin & (n - 1)] = mul(d_weight[symbol][c], d_received[symbol][from]);
    }
    d_to_delay.run();
    std::copy_n(d_to_delay.out(), n, d_taps[symbol].begin());
}

/*! The frequency offset at which P and Q show the same channel.
 *
 *  Offsets half a carrier spacing apart are tried: near the right one the impulse responses coincide, and the phase
 *  between them tells the rest, which is unambiguous within +-pi / symbol_samples.
 */
double acquisition::coarse_cfo(const cf* p1)
{
    const int reach = 2 * d_params.cyclic_prefix; // taps of paths within a prefix of the strongest
    const double half_spacing = M_PI / d_params.fft_size;
    const int most = static_cast<int>(std::ceil(d_params.max_cfo / half_spacing));
    double best = -1, cfo = 0;
    for (int odd = 0; odd < 2; ++odd) {
        for (int s = 0; s < 2; ++s)
            d_ofdm.demodulate(window(p1, s), 0, odd * half_spacing, d_received[s].data());
        for (int shift = -(most + 1) / 2; shift <= (most + 1) / 2; ++shift) {
            const int halves = 2 * shift + odd;
            if (std::abs(halves) > most)
                continue;
            for (int s = 0; s < 2; ++s)
                taps_of(s, shift);
            cf turn;
            volk_32fc_x2_conjugate_dot_prod_32fc(&turn, d_taps[1].data(), d_taps[0].data(), reach + 1);
            if (std::abs(turn) > best) {
                best = std::abs(turn);
                const double guess = halves * half_spacing, phase = guess * d_params.symbol_samples();
                cfo = guess + std::remainder(std::arg(turn) - phase, 2 * M_PI) / d_params.symbol_samples();
            }
        }
    }
    return cfo;
}

acquisition::result acquisition::run(const cf* p1)
{
    const int n = d_params.fft_size, prefix = d_params.cyclic_prefix;
    const double cfo = coarse_cfo(p1);
    float* power = d_tap_power.data();
    std::fill_n(power, n, 0.0f);
    for (int s = 0; s < 2; ++s) {
        d_ofdm.demodulate(window(p1, s), cfo * s * d_params.symbol_samples(), cfo, d_received[s].data());
        taps_of(s, 0);
        for (int i = 0; i < n; ++i)
            power[i] += std::norm(d_taps[s][i]);
    }

    // Taps that no channel inside the prefix reaches show the noise.
    const int empty = 2 * prefix + 4;
    const float noise = std::accumulate(power + empty, power + n - 4, 0.0f) / (n - 4 - empty);
    const float peak = *std::max_element(power, power + 2 * prefix + 1);
    const float threshold = std::max(8 * noise, 1e-3f * peak);
    cf turn{};
    for (int i = 0; i <= 2 * prefix; ++i) {
        if (power[i] < threshold)
            power[i] = 0;
        else
            turn += conj_mul(d_taps[0][i], d_taps[1][i]);
    }
    return { cfo + std::arg(turn) / d_params.symbol_samples(), place_window() };
}

//! The back-off that leaves most of the impulse response inside the prefix; of equal ones the middle.
int acquisition::place_window() const
{
    const int prefix = d_params.cyclic_prefix;
    const auto inside = [&](int backoff) {
        const float* begin = d_tap_power.data() + prefix - backoff;
        return std::accumulate(begin, begin + prefix + 1, 0.0f);
    };
    float most = 0;
    for (int b = 0; b <= prefix; ++b)
        most = std::max(most, inside(b));
    const auto good = [&](int b) { return inside(b) >= 0.999f * most; };
    int first = 0;
    while (!good(first))
        ++first;
    int last = first;
    while (last < prefix && good(last + 1))
        ++last;
    return (first + last) / 2;
}

} // namespace semcom::phy
