// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE stream
#include "support.h"

#include <boost/test/unit_test.hpp>
#include <limits>

using namespace test;
namespace phy = semcom::phy;

namespace {

struct scene {
    rng random{ 1 };
    phy::transmitter tx{ {}, 500 };
    std::vector<samples> sent;

    //! Frames of an image of 500 symbols a fragment
    std::vector<samples> image(uint32_t symbols, uint16_t id)
    {
        sent.push_back(gaussian(symbols, random));
        return bursts(tx, info(symbols, id), sent.back());
    }
    samples through(const samples& air, double noise_var = 0.01)
    {
        channel_sim channel;
        channel.noise_var = noise_var;
        channel.delay = 0.3;
        channel.cfo = 0.006;
        return channel.run(air, 777, 3000, random);
    }
};

void append(samples& to, const samples& what) { to.insert(to.end(), what.begin(), what.end()); }

//! Mean squared error over the variance handed on, of the symbols that are not erased; and their share.
std::pair<double, double> honesty(const samples& sent, const phy::received_image& image)
{
    double error = 0;
    size_t there = 0;
    for (size_t n = 0; n < sent.size(); ++n) {
        if (std::isinf(image.noise_var[n]))
            continue;
        error += std::norm(image.symbols[n] - sent[n]) / image.noise_var[n];
        ++there;
    }
    return { there ? error / there : 0, static_cast<double>(there) / sent.size() };
}

bool same(const collector& a, const collector& b)
{
    if (a.images.size() != b.images.size() || a.reports.size() != b.reports.size())
        return false;
    for (size_t i = 0; i < a.images.size(); ++i)
        if (a.images[i].symbols != b.images[i].symbols || a.images[i].noise_var != b.images[i].noise_var)
            return false;
    for (size_t i = 0; i < a.reports.size(); ++i)
        if (a.reports[i].sample != b.reports[i].sample || a.reports[i].snr_db != b.reports[i].snr_db)
            return false;
    return true;
}

} // namespace

BOOST_AUTO_TEST_CASE(how_the_stream_is_cut_does_not_matter)
{
    scene s;
    samples air = join(s.image(1700, 1), 10);
    append(air, join(s.image(300, 2)));
    append(air, samples(2500));
    append(air, join(s.image(900, 3)));
    const samples stream = s.through(air, 0.5);
    const collector whole = receive(stream);
    BOOST_TEST(whole.images.size() == 3u);
    for (size_t most : { 1, 7, 1000, 5000, 60000 }) {
        phy::receiver rx({}, false_alarm, timeout);
        collector found;
        for (size_t n = 0; n < stream.size();) {
            const size_t count = std::min<size_t>(stream.size() - n, 1 + s.random() % most);
            rx.push(&stream[n], count, found);
            n += count;
        }
        const samples silence(40 * 128);
        rx.push(silence.data(), silence.size(), found);
        rx.flush(found);
        BOOST_TEST(same(whole, found), "chunks of up to " << most);
    }
}

BOOST_AUTO_TEST_CASE(the_input_level_does_not_matter)
{
    scene s;
    const samples stream = s.through(join(s.image(1200, 1)), 0.3);
    for (float level : { 1e-4f, 1e-2f, 1.0f, 1e2f, 1e4f }) {
        samples scaled = stream;
        for (auto& value : scaled)
            value *= level;
        const auto found = receive(scaled);
        BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
        BOOST_TEST(found.images[0].fragments_lost == 0u);
        BOOST_TEST(std::abs(10 * std::log10(error_power(s.sent[0], found.images[0].symbols) / 0.3)) < 0.5);
    }
}

BOOST_AUTO_TEST_CASE(bursts_back_to_back_are_all_received_once)
{
    scene s;
    samples air;
    for (int i = 0; i < 50; ++i)
        append(air, join(s.image(1 + s.random() % 500, i)));
    phy::receiver_counters counters;
    const auto found = receive(s.through(air), &counters);
    BOOST_REQUIRE_EQUAL(found.images.size(), 50u);
    BOOST_TEST(found.reports.size() == 50u);
    BOOST_TEST(counters.header_failures == 0u);
    for (int i = 0; i < 50; ++i) {
        BOOST_TEST(found.images[i].info.image_id == i);
        BOOST_TEST(found.images[i].symbols.size() == s.sent[i].size());
    }
}

BOOST_AUTO_TEST_CASE(a_burst_that_begins_with_the_stream_is_received)
{
    scene s;
    samples stream = join(s.image(400, 1));
    stream.erase(stream.begin(), stream.begin() + phy::burst_shape{}.ramp_samples);
    const auto found = receive(stream);
    BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
    BOOST_TEST(found.reports[0].sample == 0u);
}

BOOST_AUTO_TEST_CASE(a_burst_cut_off_does_not_spoil_the_next)
{
    scene s;
    for (size_t kept : { 100, 200, 300, 600, 840, 1000, 1400 }) {
        samples air = s.image(500, 1)[0];
        air.resize(kept);
        append(air, samples(3000));
        append(air, join(s.image(500, 2)));
        const auto found = receive(s.through(air));
        BOOST_REQUIRE(!found.images.empty());
        BOOST_TEST(found.images.back().info.image_id == 2u);
        BOOST_TEST(error_power(s.sent.back(), found.images.back().symbols) < 0.02);
        BOOST_TEST(found.images.size() == (kept >= 600 ? 2u : 1u)); // whether enough of its header is there
        if (found.images.size() == 2) // the symbol that the cut goes through has eight pilots to tell of it
            BOOST_TEST(honesty(*(s.sent.end() - 2), found.images[0]).first < 3);
    }
}

BOOST_AUTO_TEST_CASE(what_is_missing_of_a_burst_that_was_cut_off_is_erased_and_the_next_one_may_follow_at_once)
{
    scene s;
    const size_t payload = phy::frame_params{}.frame_samples(0), symbol = phy::frame_params{}.symbol_samples();
    for (size_t whole : { 0, 1, 3 }) {
        samples air = s.image(500, 1)[0];
        air.resize(payload + whole * symbol + symbol / 2);
        append(air, join(s.image(500, 2)));
        const auto found = receive(s.through(air));
        BOOST_REQUIRE_EQUAL(found.images.size(), 2u);
        BOOST_TEST(error_power(s.sent.back(), found.images[1].symbols) < 0.02);
        const auto [error, there] = honesty(*(s.sent.end() - 2), found.images[0]);
        const double symbols = there * 500 / 96;
        // Of the one that the cut goes through eight pilots tell.
        BOOST_TEST((std::abs(symbols - whole) < 1e-6 || std::abs(symbols - whole - 1) < 1e-6), symbols << " are there");
        BOOST_TEST(error < 3);
    }
}

BOOST_AUTO_TEST_CASE(a_stronger_burst_that_begins_in_a_weaker_one_is_received_and_both_are_honest)
{
    scene s;
    const samples weak = s.image(500, 1)[0];
    samples strong = s.image(500, 2)[0];
    for (size_t at : { 900, 1100, 1500 }) {
        samples air(weak);
        air.resize(at + strong.size());
        for (size_t n = 0; n < strong.size(); ++n)
            air[at + n] += 10.0f * strong[n];
        const auto found = receive(s.through(air));
        BOOST_REQUIRE_EQUAL(found.images.size(), 2u);
        BOOST_TEST(found.images[1].info.image_id == 2u);
        for (int i = 0; i < 2; ++i)
            BOOST_TEST(honesty(s.sent[i], found.images[i]).first < 2);
        BOOST_TEST(honesty(s.sent[1], found.images[1]).second == 1);
    }
}

BOOST_AUTO_TEST_CASE(nothing_comes_out_of_noise_and_silence)
{
    rng random(2);
    samples stream = gaussian(500000, random);
    append(stream, samples(50000));
    append(stream, gaussian(50000, random));
    phy::receiver_counters counters;
    const auto found = receive(stream, &counters);
    BOOST_TEST(found.reports.empty());
    BOOST_TEST(found.images.empty());
    BOOST_TEST(counters.samples == stream.size() + 40 * 128);
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_count_as_zero_and_poison_nothing)
{
    scene s;
    samples air = join(s.image(500, 1));
    append(air, join(s.image(500, 2)));
    samples stream = s.through(air);
    const float bad[] = { NAN, HUGE_VALF, -HUGE_VALF, 3e38f };
    for (int i = 0; i < 4; ++i) {
        stream[50 + i] = { bad[i], 0 };
        stream[777 + 1200 + 9 * i] = { 0, bad[i] };
    }
    phy::receiver_counters counters;
    const auto found = receive(stream, &counters);
    BOOST_TEST(counters.nonfinite_samples == 8u);
    BOOST_REQUIRE_EQUAL(found.images.size(), 2u);
    for (const auto& image : found.images)
        for (size_t n = 0; n < image.symbols.size(); ++n)
            BOOST_REQUIRE(std::isfinite(std::norm(image.symbols[n])) && std::isfinite(image.noise_var[n]));
    BOOST_TEST(error_power(s.sent[1], found.images[1].symbols) < 0.02);
    BOOST_TEST(honesty(s.sent[0], found.images[0]).first < 1.5);
}

BOOST_AUTO_TEST_CASE(a_lost_fragment_is_an_erasure)
{
    scene s;
    auto parts = s.image(2402, 1); // five fragments: 481, 481, 480, 480, 480
    std::fill(parts[2].begin(), parts[2].end(), cf{});
    phy::receiver_counters counters;
    const auto found = receive(s.through(join(parts)), &counters);
    BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
    const auto& image = found.images[0];
    BOOST_TEST(image.fragments == 5u);
    BOOST_TEST(image.fragments_lost == 1u);
    BOOST_TEST(counters.fragments_lost == 1u);
    for (size_t n = 0; n < 2402; ++n) {
        BOOST_REQUIRE(std::isinf(image.noise_var[n]) == (n >= 962 && n < 1442)); // the symbols in the middle, no others
        if (std::isinf(image.noise_var[n]))
            BOOST_REQUIRE(image.symbols[n] == cf{});
        else
            BOOST_REQUIRE(std::norm(image.symbols[n] - s.sent[0][n]) < 0.5);
    }
}

BOOST_AUTO_TEST_CASE(what_has_come_is_shown_after_1_2_4_8_fragments_and_the_whole_once_only)
{
    scene s;
    auto parts = s.image(4500, 1); // nine fragments of 500
    auto found = receive(s.through(join(parts)));
    BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
    BOOST_REQUIRE_EQUAL(found.previews.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
        const auto& preview = found.previews[i];
        const auto& whole = found.images[0];
        BOOST_TEST((preview.info == whole.info));
        BOOST_TEST(preview.fragments == 9u);
        BOOST_TEST(preview.fragments_lost == 9u - (1u << i));
        BOOST_TEST(preview.snr_db == 20, boost::test_tools::tolerance(0.05));
        for (size_t n = 0; n < 4500; ++n) {
            const bool there = n < (500u << i);
            BOOST_REQUIRE(preview.symbols[n] == (there ? whole.symbols[n] : cf{}));
            BOOST_REQUIRE(preview.noise_var[n] == (there ? whole.noise_var[n] : INFINITY));
        }
    }

    // The fourth to come is the last and so the end of the image.
    found = receive(s.through(join({ parts[2], parts[5], parts[6], parts[8] })));
    BOOST_REQUIRE_EQUAL(found.previews.size(), 2u);
    BOOST_TEST(found.previews[1].fragments_lost == 7u);
    BOOST_TEST(std::isinf(found.previews[0].noise_var[0]));
    BOOST_TEST(std::isfinite(found.previews[0].noise_var[1000]));
    BOOST_TEST(found.images.at(0).fragments_lost == 5u);

    found = receive(s.through(join(s.image(500, 2)))); // one fragment: whole at once
    BOOST_TEST(found.images.size() == 1u);
    BOOST_TEST(found.previews.empty());
}

BOOST_AUTO_TEST_CASE(an_image_whose_last_fragment_is_lost_is_released_by_the_next_image_a_timeout_or_flush)
{
    scene s;
    auto parts = s.image(1400, 1);
    parts.pop_back();
    const samples cut = join(parts);

    samples air = cut;
    append(air, join(s.image(300, 2)));
    auto found = receive(s.through(air));
    BOOST_REQUIRE_EQUAL(found.images.size(), 2u);
    BOOST_TEST(found.images[0].info.image_id == 1u);
    BOOST_TEST(found.images[0].fragments_lost == 1u);
    BOOST_TEST(found.images[1].info.image_id == 2u);

    phy::receiver rx({}, false_alarm, timeout);
    collector late;
    rx.push(cut.data(), cut.size(), late);
    const samples silence(timeout / 2);
    rx.push(silence.data(), silence.size(), late);
    BOOST_TEST(late.images.empty());
    rx.push(silence.data(), silence.size(), late);
    rx.push(silence.data(), silence.size(), late);
    BOOST_TEST(late.images.size() == 1u);

    rx.push(cut.data(), cut.size(), late);
    rx.push(silence.data(), 5000, late);
    rx.flush(late);
    BOOST_TEST(late.images.size() == 2u);
    rx.flush(late);
    BOOST_TEST(late.images.size() == 2u);
}

BOOST_AUTO_TEST_CASE(contradictions_are_counted_and_never_mixed_in)
{
    scene s;
    const auto parts = s.image(1400, 1); // three fragments
    phy::transmitter liar({}, 500);      // begins with the same sequence number
    const auto lies = bursts(liar, info(1450, 1), gaussian(1450, s.random));
    phy::receiver_counters counters;
    const auto found = receive(s.through(join({ parts[0], lies[1], parts[1], parts[2] })), &counters);
    BOOST_TEST(counters.contradictory_fragments == 1u);
    BOOST_REQUIRE_EQUAL(found.images.size(), 1u);
    BOOST_TEST(error_power(s.sent[0], found.images[0].symbols) < 0.02);
}

BOOST_AUTO_TEST_CASE(an_image_of_a_transmitter_that_was_started_anew_is_never_mixed_with_the_old_one)
{
    for (const uint32_t size : { 2402u, 2900u }) // the same as the old one's, and another: five fragments, and six
        for (size_t cut = 1; cut < 5; ++cut) {
            scene s;
            auto old = s.image(2402, 0);
            old.resize(cut);
            phy::transmitter anew({}, 500);
            s.sent.push_back(gaussian(size, s.random));
            samples air = join(old);
            append(air, join(bursts(anew, info(size, 0), s.sent.back()))); // same id, same sequence number
            phy::receiver_counters counters;
            const auto found = receive(s.through(air), &counters);
            BOOST_REQUIRE_EQUAL(found.images.size(), 2u);
            BOOST_TEST(found.images[0].fragments_lost == 5u - cut);
            BOOST_TEST(found.images[1].fragments_lost == 0u);
            for (size_t i = 0; i < 2; ++i)
                BOOST_TEST(honesty(s.sent[i], found.images[i]).first == 1, boost::test_tools::tolerance(0.2));
            BOOST_TEST(counters.frames == cut + (size > 2402 ? 6u : 5u));
            BOOST_TEST(counters.contradictory_fragments == 0u);
        }
}

BOOST_AUTO_TEST_CASE(images_of_two_transmitters_by_turns_are_told_apart_by_where_they_count_from)
{
    scene s;
    const auto ours = s.image(1400, 5);
    phy::transmitter other({}, 500, {}, 17);
    s.sent.push_back(gaussian(1400, s.random));
    const auto theirs = bursts(other, info(1400, 5), s.sent.back());
    const auto found = receive(s.through(join({ ours[0], theirs[0], ours[1], theirs[1], ours[2], theirs[2] })));
    BOOST_TEST(found.images.size() == 6u);
    for (size_t i = 0; i < found.images.size(); ++i)
        BOOST_TEST(honesty(s.sent[i % 2], found.images[i]).first == 1, boost::test_tools::tolerance(0.2));
}

BOOST_AUTO_TEST_CASE(the_same_image_id_may_be_sent_again)
{
    scene s;
    samples air;
    for (int i = 0; i < 3; ++i)
        append(air, join(s.image(1400, 0)));
    auto cut = s.image(1400, 0);
    cut.pop_back();
    append(air, join(cut));
    append(air, join(s.image(1400, 0)));
    const auto found = receive(s.through(air));
    BOOST_REQUIRE_EQUAL(found.images.size(), 5u);
    for (size_t i = 0; i < 5; ++i)
        BOOST_TEST(found.images[i].fragments_lost == (i == 3 ? 1u : 0u));
    BOOST_TEST(error_power(s.sent[4], found.images[4].symbols) < 0.02);
}
