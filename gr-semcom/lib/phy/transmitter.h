// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "frame_params.h"
#include "header_code.h"
#include "interleaver.h"
#include "ofdm.h"
#include "preamble.h"

namespace semcom::phy {

/*! What a transmitter may choose for itself: any receiver takes it. */
struct burst_shape {
    waveform payload = waveform::ofdm;
    double peak_limit_db = 15; //!< samples are clipped so far above the mean of an image's payload; +inf: they are not
    int ramp_samples = 8;      //!< samples over which the power rises before the frame and falls behind it
    int gap_samples = 0;       //!< samples of silence behind it

    //! Throws std::invalid_argument.
    void validate(const frame_params& params) const;
};

/*! Cuts images into fragments and makes a burst of samples of each: ramp, frame, ramp, gap.
 *
 *  The first fragment has the image's first symbols, and so on; within a fragment they are interleaved.
 *  load() takes an image; burst() then makes its bursts, in order. Payload carriers have the energy of the image's
 *  symbols; carriers left over in the last OFDM symbol hold filler of energy 1. So the mean power of a payload sample is
 *  used_carriers / fft_size where the symbols' is 1.
 */
class transmitter
{
public:
    /*! \param fragment_symbols payload symbols a frame carries at most, 1 .. params.max_fragment_symbols;
     *                          std::invalid_argument otherwise
     *  \param first_sequence   of the first frame: one drawn at random tells this transmitter's images from another one's
     */
    transmitter(const frame_params& params,
                uint32_t fragment_symbols,
                const burst_shape& shape = {},
                uint8_t first_sequence = 0);

    //! Why an image cannot be sent, in a sentence, or nullptr if it can.
    const char* refuse(const image_info& image) const;

    /*! \param image   one that refuse() does not object to
     *  \param symbols image.symbols of them, finite; copied
     */
    void load(const image_info& image, const cf* symbols);

    uint32_t bursts() const { return d_header.fragments; } //!< of the image loaded
    size_t burst_samples(uint32_t fragment) const;          //!< samples of one of them
    void burst(uint32_t fragment, cf* samples);            //!< writes burst_samples(fragment) samples
    size_t max_burst_samples() const { return samples_around() + d_params.frame_samples(d_fragment_symbols); }
    //! Largest magnitude of a sample; +inf without a limit
    float peak() const { return d_peak; }

private:
    size_t samples_around() const { return 2 * d_shape.ramp_samples + d_shape.gap_samples; }
    cf* frame(const header& h, cf* samples);
    void ramp(cf* frame, size_t length) const;
    void clip(cf* samples, size_t count) const;
    void spread(cf* symbols);
    header for_fragment(uint32_t fragment) const;

    const frame_params d_params;
    const burst_shape d_shape;
    const float d_peak;
    const uint32_t d_fragment_symbols;
    const preamble d_preamble;
    const carrier_map d_map;
    ofdm d_ofdm;
    fft d_spread;
    header_code d_header_code;
    interleaver d_interleaver;
    scrambler d_scrambler;
    header d_header;             // of fragment 0 of the image loaded
    uint8_t d_next_sequence;
    buffer<cf> d_symbols;        // of the image loaded
    buffer<cf> d_filler, d_data, d_carriers;
    buffer<float> d_ramp; // rising
};

} // namespace semcom::phy
