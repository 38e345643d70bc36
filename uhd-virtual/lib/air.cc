// SPDX-License-Identifier: GPL-3.0-or-later
#include "air.h"

#include <uhd/exception.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

namespace uhd_virtual {

namespace {

constexpr uint64_t magic = 0x3153555256524941; // changes with the layout of the memory

// Bytes of the file that locks are held on
enum lock_byte : int {
    state_byte,        // while the state of the locks below and of the header is looked at and changed
    user_byte,         // shared: the memory is in use
    rate_byte,         // shared: the rate is in use
    first_channel_byte = 16
};

static_assert(std::atomic<int64_t>::is_always_lock_free, "processes share these");

std::string megasamples(double rate)
{
    char text[40];
    std::snprintf(text, sizeof text, "%.9g MS/s", rate / 1e6);
    return text;
}

/* The memory of the air of this process: it has no name, and is there as long as the process. */
int process_memory()
{
    static const int fd = memfd_create("uhd_virtual", MFD_CLOEXEC);
    return fd;
}

int open_memory(const std::string& name)
{
    if (!name.empty())
        return shm_open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string path = "/proc/self/fd/" + std::to_string(process_memory());
    return open(path.c_str(), O_RDWR | O_CLOEXEC);
}

} // namespace

struct air::memory {
    uint64_t magic, size;
    int64_t epoch_ns; // of the host's steady clock
    double speed;
    std::atomic<double> rate;
    transmission channels[air::channels];
};

// --- What one channel sent ---

int64_t transmission::end() const
{
    return count() == 0 ? std::numeric_limits<int64_t>::min() : last().end.load(std::memory_order_acquire);
}

bool transmission::is_continued_by(const stretch& what) const
{
    return count() > 0 && last().end == what.begin && last().frequency_hz == what.frequency_hz &&
           last().amplitude == what.amplitude && last().clock_ratio == what.clock_ratio;
}

void transmission::append(const stretch& what, const sc16* samples)
{
    const uint64_t offset = count() == 0 ? 0 : last().offset + static_cast<uint64_t>(last().end - last().begin);
    const uint64_t n = static_cast<uint64_t>(what.end - what.begin);
    const uint64_t at = offset % ring_samples, first = std::min(n, ring_samples - at);
    std::copy_n(samples, first, &d_ring[at]);
    std::copy_n(samples + first, n - first, &d_ring[0]);
    if (is_continued_by(what)) {
        last().end.store(what.end, std::memory_order_release);
        return;
    }
    entry& next = d_entries[d_begun % stretches_held];
    next.begin = what.begin;
    next.end = what.end;
    next.frequency_hz = what.frequency_hz;
    next.amplitude = what.amplitude;
    next.clock_ratio = what.clock_ratio;
    next.offset = offset;
    d_begun.store(d_begun + 1, std::memory_order_release);
}

std::optional<stretch> transmission::read(uint64_t i) const
{
    const entry& from = d_entries[i % stretches_held];
    stretch result = { from.begin, from.end, from.frequency_hz, from.amplitude, from.clock_ratio, from.offset };
    const bool sensible = result.begin < result.end && std::isfinite(result.frequency_hz) &&
                          std::abs(result.amplitude) < 1e6 && std::abs(result.clock_ratio - 1) < 3e-4;
    return sensible ? std::optional(result) : std::nullopt;
}

// --- The memory ---

air::air(const std::string& name, locked_file&& file) : d_name(name), d_file(std::move(file)) {}

air::~air()
{
    if (d_memory)
        munmap(d_memory, sizeof(memory));
    if (d_name.empty())
        return;
    d_file.lock(state_byte);
    const bool alone = d_file.try_lock(user_byte);
    if (alone && d_file.has_a_name())
        shm_unlink(d_name.c_str());
}

std::string air::title() const { return d_name.empty() ? "the air of this process" : "the air " + d_name; }

std::shared_ptr<air> air::open(const std::string& name, std::optional<double> speed)
{
    for (;;) {
        const int fd = open_memory(name);
        if (fd == -1)
            throw uhd::runtime_error("virtual USRP: cannot open the shared memory " + name + ": " +
                                     std::strerror(errno) + ".");
        std::shared_ptr<air> result(new air(name, locked_file(fd)));
        byte_lock lock(result->d_file, state_byte);
        if (!name.empty() && !result->d_file.has_a_name())
            continue; // its last user unlinked it meanwhile
        if (result->d_file.try_lock(user_byte))
            result->begin(speed.value_or(1));
        else
            result->join(speed);
        result->d_file.try_lock_shared(user_byte);
        return result;
    }
}

void air::map()
{
    void* address = mmap(nullptr, sizeof(memory), PROT_READ | PROT_WRITE, MAP_SHARED, d_file.fd(), 0);
    if (address == MAP_FAILED)
        throw uhd::runtime_error("virtual USRP: cannot map the memory of " + title() + ": " + std::strerror(errno) + ".");
    d_memory = static_cast<memory*>(address);
}

void air::begin(double speed)
{
    // Truncated first, so that nothing is left of what a killed process had there.
    if (ftruncate(d_file.fd(), 0) == -1 || ftruncate(d_file.fd(), sizeof(memory)) == -1)
        throw uhd::runtime_error("virtual USRP: cannot size the memory of " + title() + ": " + std::strerror(errno) +
                                 ".");
    map();
    reserve(0, sizeof(uint64_t));
    for (const transmission& each : d_memory->channels)
        reserve(offset_of(each), sizeof(uint64_t));
    d_memory->magic = magic;
    d_memory->size = sizeof(memory);
    d_memory->epoch_ns = std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    d_memory->speed = speed;
}

void air::join(std::optional<double> speed)
{
    struct stat status = {};
    if (fstat(d_file.fd(), &status) == -1 || status.st_size != static_cast<off_t>(sizeof(memory)))
        throw uhd::runtime_error("virtual USRP: " + title() +
                                 " is of another version or no air at all; give another name with air=.");
    map();
    if (d_memory->magic != magic || d_memory->size != sizeof(memory) ||
        !(d_memory->speed >= 1e-3 && d_memory->speed <= 10))
        throw uhd::runtime_error("virtual USRP: " + title() +
                                 " is of another version or no air at all; give another name with air=.");
    if (speed && *speed != d_memory->speed) {
        char text[120];
        std::snprintf(text, sizeof text, " runs at speed=%g and not at %g; leave speed= away or give that.",
                      d_memory->speed, *speed);
        throw uhd::runtime_error("virtual USRP: " + title() + text);
    }
}

int64_t air::offset_of(const transmission& channel) const
{
    return reinterpret_cast<const char*>(&channel) - reinterpret_cast<const char*>(d_memory);
}

/* A full /dev/shm becomes an exception here and not a SIGBUS later. */
void air::reserve(int64_t offset, int64_t size)
{
    const int error = posix_fallocate(d_file.fd(), offset, size);
    if (error != 0)
        throw uhd::runtime_error("virtual USRP: there is no room for " + title() + " in /dev/shm: " +
                                 std::strerror(error) + ".");
}

std::chrono::steady_clock::time_point air::epoch() const
{
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(d_memory->epoch_ns));
}

double air::speed() const { return d_memory->speed; }

const transmission& air::channel(size_t i) const { return d_memory->channels[i]; }

// --- Rate and channels ---

rate_claim::rate_claim(std::shared_ptr<air> where, double rate) : d_air(std::move(where)), d_file(d_air->d_file.reopen())
{
    byte_lock lock(d_file, state_byte);
    std::atomic<double>& common = d_air->d_memory->rate;
    if (d_file.try_lock(rate_byte)) {
        common = rate;
        for (transmission& each : d_air->d_memory->channels)
            each.clear(); // its sample numbers were of another rate
    }
    d_file.try_lock_shared(rate_byte);
    d_air->require_rate(rate);
}

void air::require_rate(double rate) const
{
    if (d_memory->rate != rate)
        throw uhd::runtime_error("virtual USRP: " + title() + " runs at " + megasamples(d_memory->rate) +
                                 ", so this device cannot stream at " + megasamples(rate) +
                                 ": give all transmitters and receivers on it one sample rate.");
}

void air::check_rate(double rate) const
{
    locked_file file = d_file.reopen();
    byte_lock lock(file, state_byte);
    if (!file.try_lock(rate_byte))
        require_rate(rate);
}

transmit_channel::transmit_channel(std::shared_ptr<air> where, int64_t now)
    : d_air(std::move(where)), d_file(d_air->d_file.reopen())
{
    for (size_t i = 0; i < air::channels; ++i) {
        const int byte = first_channel_byte + static_cast<int>(i);
        if (!d_file.try_lock(byte))
            continue;
        transmission& candidate = d_air->d_memory->channels[i];
        if (candidate.end() < now) {
            d_air->reserve(d_air->offset_of(candidate), sizeof(transmission));
            d_transmission = &candidate;
            return;
        }
        d_file.unlock(byte);
    }
    throw uhd::runtime_error("virtual USRP: all " + std::to_string(air::channels) + " transmit channels of " +
                             d_air->title() + " are taken: close one.");
}

} // namespace uhd_virtual
