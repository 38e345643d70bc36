/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_SOURCE_H
#define INCLUDED_SEMCOM_LOOPBACK_SOURCE_H

#include <gnuradio/semcom/api.h>
#include <gnuradio/sync_block.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gr {
namespace semcom {

/*!
 * \brief Takes the place of a USRP source: hears the loopback_sink at the same address through a channel.
 * \ingroup semcom
 *
 * A burst passes through fractional delay, multipath, carrier offset and phase, and noise, all drawn from (seed,
 * number of the burst) alone: the same bursts and seed give the same samples, bit by bit. Bursts come as fast as
 * the samples are taken; while nobody sends, noise flows at samp_rate. A sender that stalls for a second within a
 * burst is heard as noise until it goes on.
 *
 * The first sample carries the tags rx_time, (0, 0.0), and rx_rate, as a USRP source has them. The first sample of
 * each burst's segment carries loopback_burst, a dictionary of what was drawn: index, cfo_hz, phase_rad and
 * delay_samples (from this sample to the burst's first). With max_delay_samples above 0 that delay includes 15
 * samples of the interpolation filter.
 *
 * Changes while running hold from the next burst on, in a stream without burst tags from the next samples on
 * (where phase, delay and fading are then drawn anew), for the noise between bursts at once. The message port
 * "command" takes a dictionary or pair of the same names, for example {"snr_db": 12.0}.
 */
class SEMCOM_API loopback_source : virtual public gr::sync_block
{
public:
    typedef std::shared_ptr<loopback_source> sptr;

    /*!
     * \param address a plain name, say air0: a channel within this process. tcp://HOST:PORT or ipc://FILE: from
     *        another process through ZeroMQ; the source connects.
     * \param samp_rate samples a second; the loopback_sink has the same
     * \param snr_db noise has variance 10^(-snr_db/10) a complex sample, in bursts and between them: the Es/N0 of
     *        symbols sent with energy 1 a sample; -100 dB or more, inf: no noise
     * \param cfo_hz carrier frequency offset
     * \param cfo_spread_hz a burst's offset is uniform in cfo_hz -+ cfo_spread_hz
     * \param max_delay_samples a burst's delay is uniform in 0 .. max_delay_samples, with fractions (error below
     *        -50 dB within 85 % of the band); 0: no delay and no interpolation
     * \param random_phase a burst's phase is uniform, or else 0
     * \param taps impulse response, one tap a sample, 1 to 256; scaled to unit energy
     * \param fading "none", or "rayleigh": tap i of a burst is drawn from CN(0, |taps[i]|^2)
     * \param seed of all that is drawn
     *
     * \throws std::invalid_argument for an argument that cannot be, or a name that has a source already
     * \throws std::runtime_error if the address cannot be connected to
     */
    static sptr make(const std::string& address,
                     double samp_rate,
                     double snr_db = 20.0,
                     double cfo_hz = 0.0,
                     double cfo_spread_hz = 0.0,
                     double max_delay_samples = 64.0,
                     bool random_phase = true,
                     const std::vector<gr_complex>& taps = { 1.0f },
                     const std::string& fading = "none",
                     uint64_t seed = 1);

    // A value that cannot be is warned about and changes nothing.
    virtual void set_snr_db(double snr_db) = 0;
    virtual void set_cfo_hz(double cfo_hz) = 0;
    virtual void set_cfo_spread_hz(double cfo_spread_hz) = 0;
    virtual void set_max_delay_samples(double max_delay_samples) = 0;
    virtual void set_random_phase(bool random_phase) = 0;
    virtual void set_taps(const std::vector<gr_complex>& taps) = 0;
    virtual void set_fading(const std::string& fading) = 0;

    virtual double snr_db() const = 0;
    virtual double cfo_hz() const = 0;
    virtual double cfo_spread_hz() const = 0;
    virtual double max_delay_samples() const = 0;
    virtual bool random_phase() const = 0;
    virtual std::vector<gr_complex> taps() const = 0; //!< as set, not scaled
    virtual std::string fading() const = 0;

    //! ZeroMQ messages that were no samples of such a channel, or of another rate, and were dropped.
    virtual uint64_t refused_messages() const = 0;
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_LOOPBACK_SOURCE_H */
