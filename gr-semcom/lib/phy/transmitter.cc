// SPDX-License-Identifier: GPL-3.0-or-later
#include "transmitter.h"
#include "prng.h"

#include <algorithm>
#include <stdexcept>

namespace semcom::phy {

transmitter::transmitter(const frame_params& params, uint32_t fragment_symbols)
    : d_params(validated(params)),
      d_fragment_symbols(fragment_symbols),
      d_preamble(params),
      d_map(params),
      d_ofdm(params),
      d_header_code(params),
      d_scrambler(params.max_fragment_symbols),
      d_filler(params.data_carriers()),
      d_carriers(params.used_carriers)
{
    if (fragment_symbols < 1 || fragment_symbols > static_cast<uint32_t>(params.max_fragment_symbols))
        throw std::invalid_argument("fragment_symbols must be from 1 to " +
                                    std::to_string(params.max_fragment_symbols));
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
        return "an image must have from 1 to 33554432 symbols";
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
    d_interleaved.resize(image.symbols);
    const auto& order = d_interleaver.order(image.symbols);
    for (uint32_t i = 0; i < image.symbols; ++i)
        d_interleaved[i] = symbols[order[i]];
}

header transmitter::for_fragment(uint32_t fragment) const
{
    header h = d_header;
    h.fragment = fragment;
    h.sequence += fragment;
    return h;
}

size_t transmitter::frame_samples(uint32_t fragment) const
{
    return d_params.frame_samples(for_fragment(fragment).fragment_symbols());
}

void transmitter::frame(uint32_t fragment, cf* samples)
{
    const header h = for_fragment(fragment);
    const int data_carriers = d_params.data_carriers();

    const auto& p = d_preamble.samples;
    samples = std::copy(p.end() - d_params.cyclic_prefix, p.end(), samples);
    samples = std::copy(p.begin(), p.end(), samples);
    samples = std::copy(p.begin(), p.end(), samples);

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
    const cf* in = d_interleaved.data() + h.first_symbol();
    for (uint32_t i = 0; i < count; ++i)
        d_data[i] = mul(d_scrambler.turn(i), in[i]);
    for (int i = count; i < payload * data_carriers; ++i)
        d_data[i] = d_filler[i % data_carriers];
    modulate_data(payload);
}

} // namespace semcom::phy
