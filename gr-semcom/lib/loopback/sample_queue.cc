/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "sample_queue.h"

#include <boost/chrono.hpp>

#include <algorithm>
#include <cmath>

namespace semcom::loopback {

sample_queue::sample_queue(std::size_t capacity) : d_samples(capacity), d_marks(max_marks) {}

bool sample_queue::push(const std::complex<float>* samples, std::size_t n)
{
    boost::unique_lock<boost::mutex> lock(d_mutex);
    while (n > 0) {
        d_can_write.wait(lock, [&] { return d_written - d_read < d_samples.size() || d_closed; });
        if (d_closed)
            return false;
        const std::size_t at = d_written % d_samples.size();
        const std::size_t space = d_samples.size() - (d_written - d_read);
        const std::size_t now = std::min({ n, space, d_samples.size() - at });
        std::copy_n(samples, now, d_samples.begin() + at);
        d_written += now;
        samples += now;
        n -= now;
        d_can_read.notify_one();
    }
    return true;
}

bool sample_queue::push(event what)
{
    boost::unique_lock<boost::mutex> lock(d_mutex);
    d_can_write.wait(lock, [&] { return d_marks_written - d_marks_read < max_marks || d_closed; });
    lock.unlock();
    return try_push(what);
}

bool sample_queue::try_push(event what)
{
    boost::lock_guard<boost::mutex> lock(d_mutex);
    if (d_closed || d_marks_written - d_marks_read == max_marks)
        return false;
    d_marks[d_marks_written++ % max_marks] = { d_written, what };
    d_can_read.notify_one();
    return true;
}

bool sample_queue::mark_is_next() const
{
    return d_marks_read != d_marks_written && d_marks[d_marks_read % max_marks].position == d_read;
}

sample_queue::result sample_queue::pop(std::complex<float>* out, std::size_t max, double timeout_s)
{
    boost::unique_lock<boost::mutex> lock(d_mutex);
    const auto is_readable = [this] { return readable(); };
    if (std::isinf(timeout_s))
        d_can_read.wait(lock, is_readable);
    else if (!d_can_read.wait_for(lock, boost::chrono::duration<double>(timeout_s), is_readable))
        return { event::nothing, 0 };

    if (mark_is_next()) {
        d_can_write.notify_one();
        return { d_marks[d_marks_read++ % max_marks].what, 0 };
    }
    if (d_read == d_written)
        return { event::closed, 0 };

    uint64_t until = d_written;
    if (d_marks_read != d_marks_written)
        until = std::min(until, d_marks[d_marks_read % max_marks].position);
    const std::size_t at = d_read % d_samples.size();
    const std::size_t now = std::min({ max, static_cast<std::size_t>(until - d_read), d_samples.size() - at });
    std::copy_n(d_samples.begin() + at, now, out);
    d_read += now;
    d_can_write.notify_one();
    return { event::samples, now };
}

void sample_queue::close()
{
    boost::lock_guard<boost::mutex> lock(d_mutex);
    d_closed = true;
    d_can_read.notify_all();
    d_can_write.notify_all();
}

void sample_queue::reopen()
{
    boost::lock_guard<boost::mutex> lock(d_mutex);
    d_closed = false;
}

std::size_t sample_queue::size() const
{
    boost::lock_guard<boost::mutex> lock(d_mutex);
    return d_written - d_read;
}

} // namespace semcom::loopback
