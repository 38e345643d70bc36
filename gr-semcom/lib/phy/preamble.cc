// SPDX-License-Identifier: GPL-3.0-or-later
#include "preamble.h"
#include "ofdm.h"

#include <algorithm>
#include <cmath>

namespace semcom::phy {

preamble::preamble(const frame_params& params)
    : carriers(params.used_carriers),
      samples(params.fft_size),
      boost(std::pow(10.0, params.preamble_boost_db / 10))
{
    for (int c = 0; c < params.used_carriers; ++c)
        carriers[c] = std::polar(std::sqrt(boost),
                                 static_cast<float>(-M_PI * c * c / params.used_carriers));
    buffer<cf> symbol(params.symbol_samples());
    ofdm(params).modulate(carriers.data(), symbol.data());
    std::copy(symbol.begin() + params.cyclic_prefix, symbol.end(), samples.begin());
}

} // namespace semcom::phy
