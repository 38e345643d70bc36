// SPDX-License-Identifier: GPL-3.0-or-later
// Measures the modem and its peers on the same definitions; prints JSON. Usage: phy_bench [--quick] < PROFILES
//
// PROFILES holds a line for each tapped delay line: its name, then for each Rayleigh path the delay in units of the delay
// spread and the amplitude.
//
// Es/N0 is that of a payload symbol. Unless said otherwise a burst has a random phase, a fractional delay and a carrier
// frequency offset uniform in +-0.01 rad/sample, and lies between stretches of noise. Loss is the median over bursts of
// the true Es/N0 minus that of the delivered symbols' error vector, no gain fitted. All seeds are fixed; one thread.
#include "modem.h"

#include "../interleaver.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <sstream>

using namespace bench;
namespace phy = semcom::phy;

namespace {

constexpr size_t payload = 1000;

struct conditions {
    double esn0_db = 15;
    double cfo_low = -0.01, cfo_high = 0.01; // rad/sample
    double clock_ppm = 0;
};

struct tally {
    int bursts = 0, detected = 0, headers = 0, second = 0;
    std::vector<double> losses_db;

    double share(int count) const { return static_cast<double>(count) / bursts; }
    double median_loss_db()
    {
        if (losses_db.empty())
            return NAN;
        const auto middle = losses_db.begin() + losses_db.size() / 2;
        std::nth_element(losses_db.begin(), middle, losses_db.end());
        return *middle;
    }
};

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

//! Detections in white noise, and the samples a second that one core searches.
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

//! Million samples a second of bursts back to back at 15 dB; NaN where fewer than nine in ten were delivered.
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

struct tdl_profile {
    std::string name;
    std::vector<double> delay, amplitude;
};

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

struct tdl_result {
    double gap_db; //!< error power, weighed by the channel's gain at each symbol, above that of zero forcing with the true
                   //!< channel: the median over channels
    double arrived, erased; //!< shares: of the bursts; of the symbols of those
};

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

//! What carries a payload: the symbols of a codec look Gaussian, those of a digital system may be QPSK.
struct peak_case {
    phy::waveform waveform;
    bool qpsk;
};

//! By how many dB the samples of a payload exceed their mean power, at the shares given, without a limit.
std::vector<double> exceeded_db(const peak_case& what, const std::vector<double>& shares)
{
    rng random(9);
    phy::burst_shape shape;
    shape.payload = what.waveform;
    shape.peak_limit_db = INFINITY;
    shape.ramp = 0;
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

//! A JSON number, or null.
std::string number(double value)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.5g", value);
    return std::isfinite(value) ? text : "null";
}

/*! Prints one member of the JSON object, an array of objects, one a line. */
template <typename Points, typename Line>
void array(const char* name, const Points& points, Line line)
{
    std::printf("\"%s\": [", name);
    const char* separator = "\n  ";
    for (const auto& point : points) {
        std::printf("%s{%s}", separator, line(point).c_str());
        std::fflush(stdout);
        separator = ",\n  ";
    }
    std::printf("\n],\n");
}

//! The members of a JSON object, by the peers' names.
class by_peer
{
public:
    void add(const modem& peer, double value)
    {
        d_members += (d_members.empty() ? "\"" : ", \"") + peer.name() + "\": " + number(value);
    }
    std::string object() const { return "{" + d_members + "}"; }

private:
    std::string d_members;
};

std::string field(const char* name, double value) { return std::string("\"") + name + "\": " + number(value); }

} // namespace

int main(int argc, char** argv)
{
    const bool quick = argc > 1 && !std::strcmp(argv[1], "--quick");
    const int bursts = quick ? 50 : 500;
    const auto ours = make_ours(payload);
    auto peers = make_peers();

    std::printf("{\n\"bursts_a_point\": %d,\n", bursts);
    array("detect", std::vector<double>{ -9, -7, -5, -3, -1, 1, 3, 5, 7 }, [&](double esn0_db) {
        conditions c;
        c.esn0_db = esn0_db;
        conditions wide = c;
        wide.cfo_low = -0.06;
        wide.cfo_high = 0.06;
        const tally t = measure(*ours, wide, bursts, 1);
        std::string line = field("esn0_db", esn0_db) + ", " + field("ours", t.share(t.detected)) + ", " +
                           field("header", t.share(t.headers));
        double best = NAN;
        by_peer all;
        for (auto& peer : peers) {
            const tally p = measure(*peer, c, bursts, 1);
            best = std::fmax(best, p.share(p.detected));
            all.add(*peer, p.share(p.detected));
        }
        return line + ", " + field("peer_best", best) + ", \"peers\": " + all.object();
    });
    array("loss", std::vector<double>{ 0, 5, 10, 15, 20, 30 }, [&](double esn0_db) {
        conditions c;
        c.esn0_db = esn0_db;
        c.clock_ppm = 20;
        std::string line =
            field("esn0_db", esn0_db) + ", " + field("median_db", measure(*ours, c, bursts, 2).median_loss_db());
        by_peer all;
        for (auto& peer : peers)
            all.add(*peer, measure(*peer, c, bursts, 2).median_loss_db());
        return line + ", \"peers\": " + all.object();
    });
    array("presets", phy::preset_names(), [&](const std::string& name) {
        const phy::frame_params params = phy::preset(name);
        const auto m = make_ours(4096, {}, params);
        conditions c;
        c.cfo_low = -params.max_cfo;
        c.cfo_high = params.max_cfo;
        c.clock_ppm = 20;
        c.esn0_db = -5;
        std::string line = "\"preset\": \"" + name + "\", ";
        const tally faint = measure(*m, c, bursts / 5, 10);
        line += field("detected_at_-5_db", faint.share(faint.detected)) + ", ";
        c.esn0_db = -3;
        const tally weak = measure(*m, c, bursts / 5, 11);
        line += field("header_at_-3_db", weak.share(weak.headers));
        for (int esn0_db : { 0, 10, 20, 30 }) {
            c.esn0_db = esn0_db;
            line += ", " + field(("loss_at_" + std::to_string(esn0_db) + "_db").c_str(),
                                 measure(*m, c, bursts / 5, 12).median_loss_db());
        }
        return line;
    });
    array("cfo", std::vector<double>{ 0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06 }, [&](double cfo) {
        conditions c;
        c.esn0_db = 20;
        c.cfo_low = c.cfo_high = cfo;
        return field("cfo_rad_per_sample", cfo) + ", " +
               field("median_db", measure(*ours, c, bursts, 3).median_loss_db());
    });
    const auto longest = make_ours(phy::frame_params{}.max_fragment_symbols);
    array("clock_ppm", std::vector<double>{ -20, -10, 0, 10, 20 }, [&](double ppm) {
        conditions c;
        c.esn0_db = 20;
        c.clock_ppm = ppm;
        return field("ppm", ppm) + ", \"symbols\": " + std::to_string(longest->payload_symbols()) + ", " +
               field("median_db", measure(*longest, c, std::max(10, bursts / 10), 4).median_loss_db());
    });
    struct fading {
        const tdl_profile* profile;
        double delay_spread, esn0_db;
    };
    const auto profiles = read_profiles(std::cin);
    std::vector<fading> cases;
    for (const auto& profile : profiles)
        for (double delay_spread : { 0.5, 1.0, 1.5 })
            for (double esn0_db : { 10, 20 })
                cases.push_back({ &profile, delay_spread, esn0_db });
    array("tdl", cases, [&](const fading& f) {
        const tdl_result r = measure_tdl(*f.profile, f.delay_spread, f.esn0_db, bursts);
        return std::string("\"profile\": \"") + f.profile->name + "\", " +
               field("delay_spread_samples", f.delay_spread) + ", " + field("esn0_db", f.esn0_db) + ", " +
               field("gap_to_perfect_csi_db", r.gap_db) + ", " + field("arrived", r.arrived) + ", " +
               field("erased", r.erased);
    });
    const std::vector<double> shares{ 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001 };
    array("peaks",
          std::vector<peak_case>{ { phy::waveform::ofdm, false },
                                  { phy::waveform::dft_spread, false },
                                  { phy::waveform::ofdm, true },
                                  { phy::waveform::dft_spread, true } },
          [&](const peak_case& what) {
              std::string line = std::string("\"waveform\": \"") +
                                 (what.waveform == phy::waveform::ofdm ? "ofdm" : "dft_spread") +
                                 "\", \"symbols\": \"" + (what.qpsk ? "qpsk" : "gaussian") + "\", \"exceeded\": [";
              const auto db = exceeded_db(what, shares);
              for (size_t i = 0; i < shares.size(); ++i)
                  line += (i ? ", {" : "{") + field("share", shares[i]) + ", " + field("db", db[i]) + "}";
              return line + "]";
          });
    array("clipping", std::vector<double>{ 4, 5, 6, 7, 8, 10 }, [&](double limit_db) {
        phy::burst_shape shape;
        shape.peak_limit_db = limit_db;
        const auto clipped = make_ours(payload, shape);
        std::string line = field("peak_limit_db", limit_db);
        for (int esn0_db : { 10, 20, 30 }) {
            conditions c;
            c.esn0_db = esn0_db;
            line += ", " + field(("loss_at_" + std::to_string(esn0_db) + "_db").c_str(),
                                 measure(*clipped, c, bursts, 2).median_loss_db());
        }
        return line;
    });
    conditions strong;
    strong.esn0_db = 30;
    const tally second = measure(*ours, strong, quick ? 200 : 10000, 8);
    std::printf("\"second_detections\": {\"bursts\": %d, \"esn0_db\": 30, \"count\": %d},\n", second.bursts,
                second.second);

    const size_t noise = quick ? 5000000 : 100000000, peer_noise = noise / 20;
    const auto [alarms, noise_msps] = search_noise(*ours, noise);
    std::printf("\"false_alarms\": {\"samples\": %zu, \"count\": %ld},\n", noise, alarms);
    by_peer noise_all, bursts_all, alarms_all;
    double best_noise = NAN, best_bursts = NAN;
    for (auto& peer : peers) {
        const auto [count, n] = search_noise(*peer, peer_noise);
        const double b = receive_bursts(*peer, 100);
        best_noise = std::fmax(best_noise, n);
        best_bursts = std::fmax(best_bursts, b);
        noise_all.add(*peer, n);
        bursts_all.add(*peer, b);
        alarms_all.add(*peer, count);
    }
    std::printf("\"peers_false_alarms\": {\"samples\": %zu, \"count\": %s},\n", peer_noise, alarms_all.object().c_str());
    std::printf("\"throughput\": {%s, %s, %s, %s,\n  \"peers_noise_msps\": %s,\n  \"peers_bursts_msps\": %s}\n}\n",
                field("noise_msps", noise_msps).c_str(), field("bursts_msps", receive_bursts(*ours, 200)).c_str(),
                field("peer_best_noise_msps", best_noise).c_str(), field("peer_best_bursts_msps", best_bursts).c_str(),
                noise_all.object().c_str(), bursts_all.object().c_str());
}
