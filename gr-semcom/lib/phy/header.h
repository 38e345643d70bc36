// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>

namespace semcom::phy {

/*! How payload symbols ride on the carriers. Stands in the header, so a receiver takes both. */
enum class waveform : uint8_t {
    ofdm,      //!< a symbol a carrier
    dft_spread //!< the Fourier transform of as many symbols: lower peaks for QAM, none for Gaussian symbols
};

constexpr int header_version = 1;
constexpr int header_info_bits = 136;
constexpr int header_crc_bits = 16;
constexpr int header_bits = header_info_bits + header_crc_bits;

constexpr uint32_t max_image_symbols = 1u << 24;
constexpr uint32_t max_fragments = 1u << 13;
constexpr uint32_t max_image_side = (1u << 13) - 1;

/*! What every frame says about the image that it carries a piece of. */
struct image_info {
    uint16_t codec_id = 0;
    uint16_t image_id = 0;
    uint16_t height = 1; //!< pixels, 1 .. max_image_side
    uint16_t width = 1;  //!< pixels, 1 .. max_image_side
    uint32_t symbols = 1; //!< of the whole image, 1 .. max_image_symbols
    double scale = 1;    //!< the receiver multiplies symbols by it; 2^-16 .. 65000

    bool operator==(const image_info& other) const;
    bool operator!=(const image_info& other) const { return !(*this == other); }
};

/*! The digital part of a frame; docs/air-interface.md has it bit by bit. */
struct header {
    image_info image;
    uint8_t sequence = 0;   //!< of frames, wraps
    uint16_t fragment = 0;  //!< 0 .. fragments - 1
    uint16_t fragments = 1; //!< 1 .. max_fragments
    waveform payload = waveform::ofdm;

    //! Payload symbols of this frame: pieces of an image differ by one symbol at most.
    uint32_t fragment_symbols() const;
    //! Where this frame's symbols begin in the image
    uint32_t first_symbol() const;
    //! Whether the fields are in range and fit each other
    bool consistent() const;

    bool operator==(const header& other) const;
};

//! Info bits and CRC in order of transmission; bit 0 is sent first.
using header_word = std::bitset<header_bits>;

//! The scale that a receiver will see: the nearest step of 1/128 octave, within 0.28 %.
double quantise_scale(double scale);
//! Whether the header has a step for this scale
bool scale_in_range(double scale);

header_word pack(const header& h); //!< h must be consistent
//! Nothing where the CRC, the version or the fields do not fit.
std::optional<header> unpack(const header_word& word);
bool crc_matches(const header_word& word);

} // namespace semcom::phy
