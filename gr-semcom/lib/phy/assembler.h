// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "header.h"
#include "interleaver.h"
#include "types.h"

#include <cstdint>
#include <limits>

namespace semcom::phy {

/*! An image whose fragments, or some of them, arrived. */
struct received_image {
    image_info info;
    buffer<cf> symbols;      //!< info.symbols of them, in the sender's order, times info.scale; 0 where lost
    buffer<float> noise_var; //!< of each, times info.scale^2; +inf where lost
    double snr_db = 0;       //!< Es/N0 over the fragments that arrived
    double cfo = 0;          //!< mean over them, rad/sample
    uint32_t fragments = 0;  //!< that the image was cut into
    uint32_t fragments_lost = 0; //!< of them; in a preview those that have not come yet too
};

/*! How one frame was received. */
struct reception {
    float signal_power; //!< mean |h|^2
    float noise_var;    //!< a carrier
    double cfo;         //!< rad/sample
};

/*! Puts fragments back together, one image at a time. */
class assembler
{
public:
    /*! Whether a fragment belongs to the image under assembly. One that does not is the first seen of another image:
     *  take() the old one before add(). A transmitter sends fragments in order, so what goes back to an earlier one or to
     *  the same is another image, whatever its id: that of a transmitter that was started anew, say.
     */
    bool belongs(const header& h) const;
    bool pending() const { return d_fragments_seen > 0; }
    //! Nothing more is expected: all fragments are there or the last one is.
    bool finished() const { return d_finished; }

    /*! \p symbols and \p noise_var: h.fragment_symbols() of each, as demodulated. False, and nothing is done, for one
     *  whose other fields differ from those of the image's first.
     */
    bool add(const header& h, const cf* symbols, const float* noise_var, const reception& how);

    //! Whether one, two, four, eight ... fragments are there.
    bool doubled() const { return (d_fragments_seen & (d_fragments_seen - 1)) == 0; }

    //! The image under assembly as it is now, there being one; valid until the next add().
    const received_image& so_far();
    //! The same, and that is all of it.
    const received_image& take();

private:
    void begin(const header& h);

    interleaver d_interleaver;
    header d_first; // header that the image under assembly began with
    received_image d_image;
    uint32_t d_fragments_seen = 0;
    uint16_t d_latest = 0; // fragment
    bool d_finished = false;
    double d_signal = 0, d_noise = 0, d_cfo = 0;
};

} // namespace semcom::phy
