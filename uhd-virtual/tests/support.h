// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "power.h"
#include "reception.h"

#include <uhd/types/device_addr.hpp>

#include <complex>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

namespace test {

using cf = std::complex<float>;
using samples = std::vector<cf>;
using uhd_virtual::sc16;

constexpr double pi = 3.14159265358979323846;
constexpr double rate = 1e6;

inline cf to_float(sc16 x) { return { x.real() / 32768.0f, x.imag() / 32768.0f }; }

inline double power(const samples& x)
{
    double sum = 0;
    for (const cf& each : x)
        sum += std::norm(std::complex<double>(each));
    return sum / x.size();
}

//! What `known` is multiplied with in `x`.
inline std::complex<double> gain(const samples& x, const samples& known)
{
    std::complex<double> sum = 0;
    for (size_t i = 0; i < known.size(); ++i)
        sum += std::complex<double>(x[i]) * std::conj(std::complex<double>(known[i]));
    return sum / (power(known) * known.size());
}

//! What of x is not g times known.
inline double residual(const samples& x, const samples& known, std::complex<double> g)
{
    double sum = 0;
    for (size_t i = 0; i < known.size(); ++i)
        sum += std::norm(std::complex<double>(x[i]) - g * std::complex<double>(known[i]));
    return sum / known.size();
}

inline samples tone(size_t n, double cycles_per_sample, float level = 0.9f)
{
    samples x(n);
    for (size_t i = 0; i < n; ++i)
        x[i] = level * cf(std::polar(1.0, 2 * pi * cycles_per_sample * i));
    return x;
}

inline samples random_qpsk(size_t n, unsigned seed, float level = 0.9f)
{
    std::mt19937 random(seed);
    samples x(n);
    for (cf& each : x)
        each = level * cf(std::polar(1.0, pi / 2 * (random() % 4) + pi / 4));
    return x;
}

//! A name of shared memory that no other test uses.
inline std::string air_name(const char* what) { return "/uhd_virtual_" + std::string(what) + std::to_string(getpid()); }

constexpr double frequency = 1e9;

/*! A receiver beside a transmitter, without a clock: what is sent at a sample number is received there. */
struct radio_link {
    explicit radio_link(const std::string& args = "", double rx_clock_ratio = 1)
        : configured(uhd_virtual::parse_settings(uhd::device_addr_t(args))),
          where(uhd_virtual::air::open(configured.air, std::nullopt)),
          claim(where, rate),
          transmitter(where, -1000000),
          receiver(configured, where, rate, rx_clock_ratio, 0)
    {
    }

    void send(const samples& x, int64_t first, double hz = frequency, double gain_db = 89.75)
    {
        put(transmitter, x, first, hz, gain_db);
    }

    static void put(uhd_virtual::transmit_channel& channel, const samples& x, int64_t first, double hz = frequency,
                    double gain_db = 89.75)
    {
        std::vector<sc16> wire(x.size());
        for (size_t i = 0; i < x.size(); ++i)
            wire[i] = { static_cast<int16_t>(std::lround(32767 * x[i].real())),
                        static_cast<int16_t>(std::lround(32767 * x[i].imag())) };
        const auto end = first + static_cast<int64_t>(x.size());
        channel->append({ first, end, hz, uhd_virtual::amplitude(uhd_virtual::tx_full_scale_dbm(gain_db)), 1 },
                        wire.data());
    }

    samples receive(int64_t first, size_t n, double gain_db = 0, size_t at_once = 4096)
    {
        std::vector<sc16> wire(n);
        for (size_t i = 0; i < n; i += at_once) {
            const size_t now = std::min(at_once, n - i);
            last = receiver.receive(first + static_cast<int64_t>(i), now, frequency, gain_db, &wire[i]);
            clipped += last.clipped;
        }
        samples x(n);
        std::transform(wire.begin(), wire.end(), x.begin(), to_float);
        return x;
    }

    const uhd_virtual::settings configured;
    const std::shared_ptr<uhd_virtual::air> where;
    uhd_virtual::rate_claim claim;
    uhd_virtual::transmit_channel transmitter;
    uhd_virtual::reception receiver;
    uhd_virtual::reception::report last{};
    size_t clipped = 0;
};

} // namespace test
