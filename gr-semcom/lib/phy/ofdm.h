// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fft.h"
#include "frame_params.h"

#include <vector>

namespace semcom::phy {

/*! Where data and pilots lie among the used carriers, and the pilots' values.
 *
 *  Used carriers are numbered 0 .. used-1 from the lowest frequency to the highest; DC is skipped.
 */
class carrier_map
{
public:
    explicit carrier_map(const frame_params& params);

    //! Frequency of a used carrier in carrier spacings, -used/2 .. -1, 1 .. used/2
    int frequency(int carrier) const
    {
        return carrier < d_used / 2 ? carrier - d_used / 2 : carrier - d_used / 2 + 1;
    }
    //! The used carrier of a frequency, -1 where there is none
    int carrier(int frequency) const
    {
        const int half = d_used / 2;
        if (frequency == 0 || frequency < -half || frequency > half)
            return -1;
        return frequency < 0 ? frequency + half : frequency + half - 1;
    }
    int used() const { return d_used; }
    const std::vector<int>& data() const { return d_data; }
    const std::vector<int>& pilots() const { return d_pilots; }

    //! Pilot value on pilots()[i] of OFDM symbol \p symbol, the header's first being 0
    cf pilot(int symbol, size_t i) const
    {
        return d_pilot_values[symbol * d_pilots.size() + i];
    }

private:
    int d_used;
    std::vector<int> d_data, d_pilots;
    std::vector<cf> d_pilot_values;
};

/*! The QPSK point, of power 1, that two bits (0 .. 3) select: the low bit is the sign of I, the high one of Q. */
cf qpsk(unsigned bits);

/*! Used carriers to samples with cyclic prefix, and back; unitary. */
class ofdm
{
public:
    explicit ofdm(const frame_params& params);

    //! Writes symbol_samples() samples.
    void modulate(const cf* carriers, cf* samples);

    /*! Transforms fft_size samples, turned back by a frequency offset first.
     *
     *  \param samples the first sample of the window
     *  \param phase   of the offset's rotation at that sample, rad
     *  \param cfo     rad/sample
     *  \param carriers used_carriers results
     */
    void demodulate(const cf* samples, double phase, double cfo, cf* carriers);

private:
    int d_size, d_prefix, d_used;
    fft d_forward, d_inverse;
};

} // namespace semcom::phy
