/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_GAUSSIAN_GENERATOR_H
#define INCLUDED_SEMCOM_LOOPBACK_GAUSSIAN_GENERATOR_H

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>

namespace semcom::loopback {

/*!
 * \brief Independent 64-bit value for each (seed, stream, position).
 */
uint64_t hash(uint64_t seed, uint64_t stream, uint64_t position);

/*!
 * \brief A fast stream of circular complex Gaussian noise.
 *
 * The values depend on (seed, stream) and on the position in the stream only, not on how many are taken at
 * a time. Sixteen xoshiro128++ generators feed a Box-Muller transform whose loops the compiler vectorises;
 * magnitudes reach 6.5 standard deviations a complex dimension.
 */
class gaussian_generator
{
public:
    gaussian_generator(uint64_t seed, uint64_t stream) { restart(seed, stream); }

    //! Goes to the beginning of the stream (seed, stream).
    void restart(uint64_t seed, uint64_t stream);

    //! Adds the next n values, scaled to CN(0, variance), to x.
    void add(std::complex<float>* x, std::size_t n, double variance);

private:
    static constexpr std::size_t lanes = 16;
    static constexpr std::size_t block = 512;

    alignas(64) std::array<uint32_t, 4 * lanes> d_state;
    alignas(64) std::array<float, 2 * block> d_block; // CN(0, 2): unit variance a dimension
    std::size_t d_used;
};

} // namespace semcom::loopback

#endif /* INCLUDED_SEMCOM_LOOPBACK_GAUSSIAN_GENERATOR_H */
