// SPDX-License-Identifier: GPL-3.0-or-later
#include "header.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace semcom::phy {

namespace {

constexpr int version_bits = 4, sequence_bits = 8, id_bits = 16, fragment_bits = 13,
              symbols_bits = 25, side_bits = 13, scale_bits = 12, waveform_bits = 1, reserved_bits = 2;
static_assert(version_bits + sequence_bits + 2 * id_bits + 2 * fragment_bits + symbols_bits +
                  2 * side_bits + scale_bits + waveform_bits + reserved_bits ==
              header_info_bits);

constexpr double scale_steps = 128; // an octave
constexpr int scale_offset = 1 << (scale_bits - 1);

int scale_code(double scale)
{
    return static_cast<int>(std::lround(std::log2(scale) * scale_steps)) + scale_offset;
}
double scale_value(int code) { return std::exp2((code - scale_offset) / scale_steps); }

//! Fields one after the other, most significant bit first.
struct bit_writer {
    header_word& word;
    int position = 0;
    void put(uint32_t value, int bits)
    {
        while (bits--)
            word[position++] = (value >> bits) & 1;
    }
};
struct bit_reader {
    const header_word& word;
    int position = 0;
    uint32_t get(int bits)
    {
        uint32_t value = 0;
        while (bits--)
            value = value << 1 | word[position++];
        return value;
    }
};

uint16_t crc16(const header_word& word) // CRC-16/IBM-3740: 0x1021 from 0xffff
{
    uint16_t crc = 0xffff;
    for (int i = 0; i < header_info_bits; ++i) {
        const bool feedback = (crc >> 15) != word[i];
        crc = static_cast<uint16_t>(crc << 1) ^ (feedback ? 0x1021 : 0);
    }
    return crc;
}

} // namespace

bool image_info::operator==(const image_info& o) const
{
    return std::tie(codec_id, image_id, height, width, symbols, scale) ==
           std::tie(o.codec_id, o.image_id, o.height, o.width, o.symbols, o.scale);
}

bool header::operator==(const header& o) const
{
    return image == o.image && std::tie(sequence, fragment, fragments, payload) ==
                                   std::tie(o.sequence, o.fragment, o.fragments, o.payload);
}

uint32_t header::fragment_symbols() const
{
    return image.symbols / fragments + (fragment < image.symbols % fragments);
}

uint32_t header::first_symbol() const
{
    return image.symbols / fragments * fragment +
           std::min<uint32_t>(fragment, image.symbols % fragments);
}

bool header::consistent() const
{
    return image.height >= 1 && image.height <= max_image_side && image.width >= 1 &&
           image.width <= max_image_side && fragments >= 1 && fragments <= max_fragments &&
           fragment < fragments && image.symbols >= fragments &&
           image.symbols <= max_image_symbols && scale_in_range(image.scale);
}

bool scale_in_range(double scale)
{
    if (!(scale > 0) || !std::isfinite(scale) || std::abs(std::log2(scale)) > 20)
        return false;
    const int code = scale_code(scale);
    return code >= 0 && code < (1 << scale_bits);
}

double quantise_scale(double scale) { return scale_value(scale_code(scale)); }

header_word pack(const header& h)
{
    header_word word;
    bit_writer out{ word };
    out.put(header_version, version_bits);
    out.put(h.sequence, sequence_bits);
    out.put(h.image.codec_id, id_bits);
    out.put(h.image.image_id, id_bits);
    out.put(h.fragment, fragment_bits);
    out.put(h.fragments - 1, fragment_bits);
    out.put(h.image.symbols - 1, symbols_bits);
    out.put(h.image.height, side_bits);
    out.put(h.image.width, side_bits);
    out.put(scale_code(h.image.scale), scale_bits);
    out.put(static_cast<uint32_t>(h.payload), waveform_bits);
    out.put(0, reserved_bits);
    out.put(crc16(word), header_crc_bits);
    return word;
}

bool crc_matches(const header_word& word)
{
    bit_reader in{ word, header_info_bits };
    return in.get(header_crc_bits) == crc16(word);
}

std::optional<header> unpack(const header_word& word)
{
    if (!crc_matches(word))
        return std::nullopt;
    bit_reader in{ word };
    if (in.get(version_bits) != header_version)
        return std::nullopt;
    header h;
    h.sequence = in.get(sequence_bits);
    h.image.codec_id = in.get(id_bits);
    h.image.image_id = in.get(id_bits);
    h.fragment = in.get(fragment_bits);
    h.fragments = in.get(fragment_bits) + 1;
    h.image.symbols = in.get(symbols_bits) + 1;
    h.image.height = in.get(side_bits);
    h.image.width = in.get(side_bits);
    h.image.scale = scale_value(in.get(scale_bits));
    h.payload = static_cast<waveform>(in.get(waveform_bits));
    if (in.get(reserved_bits) != 0 || !h.consistent())
        return std::nullopt;
    return h;
}

} // namespace semcom::phy
