/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "channel_model.h"
#include "vectorize.h"

#include <algorithm>
#include <cmath>

namespace semcom::loopback {

namespace {

constexpr double two_pi = 6.28318530717958647693;
constexpr std::size_t group = channel_model::group;
constexpr uint64_t gap_stream = ~uint64_t(0); // bursts use their index

/* out[n] = sum over k of tap[k] * in[n + taps - 1 - k], for complex numbers with their parts apart */
SEMCOM_VECTORIZE void filter(const float* tap_re,
                             const float* tap_im,
                             std::size_t taps,
                             const float* in_re,
                             const float* in_im,
                             float* out_re,
                             float* out_im,
                             std::size_t n)
{
    for (std::size_t start = 0; start < n; start += group) {
        float re[group] = {}, im[group] = {}; // kept in registers
        for (std::size_t k = 0; k < taps; k++) {
            const float* x_re = in_re + start + taps - 1 - k;
            const float* x_im = in_im + start + taps - 1 - k;
            for (std::size_t i = 0; i < group; i++) {
                re[i] += tap_re[k] * x_re[i] - tap_im[k] * x_im[i];
                im[i] += tap_re[k] * x_im[i] + tap_im[k] * x_re[i];
            }
        }
        for (std::size_t i = 0; i < group; i++) {
            out_re[start + i] = re[i];
            out_im[start + i] = im[i];
        }
    }
}

/* out = in * coarse * fine, interleaved. Goes by whole groups, as filter() does: if the compiler made the last few
 * samples with other instructions, their rounding would show how the samples were cut. */
SEMCOM_VECTORIZE void rotate(const float* in_re,
                             const float* in_im,
                             const float* fine_re,
                             const float* fine_im,
                             std::complex<float> coarse,
                             float* out,
                             std::size_t n)
{
    const float c_re = coarse.real(), c_im = coarse.imag();
    for (std::size_t start = 0; start < n; start += group) {
        for (std::size_t i = start; i < start + group; i++) {
            const float w_re = c_re * fine_re[i] - c_im * fine_im[i];
            const float w_im = c_re * fine_im[i] + c_im * fine_re[i];
            out[2 * i] = in_re[i] * w_re - in_im[i] * w_im;
            out[2 * i + 1] = in_re[i] * w_im + in_im[i] * w_re;
        }
    }
}

} // namespace

channel_model::channel_model(double samp_rate, uint64_t seed)
    : d_samp_rate(samp_rate), d_seed(seed), d_burst_noise(seed, 0), d_gap_noise(seed, gap_stream)
{
}

void channel_model::begin(const burst_draw& draw)
{
    std::fill(d_in_re.begin(), d_in_re.end(), 0.0f);
    std::fill(d_in_im.begin(), d_in_im.end(), 0.0f);
    retune(draw);
}

void channel_model::retune(const burst_draw& draw)
{
    const std::size_t memory = draw.filter.size() - 1;
    const std::size_t old_memory = d_tap_re.empty() ? memory : d_tap_re.size() - 1;
    d_tap_re.resize(memory + 1);
    d_tap_im.resize(memory + 1);
    for (std::size_t k = 0; k < draw.filter.size(); k++) {
        d_tap_re[k] = draw.filter[k].real();
        d_tap_im[k] = draw.filter[k].imag();
    }
    for (auto* line : { &d_in_re, &d_in_im }) { // the newest samples stay next to the block
        if (memory > old_memory)
            line->insert(line->begin(), memory - old_memory, 0.0f);
        else
            line->erase(line->begin(), line->begin() + std::min(line->size(), old_memory - memory));
        line->resize(memory + block);
    }

    d_noise_var = draw.noise_var;
    d_burst_noise.restart(d_seed, draw.index);
    d_cycles_per_sample = draw.cfo_hz / d_samp_rate;
    d_phase_rad = draw.phase_rad;
    d_position = 0;
    const std::complex<double> step = std::polar(1.0, two_pi * d_cycles_per_sample);
    std::complex<double> w = 1.0;
    for (std::size_t i = 0; i < fine_steps; i++, w *= step) {
        d_fine_re[i] = static_cast<float>(w.real());
        d_fine_im[i] = static_cast<float>(w.imag());
    }
}

void channel_model::process(const std::complex<float>* in, std::complex<float>* out, std::size_t n)
{
    while (n > 0) {
        const std::size_t now = std::min(n, block);
        process_block(in, out, now);
        in += now;
        out += now;
        n -= now;
    }
}

void channel_model::process_block(const std::complex<float>* in, std::complex<float>* out, std::size_t n)
{
    const std::size_t taps = d_tap_re.size(), memory = taps - 1;
    for (std::size_t i = 0; i < n; i++) {
        d_in_re[memory + i] = in[i].real();
        d_in_im[memory + i] = in[i].imag();
    }
    filter(d_tap_re.data(), d_tap_im.data(), taps, d_in_re.data(), d_in_im.data(), d_out_re.data(), d_out_im.data(), n);
    std::copy_n(d_in_re.begin() + n, memory, d_in_re.begin());
    std::copy_n(d_in_im.begin() + n, memory, d_in_im.begin());

    for (std::size_t done = 0; done < n;) {
        const std::size_t step = d_position % fine_steps;
        if (step == 0 || done == 0) {
            const double cycles = d_cycles_per_sample * static_cast<double>(d_position - step);
            d_coarse = std::complex<float>(std::polar(1.0, d_phase_rad + two_pi * std::fmod(cycles, 1.0)));
        }
        const std::size_t now = std::min(n - done, fine_steps - step);
        rotate(&d_out_re[done], &d_out_im[done], &d_fine_re[step], &d_fine_im[step], d_coarse,
               reinterpret_cast<float*>(&d_mixed[done]), now);
        done += now;
        d_position += now;
    }
    std::copy_n(d_mixed.begin(), n, out);
    d_burst_noise.add(out, n, d_noise_var);
}

void channel_model::gap(std::complex<float>* out, std::size_t n, double noise_var)
{
    std::fill_n(out, n, 0.0f);
    d_gap_noise.add(out, n, noise_var);
}

} // namespace semcom::loopback
