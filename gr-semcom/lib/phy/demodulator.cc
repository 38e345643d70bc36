// SPDX-License-Identifier: GPL-3.0-or-later
#include "demodulator.h"
#include "shrink.h"

#include <volk/volk.h>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace semcom::phy {

demodulator::demodulator(const frame_params& params, const preamble& p)
    : d_params(params),
      d_preamble(p),
      d_map(params),
      d_header_end(2 + params.header_symbols),
      d_all_carriers(params.used_carriers),
      d_ofdm(params),
      d_to_delay(params.fft_size, direction::inverse),
      d_estimator(params),
      d_smoother(params.payload_ofdm_symbols(params.max_fragment_symbols)),
      d_header_code(params),
      d_scrambler(params.max_fragment_symbols),
      d_first_taps(params.fft_size),
      d_tap_power(params.fft_size),
      d_ls(params.used_carriers),
      d_h(params.used_carriers),
      d_inverse_h(params.used_carriers),
      d_equalised(params.used_carriers),
      d_h_var(params.used_carriers),
      d_relative_noise(params.used_carriers),
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
    std::iota(d_all_carriers.begin(), d_all_carriers.end(), 0);
    double energy = 0;
    for (int s = 0; s < d_header_end; ++s) {
        const double weight = s < 2 ? p.boost : 1;
        energy += weight;
        d_training_middle += weight * window_middle(s);
    }
    d_training_middle /= energy;
    for (int s = 0; s < 2; ++s)
        std::copy(p.carriers.begin(), p.carriers.end(), known(s));
    for (int s = 2; s < static_cast<int>(symbols); ++s)
        for (size_t i = 0; i < d_map.pilots().size(); ++i)
            known(s)[d_map.pilots()[i]] = d_map.pilot(s - 2, i);
}

double demodulator::window_start(int symbol) const
{
    const int n = d_params.fft_size;
    const int body = symbol < 2 ? symbol * n
                                : 2 * n + (symbol - 2) * d_params.symbol_samples() +
                                      d_params.cyclic_prefix;
    return body - d_backoff;
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

//! Coarse frequency offset; where to put the FFT windows; fine frequency offset.
void demodulator::acquire(const cf* p1)
{
    const int n = d_params.fft_size, prefix = d_params.cyclic_prefix, half = d_map.used() / 2;
    cf c[2];
    for (int s = 0; s < 2; ++s)
        volk_32fc_x2_conjugate_dot_prod_32fc(&c[s], p1 + s * n, d_preamble.samples.data(), n);
    d_cfo = std::arg(conj_mul(c[0], c[1])) / n;

    // Impulse responses that the two P show, seen through a Hann window over the carriers. With windows that begin a
    // prefix early, what comes d samples after the detector's peak is tap prefix + d.
    d_backoff = prefix;
    buffer<cf>& first = d_first_taps;
    float* power = d_tap_power.data();
    std::fill_n(power, n, 0.0f);
    for (int s = 0; s < 2; ++s) {
        transform(p1, s);
        std::fill_n(d_to_delay.in(), n, cf{});
        for (int carrier = 0; carrier < d_map.used(); ++carrier) {
            const cf ls = conj_mul(known(s)[carrier], received(s)[carrier]);
            const int bin = d_map.frequency(carrier);
            d_to_delay.in()[bin & (n - 1)] = ls * (1 + std::cos(static_cast<float>(M_PI) * bin / (half + 1)));
        }
        d_to_delay.run();
        if (s == 0)
            std::copy_n(d_to_delay.out(), n, first.begin());
        for (int i = 0; i < n; ++i)
            power[i] += std::norm(d_to_delay.out()[i]);
    }

    // Taps that no channel inside the prefix reaches show the noise.
    const int empty = 2 * prefix + 4;
    const float noise = std::accumulate(power + empty, power + n - 4, 0.0f) / (n - 4 - empty);
    const float peak = *std::max_element(power, power + 2 * prefix + 1);
    const float threshold = std::max(8 * noise, 1e-3f * peak);
    cf turn{};
    for (int i = 0; i <= 2 * prefix; ++i) {
        if (power[i] < threshold)
            power[i] = 0;
        else
            turn += conj_mul(first[i], d_to_delay.out()[i]);
    }
    place_window(power);
    d_cfo += std::arg(turn) / n;
}

//! The back-off that leaves most of the impulse response inside the prefix; of equal ones the middle.
void demodulator::place_window(const float* tap_power)
{
    const int prefix = d_params.cyclic_prefix;
    const auto inside = [&](int backoff) {
        const float* begin = tap_power + prefix - backoff;
        return std::accumulate(begin, begin + prefix + 1, 0.0f);
    };
    float most = 0;
    for (int b = 0; b <= prefix; ++b)
        most = std::max(most, inside(b));
    const auto good = [&](int b) { return inside(b) >= 0.999f * most; };
    int first = 0;
    while (!good(first))
        ++first;
    int last = first;
    while (last < prefix && good(last + 1))
        ++last;
    d_backoff = (first + last) / 2;
}

//! Least squares over the first symbols, whose carriers are all known, then smoothing.
void demodulator::estimate_channel(int symbols)
{
    const int used = d_map.used();
    std::fill(d_ls.begin(), d_ls.end(), cf{});
    float energy = 0; // the same on every carrier
    for (int s = 0; s < symbols; ++s) {
        const cf turn = turn_back(s);
        for (int c = 0; c < used; ++c)
            d_ls[c] += mul(turn, conj_mul(known(s)[c], received(s)[c]));
        energy += std::norm(known(s)[0]);
    }
    for (auto& ls : d_ls)
        ls /= energy;
    float residual = 0;
    for (int s = 0; s < symbols; ++s) {
        const cf turn = turn_back(s);
        for (int c = 0; c < used; ++c)
            residual += std::norm(mul(turn, received(s)[c]) - mul(known(s)[c], d_ls[c]));
    }
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

//! A line through the common phases of the symbols before \p end.
void demodulator::fit_line(int end, const std::vector<int>& header_carriers)
{
    d_observations.clear();
    for (int s = 0; s < end; ++s)
        d_observations.push_back(observe(s, s < 2                ? d_all_carriers
                                            : s < d_header_end ? header_carriers
                                                                 : d_map.pilots()));
    // Six standard deviations of what the two P leave open.
    const double preamble_snr = d_map.used() * d_preamble.boost * d_power / d_noise_var;
    d_line = fit_phase_line(d_observations, 6 / std::sqrt(preamble_snr) / d_params.fft_size);
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
    double drift = 0;
    for (int iteration = 0; iteration < 2; ++iteration) {
        double along = 0, energy = 0;
        for (int s = d_header_end; s < end; ++s) {
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
        drift += along / energy;
        if (iteration == 1)
            drift *= shrink(drift * drift, 1, 0.5 * d_noise_var / energy);
    }
    return drift;
}

//! Phase on a carrier for a clock drift of 1, counted from the middle of what the channel was estimated from.
double demodulator::drift_phase(int symbol, int carrier) const
{
    return -2 * M_PI * d_map.frequency(carrier) * (window_middle(symbol) - d_training_middle) /
           d_params.fft_size;
}

//! Zero forcing: received / h with the common phase and the clock drift taken out.
void demodulator::equalise(int symbol)
{
    const int half = d_map.used() / 2;
    const cf common = turn_back(symbol);
    const cf step(std::polar(1.0, -d_drift * drift_phase(symbol, half))); // from carrier to carrier
    cf low = mul(common, cf(std::polar(1.0, -d_drift * drift_phase(symbol, 0))));
    cf high = mul(common, step);
    for (int c = 0; c < half; ++c) {
        d_equalised[c] = mul(mul(low, d_inverse_h[c]), received(symbol)[c]);
        d_equalised[c + half] = mul(mul(high, d_inverse_h[c + half]), received(symbol)[c + half]);
        low = mul(low, step);
        high = mul(high, step);
    }
}

std::optional<header> demodulator::read_header(const cf* p1)
{
    acquire(p1);
    for (int s = 0; s < d_header_end; ++s)
        transform(p1, s);
    d_phase[0] = d_phase[1] = 0;
    d_drift = 0;
    estimate_channel(2);
    fit_line(d_header_end, d_map.pilots());

    size_t place = 0;
    for (int s = 2; s < d_header_end; ++s) {
        equalise(s);
        for (int c : d_map.data()) {
            d_header_symbols[place] = d_equalised[c];
            d_header_noise[place++] = d_relative_noise[c] + d_phase_var[s];
        }
    }
    const auto decoded = d_header_code.decode(d_header_symbols.data(), d_header_noise.data());
    if (!decoded)
        return std::nullopt;

    // Its CRC matches: from here on its symbols are known ones.
    d_header_code.encode(*decoded, d_header_symbols.data());
    place = 0;
    for (int s = 2; s < d_header_end; ++s)
        for (int c : d_map.data())
            known(s)[c] = d_header_symbols[place++];
    fit_line(d_header_end, d_all_carriers);
    estimate_channel(d_header_end);
    return decoded;
}

void demodulator::read_payload(const cf* p1, size_t count, cf* symbols, float* noise_var)
{
    const int end = d_header_end + d_params.payload_ofdm_symbols(count);
    for (int s = d_header_end; s < end; ++s)
        transform(p1, s);
    fit_line(end, d_all_carriers);
    smooth_phases(end);
    d_drift = clock_drift(end);

    size_t i = 0;
    double pilot_error = 0;
    for (int s = d_header_end; s < end; ++s) {
        equalise(s);
        for (int c : d_map.pilots())
            pilot_error += std::norm(std::complex<double>(d_equalised[c] - known(s)[c]));
        for (int c : d_map.data()) {
            if (i == count)
                break;
            symbols[i] = conj_mul(d_scrambler.turn(i), d_equalised[c]);
            noise_var[i++] = d_relative_noise[c] + d_phase_var[s];
        }
    }
    d_evm = std::sqrt(pilot_error / ((end - d_header_end) * d_map.pilots().size()));
}

} // namespace semcom::phy
