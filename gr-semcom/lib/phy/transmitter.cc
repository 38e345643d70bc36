// SPDX-License-Identifier: GPL-3.0-or-later
#include "transmitter.h"
#include "prng.h"

#include <volk/volk.h>
#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace semcom::phy {

void burst_shape::validate(const frame_params& params) const
{
    if (!(peak_limit_db >= 3))
        throw std::invalid_argument("peak_limit_db must be at least 3 dB, or inf for none");
    if (ramp_samples < 0 || ramp_samples > params.fft_size)
        throw std::invalid_argument("ramp_samples must be from 0 to fft_size");
    if (gap_samples < 0 || gap_samples > 1000000)
        throw std::invalid_argument("gap_samples must be from 0 to 1000000");
}

static float peak_of(const frame_params& params, const burst_shape& shape)
{
    shape.validate(params);
    const double power = static_cast<double>(params.used_carriers) / params.fft_size;
    return std::sqrt(power * std::pow(10, shape.peak_limit_db / 10));
}

transmitter::transmitter(const frame_params& params,
                         uint32_t fragment_symbols,
                         const burst_shape& shape,
                         uint8_t first_sequence)
    : d_params(validated(params)),
      d_shape(shape),
      d_peak(peak_of(params, shape)),
      d_fragment_symbols(fragment_symbols),
      d_preamble(params),
      d_map(params),
      d_ofdm(params),
      d_spread(params.data_carriers(), direction::forward),
      d_header_code(params),
      d_scrambler(params.max_fragment_symbols),
      d_next_sequence(first_sequence),
      d_filler(params.data_carriers()),
      d_carriers(params.used_carriers),
      d_ramp(shape.ramp_samples)
{
    if (fragment_symbols < 1 || fragment_symbols > static_cast<uint32_t>(params.max_fragment_symbols))
        throw std::invalid_argument("fragment_symbols must be from 1 to " +
                                    std::to_string(params.max_fragment_symbols));
    d_header.payload = shape.payload;
    for (int i = 0; i < shape.ramp_samples; ++i)
        d_ramp[i] = std::pow(std::sin(M_PI_2 * (i + 0.5) / shape.ramp_samples), 2);
    prng random(static_cast<uint64_t>(sequence::filler));
    for (auto& value : d_filler)
        value = qpsk(random.below(4));
    const size_t largest = std::max<size_t>(d_header_code.symbols(),
                                            params.payload_ofdm_symbols(fragment_symbols) *
                                                d_filler.size());
    d_data.resize(largest);
}

const char* transmitter::refuse(const image_info& image) const
{
    if (image.symbols < 1 || image.symbols > max_image_symbols)
        return "an image must have from 1 to 16777216 symbols";
    if ((image.symbols - 1) / d_fragment_symbols >= max_fragments)
        return "the image needs more than 8192 fragments: raise fragment_symbols";
    if (image.height < 1 || image.height > max_image_side || image.width < 1 ||
        image.width > max_image_side)
        return "height and width must be from 1 to 8191 pixels";
    if (!scale_in_range(image.scale))
        return "scale must be from 2^-16 to 65000";
    return nullptr;
}

void transmitter::load(const image_info& image, const cf* symbols)
{
    d_header.image = image;
    d_header.fragments = (image.symbols + d_fragment_symbols - 1) / d_fragment_symbols;
    d_header.fragment = 0;
    d_header.sequence = d_next_sequence;
    d_next_sequence += d_header.fragments;
    d_symbols.assign(symbols, symbols + image.symbols);
}

header transmitter::for_fragment(uint32_t fragment) const
{
    header h = d_header;
    h.fragment = fragment;
    h.sequence += fragment;
    return h;
}

size_t transmitter::burst_samples(uint32_t fragment) const
{
    return samples_around() + d_params.frame_samples(for_fragment(fragment).fragment_symbols());
}

void transmitter::burst(uint32_t fragment, cf* samples)
{
    cf* begin = samples + d_shape.ramp_samples;
    cf* end = frame(for_fragment(fragment), begin);
    ramp(begin, end - begin);
    clip(samples, end + d_shape.ramp_samples - samples);
    std::fill_n(end + d_shape.ramp_samples, d_shape.gap_samples, cf{});
}

//! Goes on with the first and the last OFDM symbol beyond the frame, which may leave the carriers as they are.
void transmitter::ramp(cf* frame, size_t length) const
{
    const int n = d_params.fft_size;
    cf *before = frame - d_shape.ramp_samples, *behind = frame + length;
    for (int i = 0; i < d_shape.ramp_samples; ++i) {
        before[i] = d_ramp[i] * before[i + n];
        behind[i] = d_ramp[d_shape.ramp_samples - 1 - i] * behind[i - n];
    }
}

void transmitter::clip(cf* samples, size_t count) const
{
    for (size_t i = 0; i < count; ++i) {
        const float power = std::norm(samples[i]);
        if (power > d_peak * d_peak)
            samples[i] *= d_peak / std::sqrt(power);
    }
}

//! Writes the frame and returns where it ends.
cf* transmitter::frame(const header& h, cf* samples)
{
    const int data_carriers = d_params.data_carriers();

    for (const auto& p : d_preamble.samples) {
        samples = std::copy(p.end() - d_params.cyclic_prefix, p.end(), samples);
        samples = std::copy(p.begin(), p.end(), samples);
    }

    int symbol = 0; // counts the pilots on
    const auto modulate_data = [&](int symbols) {
        for (const cf* data = d_data.data(); symbols--; data += data_carriers, ++symbol) {
            for (int i = 0; i < data_carriers; ++i)
                d_carriers[d_map.data()[i]] = data[i];
            for (size_t i = 0; i < d_map.pilots().size(); ++i)
                d_carriers[d_map.pilots()[i]] = d_map.pilot(symbol, i);
            d_ofdm.modulate(d_carriers.data(), samples);
            samples += d_params.symbol_samples();
        }
    };
    d_header_code.encode(h, d_data.data());
    modulate_data(d_params.header_symbols);

    const uint32_t count = h.fragment_symbols();
    const int payload = d_params.payload_ofdm_symbols(count);
    const auto& order = d_interleaver.order(count);
    const cf* in = d_symbols.data() + h.first_symbol();
    for (uint32_t i = 0; i < count; ++i)
        d_data[i] = mul(d_scrambler.turn(i), in[order[i]]);
    for (int i = count; i < payload * data_carriers; ++i)
        d_data[i] = d_filler[i % data_carriers];
    if (h.payload == waveform::dft_spread)
        for (int s = 0; s < payload; ++s)
            spread(&d_data[s * data_carriers]);
    modulate_data(payload);
    return samples;
}

//! Replaces the symbols of one OFDM symbol by their unitary Fourier transform.
void transmitter::spread(cf* symbols)
{
    const int n = d_spread.size();
    std::copy_n(symbols, n, d_spread.in());
    d_spread.run();
    volk_32f_s32f_multiply_32f(reinterpret_cast<float*>(symbols), reinterpret_cast<const float*>(d_spread.out()),
                               1 / std::sqrt(static_cast<float>(n)), 2 * n);
}

} // namespace semcom::phy
