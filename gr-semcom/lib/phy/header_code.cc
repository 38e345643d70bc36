// SPDX-License-Identifier: GPL-3.0-or-later
#include "header_code.h"
#include "ofdm.h"
#include "prng.h"

#include <algorithm>

namespace semcom::phy {

namespace {
constexpr double design_esn0_db = -3;
constexpr int list_size = 32;

std::optional<header> parse(const uint8_t* info)
{
    header_word word;
    for (int i = 0; i < header_bits; ++i)
        word[i] = info[i];
    return unpack(word);
}
} // namespace

header_code::header_code(const frame_params& params)
    : d_polar(header_bits, params.header_code_bits(), design_esn0_db, list_size),
      d_scramble(params.header_code_bits()),
      d_info(header_bits),
      d_code(params.header_code_bits()),
      d_llr(params.header_code_bits())
{
    prng random(static_cast<uint64_t>(sequence::header_scrambler));
    for (auto& bit : d_scramble)
        bit = random.below(2);
}

void header_code::encode(const header& h, cf* out)
{
    const header_word word = pack(h);
    for (int i = 0; i < header_bits; ++i)
        d_info[i] = word[i];
    d_polar.encode(d_info.data(), d_code.data());
    const auto& order = d_interleaver.order(d_code.size());
    const auto bit = [&](int i) { return d_code[order[i]] ^ d_scramble[i]; };
    for (int i = 0; i < symbols(); ++i)
        out[i] = qpsk(bit(2 * i) | bit(2 * i + 1) << 1);
}

std::optional<header> header_code::decode(const cf* in, const float* noise_var)
{
    constexpr float llr_scale = 2.8284271f; // 4 * amplitude a dimension
    const auto& order = d_interleaver.order(d_code.size());
    for (int i = 0; i < symbols(); ++i) {
        const float scale = llr_scale / noise_var[i];
        const float llr[] = { scale * in[i].real(), scale * in[i].imag() };
        for (int b = 0; b < 2; ++b) {
            const int place = 2 * i + b;
            d_llr[order[place]] = d_scramble[place] ? -llr[b] : llr[b];
        }
    }
    const auto accept = [](const uint8_t* info) { return parse(info).has_value(); };
    if (!d_polar.decode(d_llr.data(), accept, d_info.data()))
        return std::nullopt;
    return parse(d_info.data());
}

} // namespace semcom::phy
