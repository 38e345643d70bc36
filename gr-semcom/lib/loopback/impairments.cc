/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "impairments.h"
#include "gaussian_generator.h"

#include <cmath>
#include <stdexcept>

namespace semcom::loopback {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::size_t max_taps = 256;

void require(bool condition, const std::string& sentence)
{
    if (!condition)
        throw std::invalid_argument(sentence);
}

/* What is drawn for a burst; each has random numbers of its own, so that one setting does not change the others */
enum purpose : uint64_t { cfo_draw, delay_draw, phase_draw, first_tap_draw };

double uniform(uint64_t seed, uint64_t index, uint64_t purpose) // 0 <= result < 1
{
    return static_cast<double>(hash(~seed, index, purpose) >> 11) * 0x1p-53;
}

std::complex<double> gaussian(uint64_t seed, uint64_t index, uint64_t purpose) // CN(0, 1)
{
    const double radius = std::sqrt(-std::log(1.0 - uniform(seed, index, purpose)));
    return std::polar(radius, 2 * pi * uniform(seed, index, purpose + 1));
}

double bessel_i0(double x) // power series; 25 terms are exact to a double for x < 8
{
    double term = 1, sum = 1;
    for (int k = 1; k <= 25; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

double energy(const std::vector<std::complex<float>>& taps)
{
    double sum = 0;
    for (const auto& tap : taps)
        sum += std::norm(std::complex<double>(tap));
    return sum;
}

} // namespace

void impairments::check(double samp_rate) const
{
    require(snr_db >= -100, "snr_db must be -100 or more (inf: no noise)");
    require(std::isfinite(cfo_hz), "cfo_hz must be a finite number");
    require(cfo_spread_hz >= 0 && std::isfinite(cfo_spread_hz), "cfo_spread_hz must be 0 or more");
    require(std::abs(cfo_hz) + cfo_spread_hz < samp_rate / 2,
            "|cfo_hz| + cfo_spread_hz must be below half the sample rate");
    require(max_delay_samples >= 0 && max_delay_samples <= 1e6, "max_delay_samples must be 0 to 1e6");
    require(!taps.empty() && taps.size() <= max_taps, "taps must hold 1 to 256 values");
    require(std::isfinite(energy(taps)) && energy(taps) > 1e-12, "taps must be finite and not all zero");
    require(fading == "none" || fading == "rayleigh",
            "fading must be \"none\" or \"rayleigh\", not \"" + fading + "\"");
}

double impairments::noise_var() const { return std::pow(10.0, -snr_db / 10); }

void fractional_delay_filter(double fraction, double* taps)
{
    constexpr double beta = 7.3;
    constexpr int half = fractional_delay_length / 2;
    for (int k = 0; k < 2 * half; k++) {
        const double t = k - (half - 1) - fraction;
        const double sinc = t == 0 ? 1.0 : std::sin(pi * t) / (pi * t);
        const double window = bessel_i0(beta * std::sqrt(std::max(0.0, 1 - t * t / (half * half))));
        taps[k] = sinc * window / bessel_i0(beta);
    }
}

void draw_burst(const impairments& settings, uint64_t seed, uint64_t index, burst_draw& draw)
{
    draw.index = index;
    draw.noise_var = settings.noise_var();
    draw.cfo_hz = settings.cfo_hz + settings.cfo_spread_hz * (2 * uniform(seed, index, cfo_draw) - 1);
    draw.phase_rad = settings.random_phase ? 2 * pi * uniform(seed, index, phase_draw) : 0;

    double interpolator[fractional_delay_length] = { 1.0 };
    std::size_t length = 1;
    const double delay = settings.max_delay_samples * uniform(seed, index, delay_draw);
    draw.lead = static_cast<std::size_t>(delay);
    draw.delay_samples = delay;
    if (settings.max_delay_samples > 0) {
        length = fractional_delay_length;
        fractional_delay_filter(delay - draw.lead, interpolator);
        draw.delay_samples += fractional_delay_length / 2 - 1;
    }

    const double scale = 1 / std::sqrt(energy(settings.taps));
    draw.filter.assign(length + settings.taps.size() - 1, 0.0f);
    for (std::size_t i = 0; i < settings.taps.size(); i++) {
        std::complex<double> tap = scale * std::complex<double>(settings.taps[i]);
        if (settings.fading == "rayleigh")
            tap = std::abs(tap) * gaussian(seed, index, first_tap_draw + 2 * i);
        for (std::size_t k = 0; k < length; k++)
            draw.filter[i + k] += std::complex<float>(tap * interpolator[k]);
    }
}

} // namespace semcom::loopback
