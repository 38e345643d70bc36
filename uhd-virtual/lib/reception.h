// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "air.h"
#include "interpolator.h"
#include "mixer.h"
#include "settings.h"

#include <volk/volk_alloc.hh>

#include <array>
#include <memory>

namespace uhd_virtual {

/*! What one receive channel makes of the air.
 *
 *  For each transmit channel: its distance in frequency, delay and clock. Of the sum: path (loss, taps), thermal noise, the
 *  receiver's oscillator (offset, phase noise), IQ imbalance, gain and the 12-bit converter. A block depends on the
 *  samples that it covers and not on what was received before, but for phase noise, which goes on as long as the blocks
 *  adjoin.
 */
class reception
{
public:
    static constexpr size_t block = 4096;

    struct report {
        size_t clipped;   //!< samples
        double power_dbm; //!< at the antenna
    };

    /*! \param clock_ratio see clock::ratio()
     *  \throws uhd::value_error if delay_us is too long at this rate
     */
    reception(const settings& from, std::shared_ptr<const air> where, double rate, double clock_ratio, size_t channel);

    /*! \param first number of the first sample, in the device's count
     *  \param n at most `block`
     */
    report receive(int64_t first, size_t n, double frequency_hz, double gain_db, sc16* out);

    //! Samples after the last one that the filters look at.
    static constexpr int look_ahead = interpolator::after + 1;

private:
    /* The samples of a transmitter that a block takes, by their numbers there: begin .. end for a block at start,
     * start + step, ... */
    struct span {
        double start, step;
        int64_t begin, end;
        bool on_samples;
    };

    span span_of(double transmitter_clock_ratio, int64_t first, size_t n) const;
    void add_transmission(size_t channel, int64_t first, size_t n, double frequency_hz);
    void add_stretch(const stretch& from, const span& wanted, size_t channel, size_t n, double frequency_hz);
    void filter(size_t n);
    void add_phase_noise(int64_t first, size_t n);
    void unbalance(size_t n);

    const settings d_settings;
    const std::shared_ptr<const air> d_air;
    const double d_rate, d_clock_ratio;
    const uint64_t d_seed;
    const double d_noise_mw;
    volk::vector<std::complex<float>> d_taps; // with the loss, and reversed
    const std::shared_ptr<const interpolator> d_interpolator;
    std::array<mixer, air::channels> d_tuners;
    mixer d_oscillator;
    // d_sum: of all transmissions, from (taps - 1) samples before the block; d_part: of one stretch; d_x: the signal
    volk::vector<std::complex<float>> d_sum, d_part, d_x;

    float d_phase = 0;
    int64_t d_next = 0; // the sample that d_phase is for
};

} // namespace uhd_virtual
