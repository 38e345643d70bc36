// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE header
#include "../header.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>

using namespace semcom::phy;

namespace {

header random_header(std::mt19937& rng)
{
    header h;
    h.sequence = rng();
    h.image.codec_id = rng();
    h.image.image_id = rng();
    h.image.height = 1 + rng() % max_image_side;
    h.image.width = 1 + rng() % max_image_side;
    h.image.symbols = 1 + rng() % max_image_symbols;
    h.image.scale = quantise_scale(std::exp2(static_cast<double>(rng() % 31) - 15.3));
    h.fragments = 1 + rng() % std::min(max_fragments, h.image.symbols);
    h.fragment = rng() % h.fragments;
    return h;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_packed_is_unpacked)
{
    std::mt19937 rng(1);
    for (int i = 0; i < 10000; ++i) {
        const header h = random_header(rng);
        const auto back = unpack(pack(h));
        BOOST_REQUIRE(back);
        BOOST_REQUIRE(*back == h);
    }
}

BOOST_AUTO_TEST_CASE(limits_fit)
{
    header h;
    h.sequence = 255;
    h.image = { 65535, 65535, max_image_side, max_image_side, max_image_symbols, quantise_scale(65000) };
    h.fragments = max_fragments;
    h.fragment = max_fragments - 1;
    BOOST_TEST((unpack(pack(h)) == h));
    BOOST_TEST((unpack(pack(header{})) == header{}));
}

BOOST_AUTO_TEST_CASE(up_to_three_wrong_bits_are_always_noticed)
{
    std::mt19937 rng(2);
    const header_word word = pack(random_header(rng));
    for (int i = 0; i < header_bits; ++i)
        BOOST_REQUIRE(!unpack(header_word(word).flip(i)));
    for (int n = 0; n < 100000; ++n) {
        header_word wrong = word;
        for (int flips = 1 + rng() % 3; flips; --flips)
            wrong.flip(rng() % header_bits);
        BOOST_REQUIRE(wrong == word || !unpack(wrong));
    }
}

BOOST_AUTO_TEST_CASE(random_bits_pass_as_rarely_as_crc_version_and_fields_say)
{
    std::mt19937 rng(3);
    int passed = 0;
    for (int n = 0; n < 200000; ++n) {
        header_word word;
        for (int i = 0; i < header_bits; ++i)
            word[i] = rng() & 1;
        passed += unpack(word).has_value();
    }
    BOOST_TEST(passed <= 2); // 2^-16 * 2^-4 * 2^-3 and less: 0.02 expected
}

BOOST_AUTO_TEST_CASE(fields_that_do_not_fit_each_other_are_rejected)
{
    std::mt19937 rng(4);
    for (int i = 0; i < 1000; ++i) {
        header h = random_header(rng);
        switch (i % 4) {
        case 0: h.fragment = h.fragments; break;
        case 1: h.image.height = 0; break;
        case 2: h.image.width = 0; break;
        case 3:
            h.image.symbols = 10;
            h.fragments = 11;
            h.fragment = 0;
            break;
        }
        BOOST_REQUIRE(!h.consistent());
        if (h.fragment < max_fragments)
            BOOST_REQUIRE(!unpack(pack(h)));
    }
}

BOOST_AUTO_TEST_CASE(fragments_tile_the_image)
{
    std::mt19937 rng(5);
    for (int i = 0; i < 100; ++i) {
        header h = random_header(rng);
        uint32_t next = 0, least = ~0u, most = 0;
        for (h.fragment = 0; h.fragment < h.fragments; ++h.fragment) {
            BOOST_REQUIRE(h.first_symbol() == next);
            next += h.fragment_symbols();
            least = std::min(least, h.fragment_symbols());
            most = std::max(most, h.fragment_symbols());
        }
        BOOST_REQUIRE(next == h.image.symbols);
        BOOST_REQUIRE(least >= 1);
        BOOST_REQUIRE(most - least <= 1);
    }
}

BOOST_AUTO_TEST_CASE(scale_is_kept_within_half_a_step)
{
    BOOST_TEST(quantise_scale(1) == 1.0);
    std::mt19937 rng(6);
    for (int i = 0; i < 10000; ++i) {
        const double scale = std::exp2(std::uniform_real_distribution<>(-15.9, 15.9)(rng));
        BOOST_REQUIRE(scale_in_range(scale));
        BOOST_REQUIRE(std::abs(quantise_scale(scale) / scale - 1) < 0.0028);
    }
    for (double bad : { 0.0, -1.0, 1e-9, 1e9, HUGE_VAL, std::nan("") })
        BOOST_TEST(!scale_in_range(bad));
}
