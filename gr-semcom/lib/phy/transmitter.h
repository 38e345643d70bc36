// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "frame_params.h"
#include "header_code.h"
#include "interleaver.h"
#include "ofdm.h"
#include "preamble.h"

namespace semcom::phy {

/*! Cuts images into fragments and makes a frame of samples of each.
 *
 *  load() takes an image; frame() then makes its frames, in order. Payload carriers have the energy of the image's
 *  symbols; carriers left over in the last OFDM symbol hold filler of energy 1.
 */
class transmitter
{
public:
    /*! \param fragment_symbols payload symbols a frame carries at most, 1 .. params.max_fragment_symbols;
     *                          std::invalid_argument otherwise
     */
    transmitter(const frame_params& params, uint32_t fragment_symbols);

    //! Why an image cannot be sent, in a sentence, or nullptr if it can.
    const char* refuse(const image_info& image) const;

    /*! \param image   one that refuse() does not object to
     *  \param symbols image.symbols of them, finite; copied
     */
    void load(const image_info& image, const cf* symbols);

    uint32_t frames() const { return d_header.fragments; } //!< of the image loaded
    size_t frame_samples(uint32_t fragment) const;          //!< samples of one of its frames
    void frame(uint32_t fragment, cf* samples);            //!< writes frame_samples(fragment) samples
    size_t max_frame_samples() const { return d_params.frame_samples(d_fragment_symbols); }

private:
    header for_fragment(uint32_t fragment) const;

    const frame_params d_params;
    const uint32_t d_fragment_symbols;
    const preamble d_preamble;
    const carrier_map d_map;
    ofdm d_ofdm;
    header_code d_header_code;
    interleaver d_interleaver;
    scrambler d_scrambler;
    header d_header;             // of fragment 0 of the image loaded
    uint8_t d_next_sequence = 0;
    buffer<cf> d_interleaved;    // the image loaded
    buffer<cf> d_filler, d_data, d_carriers;
};

} // namespace semcom::phy
