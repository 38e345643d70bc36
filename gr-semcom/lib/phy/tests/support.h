// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "../receiver.h"
#include "../transmitter.h"
#include "channel_sim.h"

#include <random>
#include <vector>

namespace test {

using semcom::phy::cf;
using samples = std::vector<cf>;
using rng = std::mt19937_64;

constexpr double false_alarm = 1e-12;
constexpr uint64_t timeout = 100000;

//! Complex Gaussian values of variance 1, which is what a codec's symbols look like.
inline samples gaussian(size_t count, rng& random)
{
    std::normal_distribution<float> normal(0, std::sqrt(0.5f));
    samples out(count);
    for (auto& value : out)
        value = { normal(random), normal(random) };
    return out;
}

inline double uniform(double low, double high, rng& random)
{
    return std::uniform_real_distribution<double>(low, high)(random);
}

inline semcom::phy::image_info info(uint32_t symbols, uint16_t image_id = 7)
{
    return { 3, image_id, 32, 48, symbols, 1.0 };
}

//! The bursts of an image, one by one.
inline std::vector<samples>
bursts(semcom::phy::transmitter& tx, const semcom::phy::image_info& image, const samples& symbols)
{
    tx.load(image, symbols.data());
    std::vector<samples> out;
    for (uint32_t i = 0; i < tx.bursts(); ++i) {
        out.emplace_back(tx.burst_samples(i));
        tx.burst(i, out.back().data());
    }
    return out;
}

inline samples join(const std::vector<samples>& parts, size_t gap = 0)
{
    samples out;
    for (const auto& part : parts) {
        out.insert(out.end(), part.begin(), part.end());
        out.resize(out.size() + gap);
    }
    return out;
}

struct collector : semcom::phy::receiver_listener {
    std::vector<semcom::phy::frame_report> reports;
    std::vector<semcom::phy::received_image> images, previews;
    void on_frame(const semcom::phy::frame_report& report) override { reports.push_back(report); }
    void on_image(const semcom::phy::received_image& image) override { images.push_back(image); }
    void on_preview(const semcom::phy::received_image& image) override { previews.push_back(image); }
};

//! Pushes a whole stream into a new receiver, with silence behind it so that the last burst is seen.
inline collector receive(const samples& stream,
                         semcom::phy::receiver_counters* counters = nullptr,
                         const semcom::phy::frame_params& params = {})
{
    semcom::phy::receiver rx(params, false_alarm, timeout);
    collector found;
    rx.push(stream.data(), stream.size(), found);
    const samples silence(40 * params.fft_size);
    rx.push(silence.data(), silence.size(), found);
    rx.flush(found);
    if (counters)
        *counters = rx.counters();
    return found;
}

//! Mean squared error between what was sent and received.
inline double error_power(const samples& sent, const semcom::phy::buffer<cf>& received)
{
    double sum = 0;
    for (size_t i = 0; i < sent.size(); ++i)
        sum += std::norm(received[i] - sent[i]);
    return sum / sent.size();
}

} // namespace test
