// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE settings
#include "settings.h"

#include <uhd/exception.hpp>

#include <boost/test/unit_test.hpp>
#include <random>

using namespace uhd_virtual;

static settings parse(const std::string& args) { return parse_settings(uhd::device_addr_t(args)); }

static std::string complaint(const std::string& args)
{
    try {
        parse(args);
    } catch (const uhd::value_error& error) {
        return error.what();
    }
    return "";
}

BOOST_AUTO_TEST_CASE(values_are_taken)
{
    const settings s = parse("type=virtual,air=/lab-1,speed=0.5,loss_db=62.5,cfo_hz=-350,taps=1:0.3-0.2j:-1e-1j:+2,seed=7");
    BOOST_TEST(s.air == "/lab-1");
    BOOST_TEST(*s.speed == 0.5);
    BOOST_TEST(s.loss_db == 62.5);
    BOOST_TEST(s.cfo_hz == -350);
    BOOST_TEST(s.seed == 7);
    BOOST_REQUIRE_EQUAL(s.taps.size(), 4u);
    BOOST_TEST((s.taps[1] == std::complex<float>(0.3f, -0.2f)));
    BOOST_TEST((s.taps[2] == std::complex<float>(0, -0.1f)));
    BOOST_TEST((s.taps[3] == std::complex<float>(2, 0)));
}

BOOST_AUTO_TEST_CASE(what_uhd_and_programs_pass_is_let_through)
{
    const settings s = parse("type=virtual,serial=X1,name=me,product=virtual,recv_frame_size=1016,num_recv_frames=16,"
                             "send_frame_size=4088,num_send_frames=8,master_clock_rate=32e6,fpga=none,uhd=3");
    BOOST_TEST(s.recv_packet_samples() == 250u);
    BOOST_TEST(s.recv_buffer_samples() == 4000);
    BOOST_TEST(s.send_buffer_samples() == 8 * 1018);
    BOOST_TEST(*s.master_clock_rate == 32e6);
}

BOOST_AUTO_TEST_CASE(mistakes_get_a_sentence)
{
    const std::pair<const char*, const char*> mistakes[] = {
        { "los_db=3", "no device argument 'los_db'; there are air, cfo_hz" },
        { "loss_db=three", "loss_db=three must be a number from 0 to 300" },
        { "loss_db=3dB", "loss_db=3dB must be" },
        { "loss_db=nan", "must be a number" },
        { "loss_db=inf", "must be a number" },
        { "loss_db=-1", "from 0 to 300" },
        { "speed=0", "speed=0 must be a number from 0.001 to 10" },
        { "clock_ppm=+-2", "clock_ppm=+-2 must be" },
        { "taps=1::2", "the tap ''" },
        { "taps=1:x", "the tap 'x'" },
        { "taps=1j1", "the tap '1j1'" },
        { "taps=1 2", "the tap '1 2'" },
        { "air=lab", "air=lab must be a slash" },
        { "air=/a/b", "air=/a/b must be" },
        { "record=a,replay=b", "exclude each other" },
    };
    for (const auto& [args, sentence] : mistakes)
        BOOST_TEST(complaint(args).find(sentence) != std::string::npos, args << ": " << complaint(args));
}

/* Any text is either taken, with values in range, or refused by a uhd::value_error. */
BOOST_AUTO_TEST_CASE(arbitrary_text_does_no_harm)
{
    const std::string keys[] = { "taps", "loss_db", "speed", "air", "seed", "num_recv_frames", "delay_us" };
    const std::string alphabet = "0123456789.:+-ejinfax/ \t\x80";
    std::mt19937 random(1);
    int taken = 0;
    for (int i = 0; i < 20000; ++i) {
        uhd::device_addr_t args;
        std::string text(random() % 12, ' ');
        for (char& c : text)
            c = alphabet[random() % alphabet.size()];
        args[keys[random() % std::size(keys)]] = text;
        try {
            const settings s = parse_settings(args);
            ++taken;
            BOOST_REQUIRE(s.loss_db >= 0 && s.loss_db <= 300);
            BOOST_REQUIRE(s.taps.size() >= 1 && s.taps.size() <= 64);
            BOOST_REQUIRE(s.recv_buffer_samples() > 0 && s.recv_buffer_samples() <= 1 << 18);
            for (const auto& tap : s.taps)
                BOOST_REQUIRE(std::abs(tap) < 2000);
        } catch (const uhd::value_error&) {
        }
    }
    BOOST_TEST(taken > 100);
    BOOST_TEST(taken < 10000);
}
