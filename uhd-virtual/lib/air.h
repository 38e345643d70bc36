// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "file_locks.h"

#include <array>
#include <atomic>
#include <chrono>
#include <complex>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace uhd_virtual {

using sc16 = std::complex<int16_t>;

//! Samples that a transmitter's ring holds: the buffers on both sides, the longest delay, and some to spare.
constexpr uint64_t ring_samples = 1 << 19;

/*! Samples that a transmitter sends without a gap or a change: numbers begin to end - 1 in its count. */
struct stretch {
    int64_t begin, end;
    double frequency_hz;
    double amplitude;   //!< square root of the power in mW that a full-scale signal leaves the antenna with
    double clock_ratio; //!< see clock::ratio()
    uint64_t offset = 0; //!< sample `begin + i` is ring[(offset + i) % ring_samples]; append() chooses it
};

/*! What one transmit channel has on the air, in memory that processes share. One writes, and publishes by the atomics.
 *
 *  Stretches follow each other in time. Gaps take no room, so that what is sent far ahead overwrites nothing.
 */
class transmission
{
public:
    static constexpr uint64_t stretches_held = 4096;

    //! Adds samples that begin where the last ended or later; no more than ring_samples.
    void append(const stretch& what, const sc16* samples);
    void clear() { d_begun = 0; }

    //! Number of stretches so far; the last stretches_held of them can be read.
    uint64_t count() const { return d_begun.load(std::memory_order_acquire); }

    //! Stretch number i, unless its entry makes no sense.
    std::optional<stretch> read(uint64_t i) const;

    const sc16& sample(const stretch& of, int64_t number) const
    {
        return d_ring[(of.offset + static_cast<uint64_t>(number - of.begin)) % ring_samples];
    }

    //! The sample after the last one, or the lowest number if there is none.
    int64_t end() const;

private:
    struct entry {
        std::atomic<int64_t> begin, end;
        double frequency_hz, amplitude, clock_ratio;
        uint64_t offset;
    };

    bool is_continued_by(const stretch& what) const;
    entry& last() { return d_entries[(d_begun - 1) % stretches_held]; }
    const entry& last() const { return d_entries[(count() - 1) % stretches_held]; }

    std::atomic<uint64_t> d_begun;
    std::array<entry, stretches_held> d_entries;
    std::array<sc16, ring_samples> d_ring;
};

/*! Where transmitters and receivers meet: in the process, or in POSIX shared memory.
 *
 *  Who uses it is known by file locks, which the kernel drops when a process dies: nobody who was killed leaves anything
 *  stuck. Memory that nobody holds a lock on is stale, and is made anew by the next who opens it.
 */
class air
{
public:
    static constexpr size_t channels = 16; //!< transmit channels at a time

    /*!
     * \param name "/name" of the shared memory, or empty for the air of this process
     * \param speed as in settings
     * \throws uhd::runtime_error if it cannot be had, or runs at another speed
     */
    static std::shared_ptr<air> open(const std::string& name, std::optional<double> speed);
    ~air();

    std::chrono::steady_clock::time_point epoch() const;
    double speed() const;

    //! \throws uhd::runtime_error if there are claims to another rate; for a caller who holds none yet
    void check_rate(double rate) const;

    const transmission& channel(size_t i) const;
    const std::string& name() const { return d_name; }

private:
    friend class rate_claim;
    friend class transmit_channel;
    struct memory;

    air(const std::string& name, locked_file&& file);
    void begin(double speed);
    void join(std::optional<double> speed);
    void map();
    void reserve(int64_t offset, int64_t size);
    int64_t offset_of(const transmission& channel) const;
    std::string title() const;
    void require_rate(double rate) const;

    const std::string d_name;
    locked_file d_file;
    memory* d_memory = nullptr;
};

/*! Holds the air to one sample rate.
 *
 *  The first claim chooses the rate, and it stays until there is no claim.
 *
 *  \throws uhd::runtime_error if the air has another
 */
class rate_claim
{
public:
    rate_claim(std::shared_ptr<air> where, double rate);

private:
    std::shared_ptr<air> d_air;
    locked_file d_file;
};

/*! A transmit channel on the air, free again when this goes.
 *
 *  \throws uhd::runtime_error if all are taken
 */
class transmit_channel
{
public:
    //! \param now the sample that is at the antenna: what the channel's last owner sent before it has been heard
    transmit_channel(std::shared_ptr<air> where, int64_t now);

    transmission& operator*() const { return *d_transmission; }
    transmission* operator->() const { return d_transmission; }

private:
    std::shared_ptr<air> d_air;
    locked_file d_file;
    transmission* d_transmission = nullptr;
};

} // namespace uhd_virtual
