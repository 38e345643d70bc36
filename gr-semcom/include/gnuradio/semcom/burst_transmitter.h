/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_BURST_TRANSMITTER_H
#define INCLUDED_SEMCOM_BURST_TRANSMITTER_H

#include <gnuradio/semcom/api.h>
#include <gnuradio/sync_block.h>

#include <cstdint>
#include <string>

namespace gr {
namespace semcom {

/*!
 * \brief Sends images' complex symbols as bursts of OFDM or DFT-spread OFDM, one burst a fragment of an image.
 * \ingroup semcom
 *
 * Message port "symbols" takes symbols PDUs: a c32vector of 1 to 16777216 symbols, best of mean power 1, with
 * metadata image_id and codec_id (0 to 65535), height and width (1 to 8191) and scale (2^-16 to 65000, which the
 * receiver multiplies by, in steps of 0.54 %). Other entries are ignored. A PDU that is anything else is dropped,
 * counted and warned about.
 *
 * The output is samples at any rate; bursts follow each other without a pause as long as there are images. When the
 * last sample of an image is out, {image_id, samples} is published at "sent".
 *
 * docs/air-interface.md describes the waveform.
 */
class SEMCOM_API burst_transmitter : virtual public gr::sync_block
{
public:
    typedef std::shared_ptr<burst_transmitter> sptr;

    /*!
     * \param amplitude of the output; at 1 a payload symbol of energy 1 has energy 1 after the receiver's unitary FFT
     * \param fragment_symbols payload symbols a burst carries at most, 1 to 16384
     * \param length_tag key of the tag on a burst's first sample that holds its length in samples
     * \param preset of the frame: "narrow", "wide" or "long_multipath"; the receiver's must be the same
     * \param waveform "ofdm", or "dft_spread", which has lower peaks for QAM symbols; a receiver takes both
     * \param peak_limit_db samples are clipped so far above the mean power of an image's payload, at least 3; inf: they are not
     * \param ramp_samples over which the power rises before a frame and falls behind it, 0 to the FFT size
     * \param gap_samples of silence at the end of a burst, 0 to 1000000
     *
     * \throws std::invalid_argument for a value outside these ranges
     */
    static sptr make(float amplitude = 1.0f,
                     uint32_t fragment_symbols = 4096,
                     const std::string& length_tag = "packet_len",
                     const std::string& preset = "narrow",
                     const std::string& waveform = "ofdm",
                     double peak_limit_db = 15.0,
                     int ramp_samples = 8,
                     int gap_samples = 0);

    //! No sample is larger: below 1 for a USRP. +inf without a peak limit.
    virtual float peak() const = 0;
    virtual float amplitude() const = 0;
    //! From the next burst on; a value that is not finite or not above 0 is warned about and changes nothing.
    virtual void set_amplitude(float amplitude) = 0;

    virtual uint64_t images() const = 0;       //!< sent whole
    virtual uint64_t frames() const = 0;       //!< sent whole, one burst each
    virtual uint64_t dropped() const = 0; //!< PDUs that could not be sent
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_BURST_TRANSMITTER_H */
