/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_CHANNEL_MODEL_H
#define INCLUDED_SEMCOM_LOOPBACK_CHANNEL_MODEL_H

#include "gaussian_generator.h"
#include "impairments.h"

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace semcom::loopback {

/*!
 * \brief Applies what was drawn for a burst to its samples: filter, then carrier offset, then noise.
 *
 * Output sample n of a burst depends on the draw, the seed and the burst's samples up to n, never on how the
 * samples are cut into calls.
 */
class channel_model
{
public:
    static constexpr std::size_t group = 16; //!< samples that the inner loops take at once

    channel_model(double samp_rate, uint64_t seed);

    //! Begins a burst with an empty filter.
    void begin(const burst_draw& draw);

    //! Goes over to another draw within a stream: the samples already in the filter stay.
    void retune(const burst_draw& draw);

    //! Passes n samples on.
    void process(const std::complex<float>* in, std::complex<float>* out, std::size_t n);

    //! Noise alone, of the given variance a complex sample, as between bursts.
    void gap(std::complex<float>* out, std::size_t n, double noise_var);

private:
    static constexpr std::size_t block = 512;
    static constexpr std::size_t fine_steps = 256;

    void process_block(const std::complex<float>* in, std::complex<float>* out, std::size_t n);

    const double d_samp_rate;
    const uint64_t d_seed;
    gaussian_generator d_burst_noise;
    gaussian_generator d_gap_noise;
    double d_noise_var = 0;

    // Real and imaginary parts apart. d_in_* hold the filter's memory, then the samples of the block.
    std::vector<float> d_tap_re, d_tap_im, d_in_re, d_in_im;
    alignas(64) std::array<float, block + group> d_out_re{}, d_out_im{};
    alignas(64) std::array<std::complex<float>, block + group> d_mixed;

    // Carrier at sample n: coarse(n / fine_steps) * fine[n % fine_steps]
    double d_cycles_per_sample = 0;
    double d_phase_rad = 0;
    uint64_t d_position = 0;
    std::complex<float> d_coarse;
    std::array<float, fine_steps + group> d_fine_re{}, d_fine_im{};
};

} // namespace semcom::loopback

#endif /* INCLUDED_SEMCOM_LOOPBACK_CHANNEL_MODEL_H */
