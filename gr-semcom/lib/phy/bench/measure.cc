// SPDX-License-Identifier: GPL-3.0-or-later
#include "measure.h"

#include "../interleaver.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <istream>
#include <sstream>

namespace bench {

namespace phy = semcom::phy;

double tally::median_loss_db()
{
    if (losses_db.empty())
        return NAN;
    const auto middle = losses_db.begin() + losses_db.size() / 2;
    std::nth_element(losses_db.begin(), middle, losses_db.end());
    return *middle;
}

namespace {

channel_sim draw(const conditions& c, double symbol_energy, rng& random)
{
    channel_sim channel;
    channel.delay = test::uniform(0, 1, random);
    channel.phase = test::uniform(-M_PI, M_PI, random);
    channel.cfo = test::uniform(c.cfo_low, c.cfo_high, random);
    channel.clock_ppm = c.clock_ppm;
    channel.noise_var = symbol_energy * std::pow(10, -c.esn0_db / 10);
    return channel;
}

double error_db(const samples& sent, const samples& received)
{
    double sum = 0;
    for (size_t i = 0; i < sent.size(); ++i)
        sum += std::norm(received[i] - sent[i]);
    return 10 * std::log10(sum / sent.size());
}

} // namespace

tally measure(modem& m, const conditions& c, int bursts, uint64_t seed)
{
    rng random(seed);
    tally t;
    t.bursts = bursts;
    for (int i = 0; i < bursts; ++i) {
        samples sent;
        const samples air = m.burst(sent, random);
        const auto stream = draw(c, m.symbol_energy(), random).run(air, 300 + random() % 2000, 3000, random);
        outcome got;
        m.reset();
        m.push(stream, got);
        t.detected += got.detections > 0;
        t.headers += got.headers > 0;
        t.second += std::max(0, got.detections - 1);
        if (got.symbols.size() == sent.size())
            t.losses_db.push_back(c.esn0_db + error_db(sent, got.symbols));
    }
    return t;
}

std::pair<long, double> search_noise(modem& m, size_t count)
{
    rng random(5);
    outcome got;
    m.reset();
    double seconds = 0;
    size_t done = 0;
    while (done < count) {
        const samples block = test::gaussian(100000, random);
        const auto start = std::chrono::steady_clock::now();
        m.push(block, got);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        done += block.size();
    }
    return { got.detections, done / seconds / 1e6 };
}

double receive_bursts(modem& m, int bursts)
{
    rng random(6);
    samples air;
    for (int i = 0; i < bursts; ++i) {
        samples sent;
        const samples one = m.burst(sent, random);
        air.insert(air.end(), one.begin(), one.end());
    }
    channel_sim channel;
    channel.cfo = 0.004;
    channel.noise_var = m.symbol_energy() * std::pow(10, -1.5);
    const samples stream = channel.run(air, 100, 3000, random);
    double best = 0;
    for (int repeat = 0; repeat < 3; ++repeat) {
        outcome got;
        m.reset();
        const auto start = std::chrono::steady_clock::now();
        m.push(stream, got);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (got.payloads < 0.9 * bursts || got.payloads > bursts)
            return NAN;
        best = std::max(best, stream.size() / seconds / 1e6);
    }
    return best;
}

std::vector<tdl_profile> read_profiles(std::istream& in)
{
    std::vector<tdl_profile> profiles;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        tdl_profile profile;
        words >> profile.name;
        for (double delay, amplitude; words >> delay >> amplitude;) {
            profile.delay.push_back(delay);
            profile.amplitude.push_back(amplitude);
        }
        profiles.push_back(profile);
    }
    return profiles;
}

tdl_result measure_tdl(const tdl_profile& profile, double delay_spread, double esn0_db, int bursts)
{
    constexpr int length = 48, middle = 8; // taps of the sampled channel, and where delay 0 lies
    const phy::frame_params params;
    const phy::carrier_map map(params);
    const auto m = make_ours(payload);
    rng random(7);
    std::vector<double> gaps;
    size_t erased = 0;
    for (int i = 0; i < bursts; ++i) {
        conditions c;
        c.esn0_db = esn0_db;
        samples sent;
        const samples air = m->burst(sent, random);
        channel_sim channel = draw(c, 1, random);
        channel.taps.assign(length, cf{});
        for (size_t p = 0; p < profile.delay.size(); ++p) {
            const cf gain = static_cast<float>(profile.amplitude[p]) * test::gaussian(1, random)[0];
            for (int n = 0; n < length; ++n) {
                const double x = n - middle - profile.delay[p] * delay_spread;
                const double window = std::abs(x) < middle ? std::pow(std::cos(M_PI_2 * x / middle), 2) : 0;
                const double sinc = std::abs(x) < 1e-9 ? 1 : std::sin(M_PI * x) / (M_PI * x);
                channel.taps[n] += gain * static_cast<float>(window * sinc);
            }
        }
        outcome got;
        m->reset();
        m->push(channel.run(air, 500, 3000, random), got);
        if (got.symbols.size() != sent.size())
            continue;
        phy::interleaver interleaver;
        const auto& order = interleaver.order(sent.size());
        double gap = 0;
        for (size_t k = 0; k < sent.size(); ++k) {
            erased += got.symbols[order[k]] == cf{};
            cf h;
            for (int n = 0; n < length; ++n)
                h += channel.taps[n] *
                     cf(std::polar(1.0, -2 * M_PI * map.frequency(map.data()[k % map.data().size()]) * n / params.fft_size));
            gap += std::norm(got.symbols[order[k]] - sent[order[k]]) * std::norm(h) / channel.noise_var / sent.size();
        }
        gaps.push_back(10 * std::log10(gap));
    }
    if (gaps.empty())
        return { NAN, 0, NAN };
    std::nth_element(gaps.begin(), gaps.begin() + gaps.size() / 2, gaps.end());
    const double arrived = gaps.size();
    return { gaps[gaps.size() / 2], arrived / bursts, erased / (arrived * payload) };
}

std::vector<double> exceeded_db(const peak_case& what, const std::vector<double>& shares)
{
    rng random(9);
    phy::burst_shape shape;
    shape.payload = what.waveform;
    shape.peak_limit_db = INFINITY;
    shape.ramp_samples = 0;
    phy::transmitter tx({}, 16384, shape);
    std::vector<double> power;
    for (int i = 0; i < 40; ++i) {
        samples symbols = test::gaussian(16384, random);
        if (what.qpsk)
            for (auto& symbol : symbols)
                symbol = phy::qpsk(random() % 4);
        const samples burst = test::bursts(tx, test::info(16384), symbols)[0];
        for (size_t n = phy::frame_params{}.frame_samples(0); n < burst.size(); ++n)
            power.push_back(std::norm(burst[n]));
    }
    std::sort(power.begin(), power.end());
    double mean = 0;
    for (double p : power)
        mean += p / power.size();
    std::vector<double> out;
    for (double share : shares)
        out.push_back(10 * std::log10(power[static_cast<size_t>((1 - share) * power.size())] / mean));
    return out;
}

} // namespace bench
