// SPDX-License-Identifier: GPL-3.0-or-later
#include "frame_params.h"
#include "header.h"

#include <cmath>
#include <stdexcept>

namespace semcom::phy {

namespace {
constexpr double max_cfo_spacings = 8;

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
    require(max_cfo >= 0 && carrier_spacings(max_cfo) <= max_cfo_spacings,
            "max_cfo must be from 0 to 8 carrier spacings of 2 pi / fft_size rad/sample");
    require(carrier_spacings(max_cfo) * fft_size / used_carriers <= 0.75 * cyclic_prefix,
            "max_cfo must not move the preamble's peak by more than three quarters of cyclic_prefix");
    require(max_fragment_symbols >= 1 && max_fragment_symbols <= 65536,
            "max_fragment_symbols must be from 1 to 65536");
}

frame_params preset(const std::string& name)
{
    frame_params params;
    if (name == "narrow")
        return params;
    params.fft_size = 512;
    params.used_carriers = 416;
    params.header_symbols = 1;
    if (name == "wide") {
        params.cyclic_prefix = 32;
        params.pilot_carriers = 16;
        params.max_cfo = 0.02;
        return params;
    }
    if (name == "long_multipath") {
        params.cyclic_prefix = 128;
        params.pilot_carriers = 32;
        params.max_cfo = 0.03;
        return params;
    }
    throw std::invalid_argument("preset must be narrow, wide or long_multipath, not " + name);
}

const std::vector<std::string>& preset_names()
{
    static const std::vector<std::string> names = { "narrow", "wide", "long_multipath" };
    return names;
}

} // namespace semcom::phy
