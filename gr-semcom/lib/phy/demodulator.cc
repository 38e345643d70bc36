// SPDX-License-Identifier: GPL-3.0-or-later
#include "demodulator.h"
#include "shrink.h"

#include <volk/volk.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace semcom::phy {

demodulator::demodulator(const frame_params& params, const preamble& p)
    : d_params(params),
      d_preamble(p),
      d_map(params),
      d_header_end(2 + params.header_symbols),
      d_all_carriers(params.used_carriers),
      d_acquisition(params, p),
      d_ofdm(params),
      d_despread(params.data_carriers(), direction::inverse),
      d_estimator(params),
      d_smoother(params.payload_ofdm_symbols(params.max_fragment_symbols)),
      d_header_code(params),
      d_scrambler(params.max_fragment_symbols),
      d_ls(params.used_carriers),
      d_h(params.used_carriers),
      d_inverse_h(params.used_carriers),
      d_equalised(params.used_carriers),
      d_h_var(params.used_carriers),
      d_relative_noise(params.used_carriers),
      d_symbol_noise(params.data_carriers()),
      d_header_symbols(d_header_code.symbols()),
      d_header_noise(d_header_code.symbols())
{
    const size_t symbols =
        d_header_end + params.payload_ofdm_symbols(params.max_fragment_symbols);
    d_received.resize(symbols * d_map.used());
    d_known.resize(symbols * d_map.used());
    d_phase.resize(symbols);
    d_phase_var.resize(symbols);
    d_observations.reserve(symbols);
    d_residual.reserve(symbols);
    d_straight.resize(d_header_end * d_map.used());
    d_symbols.resize(params.data_carriers());
    std::iota(d_all_carriers.begin(), d_all_carriers.end(), 0);
    double energy = 0;
    for (int s = 0; s < d_header_end; ++s) {
        const double weight = s < 2 ? p.boost : 1;
        energy += weight;
        d_training_middle += weight * window_middle(s);
    }
    d_training_middle /= energy;
    for (int s = 0; s < 2; ++s)
        std::copy(p.carriers[s].begin(), p.carriers[s].end(), known(s));
    for (int s = 2; s < static_cast<int>(symbols); ++s)
        for (size_t i = 0; i < d_map.pilots().size(); ++i)
            known(s)[d_map.pilots()[i]] = d_map.pilot(s - 2, i);
}

double demodulator::window_start(int symbol) const
{
    return symbol * d_params.symbol_samples() - d_backoff;
}

double demodulator::window_middle(int symbol) const
{
    return window_start(symbol) + 0.5 * (d_params.fft_size - 1);
}

void demodulator::transform(const cf* p1, int symbol)
{
    const int start = static_cast<int>(window_start(symbol));
    d_ofdm.demodulate(p1 + start, d_cfo * start, d_cfo, received(symbol));
}

//! Least squares over the first symbols, whose carriers are all known, then smoothing.
void demodulator::estimate_channel(int symbols)
{
    const int used = d_map.used();
    std::fill(d_ls.begin(), d_ls.end(), cf{});
    float energy = 0; // the same on every carrier
    for (int s = 0; s < symbols; ++s) {
        cf* straight = &d_straight[s * used];
        straighten(s, straight);
        for (int c = 0; c < used; ++c)
            d_ls[c] += conj_mul(known(s)[c], straight[c]);
        energy += std::norm(known(s)[0]);
    }
    for (auto& ls : d_ls)
        ls /= energy;
    float residual = 0;
    for (int s = 0; s < symbols; ++s)
        for (int c = 0; c < used; ++c)
            residual += std::norm(d_straight[s * used + c] - mul(known(s)[c], d_ls[c]));
    // A simulation without noise is taken to have an SNR of 120 dB.
    float ls_power = 1e-30f;
    for (const cf& ls : d_ls)
        ls_power += std::norm(ls) / used;
    d_noise_var = std::max(residual / (used * (symbols - 1)), 1e-12f * ls_power);
    d_estimator.estimate(d_ls.data(), d_noise_var / energy, d_h.data(), d_h_var.data());

    float power = 0;
    for (const cf& h : d_h)
        power += std::norm(h);
    d_power = std::max(power / used, 1e-30f);
    for (int c = 0; c < used; ++c) {
        const float gain = std::max(std::norm(d_h[c]), 1e-6f * d_power);
        d_inverse_h[c] = std::conj(d_h[c]) / gain;
        d_relative_noise[c] = (d_noise_var + d_h_var[c]) / gain;
    }
}

phase_observation demodulator::observe(int symbol, const std::vector<int>& carriers)
{
    phase_observation o{ window_middle(symbol), cf{}, 0 };
    for (int c : carriers) {
        const cf expected = mul(d_h[c], known(symbol)[c]);
        o.value += conj_mul(expected, received(symbol)[c]);
        o.energy += std::norm(expected);
    }
    return o;
}

/*! Whether a payload symbol's pilots are buried under something else: another burst that began, say. Their squared error,
 *  heard - 2 |value| + energy, may reach four times the noise and, for a clock offset's sake, their own energy.
 */
bool demodulator::is_drowned(int symbol, const phase_observation& o)
{
    float heard = 0;
    for (int c : d_map.pilots())
        heard += std::norm(received(symbol)[c]);
    return heard - 2 * std::abs(o.value) > 4 * d_map.pilots().size() * d_noise_var;
}

/*! Behind the last OFDM symbol whose pilots are there: a burst may be cut off. The evidence of an OFDM symbol is how far its
 *  pilots' coherent sum stands above the middle between what it is with and without them; a clock offset may take an eighth
 *  of it.
 */
int demodulator::end_of_pilots(int end)
{
    constexpr double sure = 25; // times the noise: more evidence than chance takes away from a whole burst
    double evidence = 0, most = 0;
    int last = d_header_end;
    for (int s = d_header_end; s < end; ++s) {
        const phase_observation o = observe(s, d_map.pilots());
        const double without = M_PI_4 * o.energy * d_noise_var; // mean of the sum's squared magnitude, nearly
        const double with = without + 0.75 * o.energy * o.energy;
        evidence += 2 * std::abs(o.value) - std::sqrt(without) - std::sqrt(with);
        if (evidence > most) {
            most = evidence;
            last = s + 1;
        }
    }
    return most - evidence > sure * d_noise_var ? last : end;
}

//! A line through the common phases of the symbols before \p end.
void demodulator::fit_line(int end, const std::vector<int>& header_carriers)
{
    d_observations.clear();
    for (int s = 0; s < end; ++s) {
        d_observations.push_back(observe(s, s < 2                ? d_all_carriers
                                            : s < d_header_end ? header_carriers
                                                                 : d_map.pilots()));
        if (s >= d_header_end && is_drowned(s, d_observations.back()))
            d_observations.back().value = d_observations.back().energy = 0;
    }
    // Six standard deviations of what P and Q leave open.
    const double preamble_snr = d_map.used() * d_preamble.boost * d_power / d_noise_var;
    d_line = fit_phase_line(d_observations, 6 / std::sqrt(preamble_snr) / d_params.symbol_samples());
    for (int s = 0; s < end; ++s) {
        d_phase[s] = d_line.at(window_middle(s));
        d_phase_var[s] = d_line.variance(window_middle(s), d_noise_var);
    }
}

//! Adds to the payload's phases what the line does not follow.
void demodulator::smooth_phases(int end)
{
    d_residual.clear();
    double energy = 0;
    for (int s = d_header_end; s < end; ++s) {
        d_residual.push_back(std::arg(mul(d_observations[s].value, turn_back(s))));
        energy += d_observations[s].energy;
    }
    if (energy == 0)
        return;
    const float mean_energy = energy / d_residual.size();
    const float variance = d_smoother.smooth(d_residual, d_noise_var / (2 * mean_energy));
    for (int s = d_header_end; s < end; ++s) {
        d_phase[s] += d_residual[s - d_header_end];
        d_phase_var[s] += variance;
    }
}

//! Sampling clock offset from the pilots' growing phase slope over the carriers, samples a sample.
double demodulator::clock_drift(int end)
{
    constexpr double usual_drift = 20e-6; // rms of what two clocks differ by
    double drift = 0;
    for (int iteration = 0; iteration < 2; ++iteration) {
        double along = 0, energy = 0;
        for (int s = d_header_end; s < end; ++s) {
            if (d_observations[s].energy == 0)
                continue;
            const cf turn = turn_back(s);
            for (int c : d_map.pilots()) {
                const cf expected = mul(d_h[c], known(s)[c]);
                const double g = drift_phase(s, c);
                const cf error = mul(mul(turn, conj_mul(expected, received(s)[c])),
                                     std::polar(1.0f, static_cast<float>(-drift * g)));
                along += g * error.imag();
                energy += g * g * std::norm(expected);
            }
        }
        if (energy == 0)
            return 0;
        drift += along / energy;
        if (iteration == 1)
            drift *= 1 / (1 + 0.5 * d_noise_var / (energy * usual_drift * usual_drift)); // Wiener
    }
    return drift;
}

//! Phase on a carrier for a clock drift of 1, counted from the middle of what the channel was estimated from.
double demodulator::drift_phase(int symbol, int carrier) const
{
    return -2 * M_PI * d_map.frequency(carrier) * (window_middle(symbol) - d_training_middle) /
           d_params.fft_size;
}

//! The received carriers with the common phase and the clock drift taken out.
void demodulator::straighten(int symbol, cf* out)
{
    const int half = d_map.used() / 2;
    const cf* in = received(symbol);
    const cf common = turn_back(symbol);
    if (d_drift == 0) {
        volk_32fc_s32fc_multiply_32fc(out, in, common, 2 * half);
        return;
    }
    const cf step(std::polar(1.0, -d_drift * drift_phase(symbol, half))); // from carrier to carrier
    cf low = mul(common, cf(std::polar(1.0, -d_drift * drift_phase(symbol, 0))));
    cf high = mul(common, step);
    volk_32fc_s32fc_x2_rotator_32fc(out, in, step, &low, half);
    volk_32fc_s32fc_x2_rotator_32fc(out + half, in + half, step, &high, half);
}

//! Zero forcing.
void demodulator::equalise(int symbol)
{
    straighten(symbol, d_equalised.data());
    volk_32fc_x2_multiply_32fc(d_equalised.data(), d_equalised.data(), d_inverse_h.data(), d_map.used());
}

//! With the phases that d_line says.
std::optional<header> demodulator::decode_header()
{
    size_t place = 0;
    for (int s = 2; s < d_header_end; ++s) {
        d_phase[s] = d_line.at(window_middle(s));
        equalise(s);
        for (int c : d_map.data()) {
            d_header_symbols[place] = d_equalised[c];
            d_header_noise[place++] = d_relative_noise[c] + d_phase_var[s];
        }
    }
    return d_header_code.decode(d_header_symbols.data(), d_header_noise.data());
}

std::optional<header> demodulator::read_header(const cf* p1)
{
    const auto [cfo, backoff] = d_acquisition.run(p1);
    d_cfo = cfo;
    d_backoff = backoff;
    for (int s = 0; s < d_header_end; ++s)
        transform(p1, s);
    d_phase[0] = d_phase[1] = 0;
    d_drift = 0;
    estimate_channel(2);
    fit_line(d_header_end, d_map.pilots());

    // Behind the preamble the phase hangs on few pilots: where the CRC fails, the next likely slopes are tried.
    constexpr double deviations[] = { 0, 1.3, -1.3 };
    const phase_line line = d_line;
    std::optional<header> decoded;
    for (double deviation : deviations) {
        d_line = line.turned(deviation * line.slope_deviation(d_noise_var));
        if ((decoded = decode_header()))
            break;
    }
    if (!decoded) {
        d_line = line;
        return std::nullopt;
    }

    // Its CRC matches: from here on its symbols are known ones.
    d_header_code.encode(*decoded, d_header_symbols.data());
    size_t place = 0;
    for (int s = 2; s < d_header_end; ++s)
        for (int c : d_map.data())
            known(s)[c] = d_header_symbols[place++];
    fit_line(d_header_end, d_all_carriers);
    estimate_channel(d_header_end);
    return decoded;
}

/*! How far the pilots' errors stand above what noise and estimation explain, relative to the symbols' power: a burst that
 *  was cut off, one that another one hit, samples that were lost. Nothing where chance can do it.
 */
float demodulator::excess_noise(int symbol) const
{
    constexpr float chance = 4; // times what is expected: less than one in 10^6 OFDM symbols with 8 pilots
    const auto& pilots = d_map.pilots();
    float error = 0, trust = 0;
    for (int c : pilots) { // each weighed by how well it is known
        const float expected = d_relative_noise[c] + d_phase_var[symbol];
        error += std::norm(d_equalised[c] - d_known[size_t{ 1 } * symbol * d_map.used() + c]) / expected;
        trust += 1 / expected;
    }
    return error > chance * pilots.size() ? (error - pilots.size()) / trust : 0;
}

/*! From carriers to DFT-spread symbols: the linear estimate of least error, its bias divided out. All symbols of an OFDM
 *  symbol share one variance.
 */
void demodulator::despread()
{
    const int n = d_despread.size();
    float trust = 0, doubt = 0; // which add up to 1
    for (int i = 0; i < n; ++i) {
        const float weight = 1 / (1 + d_symbol_noise[i]);
        d_despread.in()[i] = weight * d_symbols[i];
        trust += weight / n;
        doubt += weight * d_symbol_noise[i] / n;
    }
    d_despread.run();
    const float scale = 1 / (trust * std::sqrt(static_cast<float>(n)));
    for (int i = 0; i < n; ++i)
        d_symbols[i] = scale * d_despread.out()[i];
    std::fill(d_symbol_noise.begin(), d_symbol_noise.end(), doubt / trust);
}

//! Common phase and clock drift over the symbols before \p end.
void demodulator::track(int end)
{
    fit_line(end, d_all_carriers);
    smooth_phases(end);
    d_drift = clock_drift(end);
    estimate_channel(d_header_end);
}

void demodulator::read_payload(const cf* p1, const header& head, int there, cf* symbols, float* noise_var)
{
    constexpr float gone = 0.5f; // excess noise above which a symbol's pilots are not there
    const size_t count = head.fragment_symbols(), a_symbol = d_map.data().size();
    std::fill_n(symbols, count, cf{});
    std::fill_n(noise_var, count, std::numeric_limits<float>::infinity());
    int end = d_header_end + std::min(there, d_params.payload_ofdm_symbols(count));
    for (int s = d_header_end; s < end; ++s)
        transform(p1, s);
    end = end_of_pilots(end);
    d_payload_read = end - d_header_end;
    if (end > d_header_end)
        track(end);

    double pilot_error = 0;
    for (int s = d_header_end; s < end; ++s) {
        equalise(s);
        for (int c : d_map.pilots())
            pilot_error += std::norm(std::complex<double>(d_equalised[c] - known(s)[c]));
        const float excess = excess_noise(s);
        if (excess > gone)
            continue;
        for (size_t i = 0; i < a_symbol; ++i) {
            const int c = d_map.data()[i];
            d_symbols[i] = d_equalised[c];
            d_symbol_noise[i] = d_relative_noise[c] + d_phase_var[s] + excess;
        }
        if (head.payload == waveform::dft_spread)
            despread();
        const size_t first = (s - d_header_end) * a_symbol;
        for (size_t i = 0; i < std::min(count - first, a_symbol); ++i) {
            symbols[first + i] = conj_mul(d_scrambler.turn(first + i), d_symbols[i]);
            noise_var[first + i] = d_symbol_noise[i];
        }
    }
    d_evm = std::sqrt(pilot_error / (std::max(1, end - d_header_end) * d_map.pilots().size()));
}

} // namespace semcom::phy
