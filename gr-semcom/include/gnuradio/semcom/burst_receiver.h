/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_BURST_RECEIVER_H
#define INCLUDED_SEMCOM_BURST_RECEIVER_H

#include <gnuradio/semcom/api.h>
#include <gnuradio/sync_block.h>

#include <cstdint>
#include <string>

namespace gr {
namespace semcom {

/*!
 * \brief From a stream of samples to the symbols of images, equalised and with the noise variance of each.
 * \ingroup semcom
 *
 * The counterpart of burst_transmitter, for any input level and carrier frequency offsets up to 0.06 rad/sample (preset
 * wide: 0.02, long_multipath: 0.03).
 *
 * Message port "images" publishes received PDUs: a c32vector of the image's k symbols times scale, with metadata
 * image_id, codec_id, height, width, scale, snr_db (Es/N0), cfo_hz, fragments, fragments_lost and noise_var, an
 * f32vector of k variances of the complex errors; where a fragment was lost the symbol is 0 and noise_var +inf.
 * An image is published when its last fragment is there, when a frame of another image is, when no frame has come for
 * a time, or on any message at port "flush".
 *
 * "previews" publishes what has come of an image so far, after 1, 2, 4, 8 ... of its fragments, in the same form and with
 * preview (true); fragments_lost counts those that may still come too. The image itself follows at "images". Where
 * nothing is connected a preview costs nothing.
 *
 * "frames" publishes a dict for each frame: image_id, fragment, fragments, snr_db, cfo_hz, evm_percent (rms error over
 * the pilots) and sample (uint64, where the frame begins in the stream). Where a preamble was found but its header was
 * unreadable: header_failed (true), sample, snr_db, cfo_hz.
 *
 * "carriers" publishes the carriers of each frame's payload before equalisation, pilots included, at a mean power near 1:
 * a PDU for a constellation. Where nothing is connected it costs nothing.
 *
 * Samples that are NaN or infinite count as 0. A tag rx_time behind the first says that samples were lost before it: see
 * gaps().
 *
 * A burst is found once some 2,000 samples (8,000 with the longer presets) have come after its beginning: append that
 * many zeros to a recording.
 */
class SEMCOM_API burst_receiver : virtual public gr::sync_block
{
public:
    typedef std::shared_ptr<burst_receiver> sptr;

    /*!
     * \param samp_rate samples a second, for cfo_hz and timeout_s
     * \param timeout_s seconds without a frame after which an incomplete image is published
     * \param false_alarm probability that a sample of white noise is taken for a preamble, 1e-15 to 0.01
     * \param preset of the frame: "narrow", "wide" or "long_multipath", as the transmitter has it
     * \param equalizer "zero_forcing": symbols without bias, and the variance of their errors; "mmse": of least mean
     *        squared error for symbols of power 1, and that error. The codecs of this project want zero_forcing.
     *
     * \throws std::invalid_argument for a value outside these ranges
     */
    static sptr make(double samp_rate,
                     double timeout_s = 1.0,
                     double false_alarm = 1e-12,
                     const std::string& preset = "narrow",
                     const std::string& equalizer = "zero_forcing");

    virtual uint64_t frames() const = 0;                  //!< with a good header
    virtual uint64_t header_failures() const = 0;         //!< preambles whose header was unreadable
    virtual uint64_t images() const = 0;                  //!< published
    virtual uint64_t fragments_lost() const = 0;          //!< of the images published
    virtual uint64_t contradictory_fragments() const = 0; //!< dropped: fields differ from the image's other fragments
    virtual uint64_t nonfinite_samples() const = 0;       //!< taken as 0
    virtual uint64_t gaps() const = 0;                    //!< places where the radio lost samples (overflow)
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_BURST_RECEIVER_H */
