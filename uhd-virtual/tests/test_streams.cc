// SPDX-License-Identifier: GPL-3.0-or-later
// Streaming through uhd::usrp::multi_usrp. speed= is low enough for a loaded machine.
#define BOOST_TEST_MODULE streams
#include "support.h"

#include <uhd/exception.hpp>
#include <uhd/usrp/multi_usrp.hpp>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

using namespace test;
using namespace std::chrono_literals;
using uhd::usrp::multi_usrp;
using async = uhd::async_metadata_t;
using rx_metadata = uhd::rx_metadata_t;

namespace {

constexpr double patience = 20; // seconds that nothing should take

multi_usrp::sptr make_usrp(const std::string& args = "", double sample_rate = rate)
{
    const auto usrp = multi_usrp::make("type=virtual,speed=0.2,loss_db=20," + args);
    usrp->set_tx_rate(sample_rate);
    usrp->set_rx_rate(sample_rate);
    usrp->set_tx_freq(frequency);
    usrp->set_rx_freq(frequency);
    usrp->set_tx_gain(89.75);
    return usrp;
}

uhd::stream_args_t format(std::vector<size_t> channels = { 0 })
{
    uhd::stream_args_t args("fc32", "sc16");
    args.channels = std::move(channels);
    return args;
}

uhd::tx_metadata_t burst_at(std::optional<uhd::time_spec_t> time, bool ends = true)
{
    uhd::tx_metadata_t metadata;
    metadata.start_of_burst = true;
    metadata.end_of_burst = ends;
    metadata.has_time_spec = time.has_value();
    metadata.time_spec = time.value_or(0.0);
    return metadata;
}

uhd::stream_cmd_t command(uhd::stream_cmd_t::stream_mode_t mode, size_t n = 0,
                          std::optional<uhd::time_spec_t> time = std::nullopt)
{
    uhd::stream_cmd_t result(mode);
    result.num_samps = n;
    result.stream_now = !time;
    result.time_spec = time.value_or(0.0);
    return result;
}

constexpr auto start_continuous = uhd::stream_cmd_t::STREAM_MODE_START_CONTINUOUS;
constexpr auto stop_continuous = uhd::stream_cmd_t::STREAM_MODE_STOP_CONTINUOUS;
constexpr auto done_after = uhd::stream_cmd_t::STREAM_MODE_NUM_SAMPS_AND_DONE;
constexpr auto more_after = uhd::stream_cmd_t::STREAM_MODE_NUM_SAMPS_AND_MORE;

//! The next message, or event_code_t(0).
async next_message(uhd::tx_streamer& stream, double timeout = patience)
{
    async message;
    message.event_code = async::event_code_t(0);
    stream.recv_async_msg(message, timeout);
    return message;
}

double seconds(std::chrono::steady_clock::time_point since)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

} // namespace

BOOST_AUTO_TEST_CASE(the_tree_is_that_of_a_b210)
{
    const auto usrp = multi_usrp::make("type=virtual,serial=S7,name=bench");
    BOOST_TEST(usrp->get_rx_num_channels() == 2u);
    BOOST_TEST(usrp->get_tx_num_channels() == 2u);
    BOOST_TEST(usrp->get_usrp_rx_info(1)["mboard_serial"] == "S7");
    BOOST_TEST((usrp->get_rx_antennas() == std::vector<std::string>{ "TX/RX", "RX2" }));
    BOOST_CHECK_THROW(usrp->set_rx_antenna("J1"), uhd::value_error);
    usrp->set_rx_gain(100, 1);
    usrp->set_tx_gain(33.3);
    BOOST_TEST(usrp->get_rx_gain(1) == 76);
    BOOST_TEST(usrp->get_rx_gain(0) == 0);
    BOOST_TEST(usrp->get_tx_gain() == 33.25);
    BOOST_TEST(usrp->get_tx_gain_range().stop() == 89.75);
    usrp->set_rx_freq(uhd::tune_request_t(2.4e9, 1e6));
    BOOST_TEST(usrp->get_rx_freq() == 2.4e9);
    usrp->set_tx_freq(10e9);
    BOOST_TEST(usrp->get_tx_freq() <= 6e9 + 28e6);
    usrp->set_rx_rate(1.92e6);
    BOOST_TEST(usrp->get_rx_rate() == 1.92e6);
    BOOST_TEST(usrp->get_master_clock_rate() == 48e6); // goes with the 250 kHz of the transmitter
    BOOST_TEST(usrp->get_mboard_sensor("ref_locked").to_bool());
    BOOST_TEST(usrp->get_rx_sensor("lo_locked").to_bool());
    BOOST_CHECK_THROW(usrp->set_rx_subdev_spec(std::string("B:A")), uhd::value_error);
    usrp->set_rx_subdev_spec(std::string("A:B"));
    BOOST_TEST(usrp->get_rx_num_channels() == 1u);
    BOOST_TEST(usrp->get_rx_gain(0) == 76); // now the second front end
    const auto fixed = multi_usrp::make("type=virtual,serial=S8,master_clock_rate=20e6");
    fixed->set_rx_rate(3e6);
    BOOST_TEST(fixed->get_master_clock_rate() == 20e6);
    BOOST_TEST(fixed->get_rx_rate() == 20e6 / 7);
}

BOOST_AUTO_TEST_CASE(a_timed_burst_lands_on_its_sample)
{
    const auto usrp = make_usrp("serial=burst");
    const auto rx = usrp->get_rx_stream(format());
    const auto tx = usrp->get_tx_stream(format());
    usrp->set_time_now(uhd::time_spec_t(1'700'000'000, 0.125));
    const auto start = uhd::time_spec_t::from_ticks((usrp->get_time_now() + 0.2).to_ticks(rate), rate);
    rx->issue_stream_cmd(command(done_after, 4000, start));
    const samples x = random_qpsk(1000, 1);
    const auto burst_time = start + uhd::time_spec_t::from_ticks(1234, rate);
    BOOST_TEST(tx->send(x.data(), x.size(), burst_at(burst_time)) == x.size());
    samples y(5000);
    rx_metadata metadata;
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, patience) == 4000u);
    BOOST_TEST(metadata.end_of_burst);
    BOOST_TEST((metadata.time_spec - start).to_ticks(rate * 1000) == 0);
    const samples burst(y.begin() + 1234, y.begin() + 2234);
    BOOST_TEST(residual(burst, x, gain(burst, x)) < 1e-6);
    BOOST_TEST(power({ y.begin(), y.begin() + 1234 }) < 1e-6);
    const async ack = next_message(*tx);
    BOOST_TEST(ack.event_code == async::EVENT_CODE_BURST_ACK);
    BOOST_TEST((ack.time_spec - burst_time).to_ticks(rate) == 1000);
}

BOOST_AUTO_TEST_CASE(a_late_burst_is_not_sent)
{
    const auto usrp = make_usrp("serial=late");
    const auto tx = usrp->get_tx_stream(format());
    const samples x(1000, 0.5f);
    usrp->set_time_now(10.0);
    BOOST_TEST(tx->send(x.data(), x.size(), burst_at(uhd::time_spec_t(9.0))) == x.size());
    BOOST_TEST(next_message(*tx).event_code == async::EVENT_CODE_TIME_ERROR);
    BOOST_TEST(tx->send(x.data(), x.size(), burst_at(std::nullopt)) == x.size());
    BOOST_TEST(next_message(*tx).event_code == async::EVENT_CODE_BURST_ACK);
    BOOST_TEST(next_message(*tx, 0).event_code == 0);
}

BOOST_AUTO_TEST_CASE(a_burst_that_runs_dry_underflows_and_goes_on)
{
    const auto usrp = make_usrp("serial=dry");
    const auto tx = usrp->get_tx_stream(format());
    const samples x(500, 0.5f);
    auto metadata = burst_at(std::nullopt, false);
    tx->send(x.data(), 0, metadata); // as gr-uhd begins: nothing is due yet
    BOOST_TEST(next_message(*tx, 0.1).event_code == 0);
    metadata.start_of_burst = false;
    tx->send(x.data(), x.size(), metadata);
    BOOST_TEST(next_message(*tx).event_code == async::EVENT_CODE_UNDERFLOW);
    BOOST_TEST(next_message(*tx, 0.1).event_code == 0); // it is told once
    const samples more(20000, 0.5f); // 0.1 s, within which the end comes
    tx->send(more.data(), more.size(), metadata);
    metadata.end_of_burst = true;
    tx->send(x.data(), 0, metadata);
    BOOST_TEST(next_message(*tx).event_code == async::EVENT_CODE_BURST_ACK);
    tx->send(x.data(), 0, metadata); // as gr-uhd ends, in a burst or not
    BOOST_TEST(next_message(*tx, 0.1).event_code == 0);
}

BOOST_AUTO_TEST_CASE(a_slow_air_leaves_longer_until_a_burst_begins)
{
    const auto usrp = make_usrp("serial=begins");
    const auto tx = usrp->get_tx_stream(format());
    const samples x(500, 0.5f);
    const auto before = usrp->get_time_now();
    tx->send(x.data(), x.size(), burst_at(std::nullopt));
    const auto end = next_message(*tx);
    BOOST_TEST(end.event_code == async::EVENT_CODE_BURST_ACK);
    // 5 ms of the air and not of the host, less a part of a sample.
    BOOST_TEST((end.time_spec - before).get_real_secs() > 0.005 + (x.size() - 1) / rate);
}

BOOST_AUTO_TEST_CASE(send_runs_ahead_by_the_buffer_and_waits_then)
{
    const auto usrp = make_usrp("serial=ahead,num_send_frames=4");
    const auto tx = usrp->get_tx_stream(format());
    const samples x(10000, 0.5f);
    const auto far = usrp->get_time_now() + 100.0;
    const auto before = std::chrono::steady_clock::now();
    BOOST_TEST(tx->send(x.data(), 5000, burst_at(far), 0.1) == 5000u); // whenever it is due
    BOOST_TEST(seconds(before) < patience);
    const size_t fit = tx->send(x.data(), x.size(), burst_at(std::nullopt), 0.1);
    BOOST_TEST(fit == 4 * 2040u - 5000);
}

BOOST_AUTO_TEST_CASE(a_slow_reader_overflows_and_the_stream_goes_on_from_now)
{
    const auto usrp = make_usrp("serial=slow,num_recv_frames=8");
    const auto rx = usrp->get_rx_stream(format());
    rx->issue_stream_cmd(command(start_continuous));
    samples y(1000);
    rx_metadata first, error, after;
    BOOST_TEST(rx->recv(y.data(), y.size(), first, patience) == 1000u);
    std::this_thread::sleep_for(300ms); // 60,000 samples
    const double now = usrp->get_time_now().get_real_secs();
    BOOST_TEST(rx->recv(y.data(), y.size(), error, patience) == 0u);
    BOOST_TEST(error.error_code == rx_metadata::ERROR_CODE_OVERFLOW);
    BOOST_TEST((error.time_spec - first.time_spec).to_ticks(rate) == 1000);
    BOOST_TEST(rx->recv(y.data(), y.size(), after, patience) == 1000u);
    BOOST_TEST(after.time_spec.get_real_secs() >= now - 1e-3);
}

BOOST_AUTO_TEST_CASE(a_device_that_is_unplugged_throws_in_both_directions)
{
    const auto usrp = make_usrp("serial=pulled,unplug_after_s=0.002");
    const auto rx = usrp->get_rx_stream(format());
    const auto tx = usrp->get_tx_stream(format());
    rx->issue_stream_cmd(command(start_continuous));
    samples x(1000);
    rx_metadata metadata;
    for (int i = 0; i < 2; ++i) {
        BOOST_TEST(rx->recv(x.data(), x.size(), metadata, patience) == 1000u);
        BOOST_TEST(tx->send(x.data(), x.size(), burst_at(std::nullopt), patience) == 1000u);
    }
    BOOST_CHECK_THROW(rx->recv(x.data(), x.size(), metadata, patience), uhd::io_error);
    BOOST_CHECK_THROW(tx->send(x.data(), x.size(), burst_at(std::nullopt), patience), uhd::usb_error);
}

BOOST_AUTO_TEST_CASE(commands_that_come_late_or_not_at_all_are_reported)
{
    const auto usrp = make_usrp("serial=commands");
    const auto rx = usrp->get_rx_stream(format());
    samples y(3000);
    rx_metadata metadata;
    usrp->set_time_now(10.0);
    rx->issue_stream_cmd(command(done_after, 100, uhd::time_spec_t(9.0)));
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, patience) == 0u);
    BOOST_TEST(metadata.error_code == rx_metadata::ERROR_CODE_LATE_COMMAND);
    rx->issue_stream_cmd(command(more_after, 1000));
    rx->issue_stream_cmd(command(more_after, 500));
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, patience) == 1500u); // without a gap
    BOOST_TEST(!metadata.end_of_burst);
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, patience) == 0u);
    BOOST_TEST(metadata.error_code == rx_metadata::ERROR_CODE_BROKEN_CHAIN);
}

BOOST_AUTO_TEST_CASE(timeouts_are_those_of_the_host)
{
    const auto usrp = make_usrp("serial=idle");
    const auto rx = usrp->get_rx_stream(format());
    samples y(100);
    rx_metadata metadata;
    auto before = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(rx->recv(y.data(), y.size(), metadata, 0) == 0u);
    BOOST_TEST(metadata.error_code == rx_metadata::ERROR_CODE_TIMEOUT);
    BOOST_TEST(seconds(before) < 2);
    before = std::chrono::steady_clock::now();
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, 0.2) == 0u);
    BOOST_TEST(seconds(before) >= 0.2);
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_stream_and_what_has_arrived_can_be_read_at_once)
{
    const auto usrp = make_usrp("serial=stop");
    const auto rx = usrp->get_rx_stream(format());
    samples y(2000);
    rx_metadata metadata;
    rx->issue_stream_cmd(command(start_continuous));
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, patience) == 2000u);
    rx->issue_stream_cmd(command(stop_continuous));
    size_t left = 0;
    while (const size_t n = rx->recv(y.data(), y.size(), metadata, 0))
        left += n;
    BOOST_TEST(metadata.error_code == rx_metadata::ERROR_CODE_TIMEOUT);
    std::thread starter([&] { // recv() is waiting already
        std::this_thread::sleep_for(50ms);
        rx->issue_stream_cmd(command(done_after, 10));
    });
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, patience) == 10u);
    starter.join();
}

BOOST_AUTO_TEST_CASE(channels_are_aligned_and_hear_all_transmitters)
{
    const auto usrp = make_usrp("serial=mimo");
    usrp->set_tx_freq(frequency, 1);
    usrp->set_rx_freq(frequency, 1);
    usrp->set_tx_gain(89.75, 1);
    const auto rx = usrp->get_rx_stream(format({ 0, 1 }));
    const auto tx = usrp->get_tx_stream(format({ 0, 1 }));
    const auto start = usrp->get_time_now() + 0.2;
    BOOST_CHECK_THROW(rx->issue_stream_cmd(command(done_after, 10)), uhd::runtime_error);
    rx->issue_stream_cmd(command(done_after, 2000, start));
    const samples a = random_qpsk(1000, 1, 0.4f), b = random_qpsk(1000, 2, 0.4f);
    tx->send(std::vector<const void*>{ a.data(), b.data() }, a.size(), burst_at(start));
    samples y[2] = { samples(2000), samples(2000) };
    rx_metadata metadata;
    BOOST_TEST(rx->recv(std::vector<void*>{ y[0].data(), y[1].data() }, 2000, metadata, patience) == 2000u);
    samples sum(a);
    for (size_t i = 0; i < sum.size(); ++i)
        sum[i] += b[i];
    for (samples& each : y) {
        each.resize(1000);
        BOOST_TEST(residual(each, sum, gain(each, sum)) < 1e-6);
    }
    for (const size_t channel : { 0, 1 }) {
        const async ack = next_message(*tx);
        BOOST_TEST(ack.event_code == async::EVENT_CODE_BURST_ACK);
        BOOST_TEST(ack.channel == channel);
    }
}

BOOST_AUTO_TEST_CASE(formats_of_the_host_are_converted)
{
    const auto usrp = make_usrp("serial=formats");
    auto args = format();
    args.cpu_format = "sc16";
    args.args["spp"] = "100";
    const auto rx = usrp->get_rx_stream(args);
    BOOST_TEST(rx->get_max_num_samps() == 100u);
    std::vector<sc16> y(500);
    rx_metadata metadata;
    rx->issue_stream_cmd(command(done_after, 500));
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, patience, true) == 100u);
    BOOST_TEST(rx->recv(y.data(), y.size(), metadata, patience) == 400u);
    for (const sc16 each : y)
        BOOST_TEST(each.real() % 16 == 0);
    args.cpu_format = "text";
    BOOST_CHECK_THROW(usrp->get_rx_stream(args), uhd::key_error);
    args = format();
    args.otw_format = "sc8";
    BOOST_CHECK_THROW(usrp->get_tx_stream(args), uhd::value_error);
    BOOST_CHECK_THROW(usrp->get_tx_stream(format({ 0, 0 })), uhd::value_error);
    BOOST_CHECK_THROW(usrp->get_tx_stream(format({ 2 })), uhd::exception);
}

BOOST_AUTO_TEST_CASE(an_air_has_one_rate)
{
    const auto a = make_usrp("serial=rate-a"), b = make_usrp("serial=rate-b", 2e6);
    auto rx = a->get_rx_stream(format());
    BOOST_CHECK_THROW(b->get_tx_stream(format()), uhd::runtime_error);
    BOOST_CHECK_THROW(a->set_rx_rate(2e6), uhd::runtime_error);
    BOOST_CHECK_THROW(b->set_tx_rate(4e6), uhd::runtime_error); // told as early as can be
    rx.reset();
    BOOST_CHECK_NO_THROW(b->get_tx_stream(format()));
}

BOOST_AUTO_TEST_CASE(times_of_devices_on_one_air_agree)
{
    const auto a = make_usrp("serial=time-a"), b = make_usrp("serial=time-b,time_offset_s=1000");
    const double before = a->get_time_now().get_real_secs(), other = b->get_time_now().get_real_secs();
    BOOST_TEST(other - 1000 >= before);
    BOOST_TEST(other - 1000 <= a->get_time_now().get_real_secs());
}

BOOST_AUTO_TEST_CASE(a_replay_gives_the_samples_that_were_recorded)
{
    const std::string base = "/tmp" + air_name("replay_");
    samples heard(5000), replayed(5000);
    rx_metadata metadata;
    {
        const auto usrp = make_usrp("serial=record,record=" + base);
        usrp->set_rx_gain(76);
        const auto rx = usrp->get_rx_stream(format());
        rx->issue_stream_cmd(command(done_after, heard.size()));
        BOOST_TEST(rx->recv(heard.data(), heard.size(), metadata, patience) == heard.size());
    }
    {
        const auto usrp = make_usrp("serial=replay,replay=" + base);
        const auto rx = usrp->get_rx_stream(format());
        rx->issue_stream_cmd(command(done_after, heard.size()));
        BOOST_TEST(rx->recv(replayed.data(), heard.size(), metadata, patience) == heard.size());
        BOOST_TEST((heard == replayed));
        BOOST_TEST(power(heard) > 1e-5);
    }
    const auto other = make_usrp("serial=other-rate,replay=" + base, 2e6);
    BOOST_CHECK_THROW(other->get_rx_stream(format()), uhd::value_error);
    std::remove((base + ".sigmf-data").c_str());
    std::remove((base + ".sigmf-meta").c_str());
}
