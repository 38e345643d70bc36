// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE polar
#include "../header_code.h"
#include "../polar.h"

#include <boost/test/unit_test.hpp>
#include <random>

using namespace semcom::phy;

namespace {

struct code_test {
    std::mt19937 rng{ 1 };
    int info_bits, code_bits;
    polar_code code;
    std::vector<uint8_t> info, coded, decoded;
    std::vector<float> llr;

    code_test(int k, int n, int list)
        : info_bits(k), code_bits(n), code(k, n, -2, list), info(k), coded(n), decoded(k), llr(n)
    {
    }

    //! One word over QPSK with noise; whether it came back right.
    bool round(double esn0_db)
    {
        for (auto& bit : info)
            bit = rng() & 1;
        code.encode(info.data(), coded.data());
        const double noise_var = std::pow(10, -esn0_db / 10);
        std::normal_distribution<double> noise(0, std::sqrt(noise_var / 2));
        for (int i = 0; i < code_bits; ++i)
            llr[i] = 2 * M_SQRT2 / noise_var * ((coded[i] ? -M_SQRT1_2 : M_SQRT1_2) + noise(rng));
        const auto right = [this](const uint8_t* bits) { return std::equal(info.begin(), info.end(), bits); };
        return code.decode(llr.data(), right, decoded.data()) && decoded == info;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(round_trip_with_puncturing_exact_length_and_repetition)
{
    const int sizes[][2] = { { 1, 2 },     { 10, 17 },    { 100, 256 }, { 152, 384 },
                             { 152, 768 }, { 152, 1024 }, { 152, 3000 } };
    for (const auto& [k, n] : sizes) {
        code_test test(k, n, 4);
        for (int i = 0; i < 20; ++i)
            BOOST_REQUIRE_MESSAGE(test.round(12), k << " bits in " << n);
    }
}

BOOST_AUTO_TEST_CASE(header_rate_survives_where_it_is_meant_to)
{
    code_test test(header_bits, 768, 32);
    int failed = 0;
    for (int i = 0; i < 300; ++i)
        failed += !test.round(-3);
    BOOST_TEST(failed <= 6); // 0.2 % measured
    for (int i = 0; i < 1000; ++i)
        BOOST_REQUIRE(test.round(0));
}

BOOST_AUTO_TEST_CASE(a_list_beats_a_single_path)
{
    code_test single(header_bits, 768, 1), list(header_bits, 768, 8);
    int single_failed = 0, list_failed = 0;
    for (int i = 0; i < 200; ++i) {
        single_failed += !single.round(-3);
        list_failed += !list.round(-3);
    }
    BOOST_TEST(list_failed * 4 < single_failed);
}

BOOST_AUTO_TEST_CASE(nothing_is_decoded_when_nothing_is_accepted)
{
    polar_code code(20, 64, 0, 8);
    const std::vector<float> llr(64, 1.0f);
    std::vector<uint8_t> info(20);
    BOOST_TEST(!code.decode(llr.data(), [](const uint8_t*) { return false; }, info.data()));
}

BOOST_AUTO_TEST_CASE(header_code_rejects_noise)
{
    frame_params params;
    header_code code(params);
    std::mt19937 rng(2);
    std::normal_distribution<float> normal(0, 1);
    std::vector<cf> noise(code.symbols());
    const std::vector<float> noise_var(code.symbols(), 1.0f);
    for (int i = 0; i < 100; ++i) {
        for (auto& value : noise)
            value = { normal(rng), normal(rng) };
        BOOST_REQUIRE(!code.decode(noise.data(), noise_var.data()));
    }
}
