// SPDX-License-Identifier: GPL-3.0-or-later
#include "reception.h"
#include "converter_12bit.h"
#include "noise.h"
#include "power.h"

#include <uhd/exception.hpp>
#include <volk/volk.h>
#include <algorithm>
#include <cmath>

namespace uhd_virtual {

namespace {

constexpr double highest_step = 1.001; // between two clocks; clock_ppm allows less
/* Its table takes a while to compute, and all use the same. */
std::shared_ptr<const interpolator> shared_interpolator()
{
    static const auto only = std::make_shared<const interpolator>();
    return only;
}

constexpr double longest_delay_samples = 1 << 16;

} // namespace

reception::reception(const settings& from, std::shared_ptr<const air> where, double rate, double clock_ratio,
                     size_t channel)
    : d_settings(from),
      d_air(std::move(where)),
      d_rate(rate),
      d_clock_ratio(clock_ratio),
      d_seed(derive_seed(static_cast<uint64_t>(from.seed), channel)),
      d_noise_mw(ratio(noise_dbm(rate, from.noise_figure_db))),
      d_taps(from.taps.size()),
      d_interpolator(shared_interpolator()),
      d_sum(block + from.taps.size()),
      d_part(static_cast<size_t>(d_sum.size() * highest_step) + interpolator::before + interpolator::after + 2),
      d_x(block)
{
    if (from.delay_us * 1e-6 * rate > longest_delay_samples)
        throw uhd::value_error("virtual USRP: delay_us is too long at this rate; it may be 65536 samples.");
    const float path = static_cast<float>(amplitude(-from.loss_db));
    std::transform(from.taps.rbegin(), from.taps.rend(), d_taps.begin(), [=](auto tap) { return tap * path; });
}

reception::report reception::receive(int64_t first, size_t n, double frequency_hz, double gain_db, sc16* out)
{
    const size_t memory = d_taps.size() - 1;
    std::fill_n(d_sum.begin(), n + memory, 0);
    for (size_t i = 0; i < air::channels; ++i)
        add_transmission(i, first - memory, n + memory, frequency_hz);
    filter(n);
    add_noise(d_x.data(), n, d_seed, first, d_noise_mw);
    lv_32fc_t energy;
    volk_32fc_x2_conjugate_dot_prod_32fc(&energy, d_x.data(), d_x.data(), n);
    d_oscillator.mix(d_x.data(), n, first, d_settings.cfo_hz / d_rate);
    if (d_settings.phase_noise_deg > 0)
        add_phase_noise(first, n);
    if (d_settings.iq_gain_db != 0 || d_settings.iq_phase_deg != 0)
        unbalance(n);
    const float scale = static_cast<float>(amplitude(-rx_full_scale_dbm(gain_db)));
    return { convert_to_digital(d_x.data(), n, scale, out), 10 * std::log10(energy.real() / n) };
}

reception::span reception::span_of(double transmitter_clock_ratio, int64_t first, size_t n) const
{
    span result;
    result.start = (first / d_clock_ratio - d_settings.delay_us * 1e-6 * d_rate) * transmitter_clock_ratio;
    result.step = transmitter_clock_ratio / d_clock_ratio;
    const double nearest = std::round(result.start);
    result.on_samples = result.step == 1 && std::abs(result.start - nearest) < 1e-6;
    if (result.on_samples) {
        result.begin = static_cast<int64_t>(nearest);
        result.end = result.begin + static_cast<int64_t>(n);
    } else {
        const auto whole = static_cast<int64_t>(std::floor(result.start));
        result.begin = whole - interpolator::before;
        result.end = whole + static_cast<int64_t>(std::ceil(n * result.step)) + interpolator::after + 1;
    }
    return result;
}

void reception::add_transmission(size_t channel, int64_t first, size_t n, double frequency_hz)
{
    const transmission& from = d_air->channel(channel);
    const uint64_t count = from.count();
    const uint64_t held = std::min(count, transmission::stretches_held);
    for (uint64_t i = 1; i <= held; ++i) {
        const auto next = from.read(count - i);
        if (!next)
            continue;
        const span wanted = span_of(next->clock_ratio, first, n);
        if (next->end <= wanted.begin)
            break; // and so do all before it
        if (next->begin < wanted.end && std::abs(next->frequency_hz - frequency_hz) < d_rate / 2)
            add_stretch(*next, wanted, channel, n, frequency_hz);
    }
}

void reception::add_stretch(const stretch& from, const span& wanted, size_t channel, size_t n, double frequency_hz)
{
    const transmission& sent = d_air->channel(channel);
    const int64_t begin = std::max(wanted.begin, from.begin), end = std::min(wanted.end, from.end);
    const float scale = static_cast<float>(from.amplitude / 32768);
    std::fill_n(d_part.begin(), wanted.end - wanted.begin, 0);
    for (int64_t k = begin; k < end; ++k) {
        const sc16 sample = sent.sample(from, k);
        d_part[k - wanted.begin] = { scale * sample.real(), scale * sample.imag() };
    }
    d_tuners[channel].mix(&d_part[begin - wanted.begin], end - begin, begin,
                          (from.frequency_hz - frequency_hz) / d_rate);
    if (wanted.on_samples) {
        volk_32f_x2_add_32f(reinterpret_cast<float*>(d_sum.data()), reinterpret_cast<const float*>(d_sum.data()),
                            reinterpret_cast<const float*>(d_part.data()), 2 * n);
        return;
    }
    const double position = wanted.start - static_cast<double>(wanted.begin + interpolator::before);
    d_interpolator->add(&d_part[interpolator::before], position, wanted.step, d_sum.data(), n);
}

void reception::filter(size_t n)
{
    if (d_taps.size() == 1) {
        volk_32fc_s32fc_multiply_32fc(d_x.data(), d_sum.data(), d_taps[0], n);
        return;
    }
    for (size_t i = 0; i < n; ++i)
        volk_32fc_x2_dot_prod_32fc(&d_x[i], &d_sum[i], d_taps.data(), d_taps.size());
}

/* Phase noise of a locked oscillator: white up to the corner, falling by 20 dB a decade beyond. */
void reception::add_phase_noise(int64_t first, size_t n)
{
    const float rms = static_cast<float>(d_settings.phase_noise_deg * M_PI / 180);
    const float keep = static_cast<float>(std::exp(-2 * M_PI * d_settings.phase_noise_corner_hz / d_rate));
    const float fresh = rms * std::sqrt(1 - keep * keep);
    std::fill_n(d_part.begin(), n, 0);
    add_noise(d_part.data(), n, ~d_seed, first, 2); // variance 1 a dimension
    if (first != d_next)
        d_phase = rms * d_part[0].imag();
    for (size_t i = 0; i < n; ++i) {
        d_phase = keep * d_phase + fresh * d_part[i].real();
        d_x[i] *= std::complex<float>(std::cos(d_phase), std::sin(d_phase));
    }
    d_next = first + n;
}

void reception::unbalance(size_t n)
{
    const float gain = static_cast<float>(amplitude(d_settings.iq_gain_db));
    const float phase = static_cast<float>(d_settings.iq_phase_deg * M_PI / 180);
    const float cosine = gain * std::cos(phase), sine = gain * std::sin(phase);
    for (size_t i = 0; i < n; ++i)
        d_x[i] = { d_x[i].real(), cosine * d_x[i].imag() + sine * d_x[i].real() };
}

} // namespace uhd_virtual
