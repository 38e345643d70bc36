// SPDX-License-Identifier: GPL-3.0-or-later
#include "preamble.h"
#include "ofdm.h"

#include <cmath>

namespace semcom::phy {

preamble::preamble(const frame_params& params)
    : boost(std::pow(10.0, params.preamble_boost_db / 10)),
      samples_a_spacing(static_cast<double>(params.fft_size) / params.used_carriers)
{
    ofdm modem(params);
    buffer<cf> symbol(params.symbol_samples());
    for (int s = 0; s < 2; ++s) {
        const double bend = (s == 0 ? -M_PI : M_PI) / params.used_carriers;
        carriers[s].resize(params.used_carriers);
        for (int c = 0; c < params.used_carriers; ++c)
            carriers[s][c] = std::polar(std::sqrt(boost), static_cast<float>(bend * c * c));
        modem.modulate(carriers[s].data(), symbol.data());
        samples[s].assign(symbol.begin() + params.cyclic_prefix, symbol.end());
    }
}

} // namespace semcom::phy
