/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "loopback/sample_queue.h"

#include <boost/test/unit_test.hpp>
#include <boost/thread/thread.hpp>

#include <chrono>
#include <limits>
#include <thread>

using namespace semcom::loopback;
using samples = std::vector<std::complex<float>>;

namespace {

constexpr double for_ever = std::numeric_limits<double>::infinity();

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

} // namespace

BOOST_AUTO_TEST_SUITE(queue)

BOOST_AUTO_TEST_CASE(marks_stay_between_the_samples_they_were_written_between)
{
    sample_queue queue;
    const samples x(10, 1.0f);
    queue.push(event::burst_start);
    queue.push(x.data(), 10);
    queue.push(event::end);
    queue.push(event::burst_start);
    queue.push(event::end);
    samples y(100);
    BOOST_TEST((queue.pop(y.data(), 100, 0).what == event::burst_start));
    BOOST_TEST(queue.pop(y.data(), 4, 0).samples == 4u);
    BOOST_TEST(queue.pop(y.data(), 100, 0).samples == 6u);
    for (const event what : { event::end, event::burst_start, event::end, event::nothing })
        BOOST_TEST((queue.pop(y.data(), 100, 0).what == what));
}

BOOST_AUTO_TEST_CASE(ten_million_samples_through_a_slow_reader_without_loss)
{
    constexpr int count = 10000000;
    sample_queue queue;
    std::thread writer([&] {
        samples x(3000);
        for (int at = 0; at < count; at += x.size()) {
            for (std::size_t i = 0; i < x.size(); i++)
                x[i] = at + int(i);
            queue.push(x.data(), std::min<std::size_t>(x.size(), count - at));
        }
        queue.close();
    });
    samples y(7777);
    int next = 0, wrong = 0, reads = 0;
    for (;;) {
        const auto got = queue.pop(y.data(), y.size(), for_ever);
        if (got.what == event::closed)
            break;
        for (std::size_t i = 0; i < got.samples; i++)
            wrong += y[i].real() != float(next++);
        if (++reads % 10 == 0)
            sleep_ms(1);
    }
    writer.join();
    BOOST_TEST(next == count);
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(a_waiting_writer_and_reader_wake_when_interrupted_or_closed)
{
    samples x(100);
    sample_queue full(10), empty(10);
    boost::thread writer([&] { full.push(x.data(), x.size()); });
    boost::thread reader([&] { empty.pop(x.data(), x.size(), for_ever); });
    sleep_ms(20);
    writer.interrupt();
    reader.interrupt();
    writer.join();
    reader.join();
    BOOST_TEST(full.size() == 10u);

    bool pushed = true;
    event popped = event::nothing;
    std::thread other_writer([&] { pushed = full.push(x.data(), x.size()); });
    std::thread other_reader([&] { popped = empty.pop(x.data(), x.size(), for_ever).what; });
    sleep_ms(20);
    full.close();
    empty.close();
    other_writer.join();
    other_reader.join();
    BOOST_TEST(!pushed);
    BOOST_TEST((popped == event::closed));
    BOOST_TEST(full.pop(x.data(), x.size(), for_ever).samples == 10u); // what was in it is still read
    BOOST_TEST((full.pop(x.data(), x.size(), for_ever).what == event::closed));
    BOOST_TEST(!full.push(event::end));
}

BOOST_AUTO_TEST_SUITE_END()
