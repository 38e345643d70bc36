// SPDX-License-Identifier: GPL-3.0-or-later
// Sending and receiving allocate nothing once they have begun. Allocations of this program are counted: glibc's functions
// are replaced by ones that call it.
#define BOOST_TEST_MODULE allocations
#include "rx_streamer.h"
#include "support.h"
#include "tx_streamer.h"

#include <boost/test/unit_test.hpp>
#include <atomic>

static std::atomic<long> allocations{ 0 };

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);

void* malloc(size_t size)
{
    ++allocations;
    return __libc_malloc(size);
}
void* calloc(size_t count, size_t size)
{
    ++allocations;
    return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size)
{
    ++allocations;
    return __libc_realloc(old, size);
}
}

using namespace test;

BOOST_AUTO_TEST_CASE(streams_allocate_nothing)
{
    const auto configured = uhd_virtual::parse_settings(uhd::device_addr_t(
        std::string("speed=0.1,cfo_hz=100,delay_us=1.5,taps=1:0.1,phase_noise_deg=1,iq_gain_db=0.1")));
    const auto radio = std::make_shared<uhd_virtual::radio>(configured);
    uhd_virtual::tx_streamer tx(radio, uhd::stream_args_t("fc32", "sc16"));
    uhd_virtual::rx_streamer rx(radio, uhd::stream_args_t("fc32", "sc16"));
    samples x(2000, 0.5f), y(2000);
    uhd::tx_metadata_t sent;
    uhd::rx_metadata_t received;
    rx.issue_stream_cmd(uhd::stream_cmd_t(uhd::stream_cmd_t::STREAM_MODE_START_CONTINUOUS));
    const auto round = [&] {
        tx.send(x.data(), x.size(), sent, 10);
        return rx.recv(y.data(), y.size(), received, 10, false);
    };
    for (int i = 0; i < 10; ++i)
        tx.send(x.data(), x.size(), sent, 10); // so that it does not run dry
    round();
    const long before = allocations;
    size_t samples_received = 0;
    for (int i = 0; i < 30; ++i)
        samples_received += round();
    const long made = allocations - before;
    BOOST_TEST(made == 0);
    BOOST_TEST(samples_received == 60000u);
}
