// SPDX-License-Identifier: GPL-3.0-or-later
#include "frame_params.h"
#include "header.h"

#include <cmath>
#include <stdexcept>

namespace semcom::phy {

namespace {
void require(bool ok, const char* sentence)
{
    if (!ok)
        throw std::invalid_argument(sentence);
}
} // namespace

void frame_params::validate() const
{
    require(fft_size >= 64 && fft_size <= 4096 && (fft_size & (fft_size - 1)) == 0,
            "fft_size must be a power of two from 64 to 4096");
    require(cyclic_prefix >= 4 && cyclic_prefix <= fft_size / 4,
            "cyclic_prefix must be from 4 samples to a quarter of fft_size");
    require(used_carriers % 2 == 0 && used_carriers >= 32 && used_carriers <= fft_size - 8,
            "used_carriers must be even, at least 32 and at most fft_size - 8");
    require(pilot_carriers >= 4 && pilot_carriers <= used_carriers / 4,
            "pilot_carriers must be from 4 to a quarter of used_carriers");
    require(header_symbols >= 1 && header_code_bits() >= 2 * header_bits &&
                header_code_bits() <= 4096,
            "header_symbols must give the header at least twice its bits on air and at most 4096");
    require(std::isfinite(preamble_boost_db) && preamble_boost_db >= 0 && preamble_boost_db <= 10,
            "preamble_boost_db must be from 0 to 10 dB");
    require(max_fragment_symbols >= 1 && max_fragment_symbols <= 65536,
            "max_fragment_symbols must be from 1 to 65536");
}

} // namespace semcom::phy
