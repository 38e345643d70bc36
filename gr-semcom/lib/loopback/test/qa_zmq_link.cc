/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "loopback/zmq_link.h"

#include <boost/test/unit_test.hpp>
#include <zmq.h>

#include <unistd.h>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace semcom::loopback;
using samples = std::vector<std::complex<float>>;

namespace {

constexpr double samp_rate = 1e6;

struct socket_folder { // libzmq leaves its sockets lying there
    socket_folder() : path(std::filesystem::temp_directory_path() / ("semcom-qa-" + std::to_string(getpid())))
    {
        std::filesystem::create_directory(path);
    }
    ~socket_folder() { std::filesystem::remove_all(path); }
    const std::filesystem::path path;
};

std::string address(const char* name)
{
    static const socket_folder folder;
    return "ipc://" + (folder.path / name).string();
}

std::vector<char> message(event what, uint32_t n)
{
    const message_header header = { { 'S', 'C', 'L', 'B' }, 1, what, n, 0, samp_rate };
    std::vector<char> bytes(sizeof header + 8 * n);
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

bool accepted(const std::vector<char>& bytes)
{
    message_header header;
    return parse_message(bytes.data(), bytes.size(), samp_rate, header);
}

double seconds_of(const std::function<void()>& work)
{
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

BOOST_AUTO_TEST_SUITE(zmq_link)

BOOST_AUTO_TEST_CASE(only_whole_messages_are_accepted)
{
    BOOST_TEST(accepted(message(event::samples, 1)));
    BOOST_TEST(accepted(message(event::samples, message_header::max_samples)));
    BOOST_TEST(accepted(message(event::end, 0)));
    BOOST_TEST(!accepted(message(event::samples, 0)));
    BOOST_TEST(!accepted(message(event::samples, message_header::max_samples + 1)));
    BOOST_TEST(!accepted(message(event::end, 1)));
    BOOST_TEST(!accepted(message(event::nothing, 0)));
    BOOST_TEST(!accepted(message(static_cast<event>(65535), 0)));
    BOOST_TEST(!accepted({}));

    std::mt19937 random(1);
    const std::vector<char> valid = message(event::samples, 100);
    for (int i = 0; i < 20000; i++) { // any flipped bit of magic, version, event, count or rate is noticed
        std::vector<char> bytes = valid;
        std::size_t at = random() % 20;
        at += at >= 12 ? 4 : 0; // bytes 12 to 15 are reserved
        bytes[at] ^= 1 << random() % 8;
        BOOST_REQUIRE(!accepted(bytes));
        bytes = valid;
        bytes.resize(random() % 2000);
        BOOST_REQUIRE(accepted(bytes) == (bytes.size() == valid.size()));
        for (auto& byte : bytes)
            byte = static_cast<char>(random());
        BOOST_REQUIRE(!accepted(bytes));
    }
}

BOOST_AUTO_TEST_CASE(samples_and_marks_cross_in_order_whichever_end_comes_first)
{
    for (const bool source_first : { false, true }) {
        const std::string there = address(source_first ? "source-first" : "sink-first");
        std::unique_ptr<endpoint> sink, source;
        if (source_first)
            source = open_channel(there, role::source, samp_rate);
        sink = open_channel(there, role::sink, samp_rate);
        if (!source_first)
            source = open_channel(there, role::source, samp_rate);

        constexpr int count = 1000000; // more than all queues on the way hold
        std::thread sender([&] {
            samples x(count);
            for (int i = 0; i < count; i++)
                x[i] = i;
            sink->queue().push(event::burst_start);
            sink->queue().push(x.data(), x.size());
            sink->queue().push(event::end);
            BOOST_TEST(sink->finish() == 0u);
        });
        samples y(5000);
        BOOST_TEST((source->queue().pop(y.data(), y.size(), 10).what == event::burst_start));
        int next = 0, wrong = 0;
        for (;;) {
            const auto got = source->queue().pop(y.data(), y.size(), 10);
            if (got.what != event::samples) {
                BOOST_TEST((got.what == event::end));
                break;
            }
            for (std::size_t i = 0; i < got.samples; i++)
                wrong += y[i].real() != float(next++);
        }
        BOOST_TEST(next == count);
        BOOST_TEST(wrong == 0);
        sender.join();
        BOOST_TEST(source->refused() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_sink_that_nobody_hears_stops_and_tells_and_starts_again)
{
    const std::string there = address("unheard");
    const auto sink = open_channel(there, role::sink, samp_rate);
    const samples x(1000);
    bool pushed = true;
    std::thread sender([&] {
        while (pushed)
            pushed = sink->queue().push(x.data(), x.size());
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::size_t left = 0;
    BOOST_TEST(seconds_of([&] { left = sink->finish(); }) < 2.5);
    sender.join();
    BOOST_TEST(left > 1000u);

    sink->start();
    const auto source = open_channel(there, role::source, samp_rate);
    samples y(100);
    BOOST_TEST(source->queue().pop(y.data(), y.size(), 10).samples > 0u);
}

BOOST_AUTO_TEST_CASE(addresses_that_cannot_be_opened_are_refused)
{
    void* context = zmq_ctx_new();
    void* other = zmq_socket(context, ZMQ_PUSH);
    BOOST_REQUIRE(zmq_bind(other, "tcp://127.0.0.1:*") == 0);
    char taken[100];
    std::size_t size = sizeof taken;
    zmq_getsockopt(other, ZMQ_LAST_ENDPOINT, taken, &size);
    for (const char* there : { (const char*)taken, "tcp://", "tcp://127.0.0.1:port", "ipc:///no/such/folder/x" })
        BOOST_CHECK_THROW(open_channel(there, role::sink, samp_rate), std::runtime_error);
    zmq_close(other);
    zmq_ctx_term(context);
}

BOOST_AUTO_TEST_CASE(messages_from_strangers_are_dropped_and_counted)
{
    const std::string there = address("strangers");
    void* context = zmq_ctx_new();
    void* stranger = zmq_socket(context, ZMQ_PUSH);
    const int no_linger = 0;
    zmq_setsockopt(stranger, ZMQ_LINGER, &no_linger, sizeof no_linger);
    BOOST_REQUIRE(zmq_bind(stranger, there.c_str()) == 0);
    const auto source = open_channel(there, role::source, samp_rate);
    std::mt19937 random(1);
    for (int i = 0; i < 500; i++) {
        std::vector<char> bytes(random() % 3000);
        for (auto& byte : bytes)
            byte = static_cast<char>(random());
        zmq_send(stranger, bytes.data(), bytes.size(), 0);
    }
    const std::vector<char> good = message(event::samples, 12);
    zmq_send(stranger, good.data(), good.size(), 0);
    samples y(100);
    BOOST_TEST(source->queue().pop(y.data(), y.size(), 10).samples == 12u);
    BOOST_TEST(source->refused() == 500u);

    const std::vector<char> huge(1 << 20); // cuts the connection for good
    zmq_send(stranger, huge.data(), huge.size(), 0);
    BOOST_TEST((source->queue().pop(y.data(), y.size(), 0.1).what == event::nothing));
    zmq_close(stranger);
    zmq_ctx_term(context);
}

BOOST_AUTO_TEST_SUITE_END()
