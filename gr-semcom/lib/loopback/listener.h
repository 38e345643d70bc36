/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_LISTENER_H
#define INCLUDED_SEMCOM_LOOPBACK_LISTENER_H

#include "channel_model.h"
#include "impairments.h"
#include "sample_queue.h"

#include <atomic>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace semcom::loopback {

/*!
 * \brief What a radio at the far end of the channel hears.
 *
 * A burst becomes a segment: noise for its random delay, the burst through filter, carrier offset and noise,
 * and the tail of the filter. Segments follow one another as fast as they are asked for; while nobody sends,
 * noise flows at samp_rate.
 */
class listener
{
public:
    //! \param queue must stay open for as long as produce() is called
    //! \throws std::invalid_argument as impairments::check() does
    listener(sample_queue& queue, double samp_rate, const impairments& settings, uint64_t seed);

    struct result {
        std::size_t samples; //!< written to out, at least 1
        bool burst_starts;   //!< out[0] is the first of the segment that burst() tells about
    };

    //! Writes up to max samples; waits for as long as noise of the nominal rate takes, at most idle_wait_s.
    result produce(std::complex<float>* out, std::size_t max);

    //! What the burst on air met.
    const burst_draw& burst() const { return d_draw; }

    impairments settings() const;

    /*!
     * \brief Changes the settings, from any thread; holds for the next burst, for the next samples of a stream
     * without marks and at once for the noise between bursts.
     *
     * \throws std::invalid_argument as impairments::check() does; the settings then stay as they were
     */
    void change(const std::function<void(impairments&)>& edit);

private:
    static constexpr std::size_t block = 4096;
    static constexpr double idle_wait_s = 0.01;   // noise comes in portions of this
    static constexpr double burst_wait_s = 1.0;   // a sender that stalls this long has underrun: noise meanwhile
    static constexpr double max_backlog_s = 0.05; // a reader slower than the nominal rate misses noise

    enum class state { idle, burst, stream, tail };
    using clock = std::chrono::steady_clock;

    void draw();
    void begin(event what);
    result pass(const std::complex<float>* in, std::complex<float>* out, std::size_t n);
    std::size_t noise(std::complex<float>* out, std::size_t max);

    sample_queue& d_queue;
    const double d_samp_rate;
    const uint64_t d_seed;

    mutable std::mutex d_mutex; // guards the settings
    impairments d_settings;
    std::atomic<uint64_t> d_changes{ 0 };

    channel_model d_model;
    burst_draw d_draw;
    uint64_t d_bursts = 0;
    uint64_t d_drawn_changes = 0;
    state d_state = state::idle;
    bool d_announce = false;
    std::size_t d_zeros = 0; // to pass on before the next samples: lead, or tail of the filter
    double d_owed = 0;       // samples of noise
    clock::time_point d_since;
    const std::vector<std::complex<float>> d_silence;
};

} // namespace semcom::loopback

#endif /* INCLUDED_SEMCOM_LOOPBACK_LISTENER_H */
