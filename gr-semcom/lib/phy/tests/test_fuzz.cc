// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever comes in, nothing crashes and no image comes out that was not sent. Build with -DSEMCOM_SANITIZE=ON to see
// more.
#define BOOST_TEST_MODULE fuzz
#include "support.h"

#include <boost/test/unit_test.hpp>
#include <cstring>

using namespace test;
namespace phy = semcom::phy;

namespace {

//! Symbols of the image with this id.
uint32_t length(uint16_t id) { return 100 + 250 * id; }

//! An image that may leave the receiver: one of those sent, with finite symbols and positive variances.
void check(const phy::received_image& image, uint16_t ids)
{
    BOOST_REQUIRE(image.info.image_id < ids);
    BOOST_REQUIRE((image.info == info(length(image.info.image_id), image.info.image_id)));
    BOOST_REQUIRE(image.symbols.size() == image.info.symbols);
    BOOST_REQUIRE(image.noise_var.size() == image.info.symbols);
    BOOST_REQUIRE(image.fragments_lost < image.fragments);
    BOOST_REQUIRE(std::isfinite(image.snr_db));
    for (size_t n = 0; n < image.symbols.size(); ++n) {
        BOOST_REQUIRE(std::isfinite(image.symbols[n].real()) && std::isfinite(image.symbols[n].imag()));
        BOOST_REQUIRE(image.noise_var[n] > 0);
    }
}

//! A burst whose header is well-formed and says what it likes about an image that was never there.
samples forged_burst(rng& random)
{
    const phy::frame_params params;
    phy::header h;
    h.image.codec_id = random();
    h.image.image_id = random() % 3;
    h.image.height = 1 + random() % phy::max_image_side;
    h.image.width = 1 + random() % phy::max_image_side;
    h.image.symbols = 1 + (random() % phy::max_image_symbols >> (3 + random() % 21));
    h.image.scale = phy::quantise_scale(std::exp2(uniform(-15, 15, random)));
    h.fragments = 1 + random() % std::min(h.image.symbols, phy::max_fragments);
    h.fragment = random() % h.fragments;
    h.sequence = random() % 2 + h.fragment;
    h.payload = static_cast<phy::waveform>(random() % 2);
    BOOST_REQUIRE(h.consistent());

    phy::transmitter tx(params, 1);
    samples burst = bursts(tx, info(1), gaussian(1, random))[0];
    phy::header_code code(params);
    const phy::carrier_map map(params);
    phy::ofdm modem(params);
    samples symbols(code.symbols()), carriers(params.used_carriers);
    code.encode(h, symbols.data());
    cf* at = burst.data() + phy::burst_shape{}.ramp_samples + params.preamble_samples();
    for (int s = 0; s < params.header_symbols; ++s, at += params.symbol_samples()) {
        for (int i = 0; i < params.data_carriers(); ++i)
            carriers[map.data()[i]] = symbols[s * params.data_carriers() + i];
        for (int i = 0; i < params.pilot_carriers; ++i)
            carriers[map.pilots()[i]] = map.pilot(s, i);
        modem.modulate(carriers.data(), at);
    }
    const samples payload = gaussian(random() % 3000, random);
    burst.insert(burst.end(), payload.begin(), payload.end());
    return burst;
}

//! Any bit pattern: NaN, infinite, denormal, huge.
cf random_bits(rng& random)
{
    const uint64_t bits = random();
    float parts[2];
    std::memcpy(parts, &bits, sizeof bits);
    return { parts[0], parts[1] };
}

void mutate(samples& stream, rng& random)
{
    const size_t size = stream.size();
    const size_t at = random() % size, count = std::min<size_t>(size - at, random() % 800);
    const auto begin = stream.begin() + at, end = begin + count;
    switch (random() % 8) {
    case 0: stream.erase(begin, end); break;
    case 1: std::fill(begin, end, cf{}); break;
    case 2: {
        const samples copy(begin, end);
        stream.insert(stream.begin() + random() % size, copy.begin(), copy.end());
        break;
    }
    case 3:
        for (auto i = begin; i != end; ++i)
            *i *= std::pow(10.0f, static_cast<float>(uniform(-8, 8, random)));
        break;
    case 4:
        for (auto i = begin; i != end; ++i)
            *i = -std::conj(*i);
        break;
    case 5: {
        const samples noise = gaussian(count, random);
        std::copy(noise.begin(), noise.end(), begin);
        break;
    }
    case 6:
        for (auto i = begin; i != end; ++i)
            *i = random_bits(random);
        break;
    case 7: std::reverse(begin, end); break;
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(mutated_bursts)
{
    rng random(1);
    constexpr uint16_t ids = 4;
    phy::transmitter tx({}, 300);
    samples clean;
    for (uint16_t id = 0; id < ids; ++id) {
        const samples part = join(bursts(tx, info(length(id), id), gaussian(length(id), random)), 20);
        clean.insert(clean.end(), part.begin(), part.end());
    }
    phy::receiver rx({}, 1e-6, 20000);
    size_t images = 0;
    for (int round = 0; round < 120; ++round) {
        samples stream = clean;
        for (int mutations = random() % 12; mutations; --mutations)
            mutate(stream, random);
        collector found;
        rx.push(stream.data(), stream.size(), found);
        if (round % 3 == 0)
            rx.flush(found);
        for (const auto& image : found.images)
            check(image, ids);
        images += found.images.size();
    }
    BOOST_TEST(images > 100u); // it does receive what is left whole
}

BOOST_AUTO_TEST_CASE(well_formed_headers_that_lie)
{
    rng random(4);
    phy::receiver rx({}, false_alarm, 20000);
    size_t images = 0;
    for (int i = 0; i < 150; ++i) {
        const samples burst = forged_burst(random);
        collector found;
        rx.push(burst.data(), burst.size(), found);
        for (const auto& image : found.images) {
            BOOST_REQUIRE(image.symbols.size() == image.info.symbols);
            BOOST_REQUIRE(image.noise_var.size() == image.info.symbols);
            for (size_t n = 0; n < image.symbols.size(); ++n)
                BOOST_REQUIRE(std::isfinite(std::abs(image.symbols[n])) && image.noise_var[n] > 0);
        }
        images += found.images.size();
    }
    BOOST_TEST(rx.counters().frames > 40u); // the headers are read; most frames claim more than a frame can hold
    BOOST_TEST(images > 20u);
}

BOOST_AUTO_TEST_CASE(random_bits_as_samples)
{
    rng random(2);
    phy::receiver rx({}, 1e-2, 20000); // so low a threshold that some are taken for preambles
    for (int round = 0; round < 20; ++round) {
        samples stream(20000);
        for (auto& value : stream)
            value = random_bits(random);
        collector found;
        rx.push(stream.data(), stream.size(), found);
        BOOST_TEST(found.images.empty());
    }
    BOOST_TEST(rx.counters().header_failures > 0u);
}

BOOST_AUTO_TEST_CASE(noise_with_a_reckless_threshold_gives_failed_headers_only)
{
    rng random(3);
    const samples noise = gaussian(100000, random);
    phy::receiver rx({}, 1e-2, 20000);
    collector found;
    rx.push(noise.data(), noise.size(), found);
    BOOST_TEST(found.images.empty());
    BOOST_TEST(rx.counters().header_failures > 50u);
    for (const auto& report : found.reports)
        BOOST_TEST(std::isfinite(report.snr_db + report.cfo));
}
