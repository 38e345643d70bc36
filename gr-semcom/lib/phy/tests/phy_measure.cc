// SPDX-License-Identifier: GPL-3.0-or-later
// What docs/air-interface.md states about the modem, measured. Usage: phy_measure [frames a point, default 500]

#include "support.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace test;
namespace phy = semcom::phy;

namespace {

struct burst {
    samples sent, stream;
};

burst one_burst(phy::transmitter& tx, double esn0_db, uint32_t symbols, double ppm, rng& random)
{
    burst b;
    b.sent = gaussian(symbols, random);
    channel_sim channel;
    channel.delay = uniform(0, 1, random);
    channel.phase = uniform(-M_PI, M_PI, random);
    channel.cfo = uniform(-0.01, 0.01, random);
    channel.clock_ppm = ppm;
    channel.noise_var = std::pow(10, -esn0_db / 10);
    const auto air = join(frames(tx, info(symbols), b.sent));
    b.stream = channel.run(air, 300 + random() % 2000, 3000, random);
    return b;
}

void measure(double esn0_db, uint32_t symbols, double ppm, int count)
{
    rng random(1000 + static_cast<int>(esn0_db * 10) + symbols);
    phy::transmitter tx({}, 4096);
    std::vector<double> losses;
    int detected = 0, headers = 0, extra = 0;
    double estimated = 0, normalised = 0;
    for (int i = 0; i < count; ++i) {
        const burst b = one_burst(tx, esn0_db, symbols, ppm, random);
        const auto found = receive(b.stream);
        detected += !found.reports.empty();
        extra += std::max<int>(0, found.reports.size() - 1);
        if (found.images.empty() || found.images[0].fragments_lost)
            continue;
        ++headers;
        const auto& image = found.images[0];
        losses.push_back(esn0_db + 10 * std::log10(error_power(b.sent, image.symbols)));
        estimated += image.snr_db;
        for (size_t n = 0; n < b.sent.size(); ++n)
            normalised += std::norm(image.symbols[n] - b.sent[n]) / image.noise_var[n] / b.sent.size();
    }
    double median = NAN;
    if (!losses.empty()) {
        std::nth_element(losses.begin(), losses.begin() + losses.size() / 2, losses.end());
        median = losses[losses.size() / 2];
    }
    std::printf("%6.1f %7u %4.0f %8d %8d %8d %6d %8.3f %8.2f %8.3f\n", esn0_db, symbols, ppm, count, detected,
                headers, extra, median, estimated / headers, normalised / headers);
    std::fflush(stdout);
}

void header_failures(double esn0_db, int count)
{
    rng random(2000);
    phy::transmitter tx({}, 4096);
    int missed = 0, unreadable = 0;
    for (int i = 0; i < count; ++i) {
        const auto found = receive(one_burst(tx, esn0_db, 1, 0, random).stream);
        missed += found.reports.empty();
        unreadable += !found.reports.empty() && !found.reports[0].header_ok;
    }
    std::printf("header at %.0f dB: %d frames, %d not detected, %d unreadable\n", esn0_db, count, missed, unreadable);
    std::fflush(stdout);
}

void false_alarms(size_t count)
{
    struct nothing : phy::receiver_listener {
        void on_frame(const phy::frame_report&) override {}
        void on_image(const phy::received_image&) override {}
    } ignore;
    phy::receiver rx({}, false_alarm, timeout);
    rng random(5);
    double seconds = 0;
    for (size_t done = 0; done < count; done += 1000000) {
        const samples noise = gaussian(1000000, random);
        const auto start = std::chrono::steady_clock::now();
        rx.push(noise.data(), noise.size(), ignore);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    std::printf("noise: %zu samples, %llu false alarms, %.1f Msamples/s\n", count,
                static_cast<unsigned long long>(rx.counters().header_failures + rx.counters().frames),
                count / seconds / 1e6);
}

void burst_speed(uint32_t symbols, double esn0_db)
{
    rng random(6);
    phy::transmitter tx({}, 4096);
    std::vector<samples> bursts;
    for (int i = 0; i < 200; ++i)
        bursts.push_back(frames(tx, info(symbols, i), gaussian(symbols, random))[0]);
    channel_sim channel;
    channel.noise_var = std::pow(10, -esn0_db / 10);
    channel.cfo = 0.004;
    const samples stream = channel.run(join(bursts), 100, 3000, random);
    phy::receiver rx({}, false_alarm, timeout);
    collector found;
    found.reports.reserve(1000);
    const auto start = std::chrono::steady_clock::now();
    rx.push(stream.data(), stream.size(), found);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("bursts of %u symbols at %.0f dB: %.1f Msamples/s, %zu of 200 images\n", symbols, esn0_db,
                stream.size() / seconds / 1e6, found.images.size());
}

} // namespace

int main(int argc, char** argv)
{
    const int count = argc > 1 ? std::atoi(argv[1]) : 500;
    std::printf(" Es/N0 symbols  ppm   frames detected  headers second  loss dB  est. dB  err/var\n");
    for (double esn0_db : { -5, -3, 0, 5, 10, 15, 20, 30 })
        measure(esn0_db, 512, 0, count);
    for (double esn0_db : { 0, 10, 20, 30 })
        measure(esn0_db, 4096, 20, count / 10);
    for (double esn0_db : { -7, -5, -3 })
        header_failures(esn0_db, 2 * count);
    for (double esn0_db : { 0, 5 })
        header_failures(esn0_db, 20 * count);
    false_alarms(10000000);
    burst_speed(512, 15);
    burst_speed(4096, 15);
}
