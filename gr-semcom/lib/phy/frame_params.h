// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace semcom::phy {

/*! Everything that both ends must agree on. One frame is
 *
 *    P, Q | header_symbols OFDM symbols | payload OFDM symbols
 *
 *  where P and Q are the preamble's two OFDM symbols, each OFDM symbol begins with its cyclic prefix, and each of header
 *  and payload carries pilots.
 */
struct frame_params {
    int fft_size = 128;            //!< samples an OFDM symbol without its prefix; a power of two, 64 to 4096
    int cyclic_prefix = 16;        //!< samples; the channel's delay spread must stay below it
    int used_carriers = 104;       //!< even; half of them on either side of the unused DC carrier
    int pilot_carriers = 8;        //!< of the used ones, in every OFDM symbol, power 1
    int header_symbols = 4;        //!< OFDM symbols
    double preamble_boost_db = 3;  //!< energy of a carrier of P and Q above that of a payload carrier
    double max_cfo = 0.06;         //!< carrier frequency offset that is searched for, to either side, rad/sample
    int max_fragment_symbols = 16384; //!< largest payload of a frame that is believed, in payload symbols

    /*! Throws std::invalid_argument with a sentence that names what is wrong. */
    void validate() const;

    int data_carriers() const { return used_carriers - pilot_carriers; }
    int symbol_samples() const { return fft_size + cyclic_prefix; }
    int preamble_samples() const { return 2 * symbol_samples(); }
    int header_samples() const { return header_symbols * symbol_samples(); }
    int header_code_bits() const { return 2 * header_symbols * data_carriers(); }
    //! A frequency offset in carrier spacings, 2 pi / fft_size rad/sample each
    double carrier_spacings(double cfo) const { return cfo * fft_size / 6.283185307179586; }
    //! OFDM symbols that carry a fragment of so many payload symbols
    int payload_ofdm_symbols(size_t fragment_symbols) const
    {
        return static_cast<int>((fragment_symbols + data_carriers() - 1) / data_carriers());
    }
    //! Samples of a whole frame
    size_t frame_samples(size_t fragment_symbols) const
    {
        return preamble_samples() + header_samples() +
               size_t{ 1 } * payload_ofdm_symbols(fragment_symbols) * symbol_samples();
    }
};

/*! Parameters by what they are for; std::invalid_argument, with the names that there are, for another name.
 *
 *  "narrow"         the defaults: short bursts, large frequency offsets; up to a few million samples a second
 *  "wide"           longer symbols and less overhead for ten million samples a second and more
 *  "long_multipath" a prefix of 128 samples for echoes from far away
 */
frame_params preset(const std::string& name);

const std::vector<std::string>& preset_names();

//! \p params, once validate() has passed them
inline const frame_params& validated(const frame_params& params)
{
    params.validate();
    return params;
}

} // namespace semcom::phy
