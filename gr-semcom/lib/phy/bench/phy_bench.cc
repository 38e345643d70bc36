// SPDX-License-Identifier: GPL-3.0-or-later
// Measures the modem and its peers and prints JSON. Usage: phy_bench [--quick] < PROFILES, tapped delay lines as
// read_profiles() takes them.
#include "measure.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>

using namespace bench;
namespace phy = semcom::phy;

namespace {

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
