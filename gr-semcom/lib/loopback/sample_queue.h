/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_SAMPLE_QUEUE_H
#define INCLUDED_SEMCOM_LOOPBACK_SAMPLE_QUEUE_H

#include <boost/thread/condition_variable.hpp>
#include <boost/thread/mutex.hpp>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace semcom::loopback {

/*!
 * \brief What comes next in a sample_queue.
 */
enum class event : uint16_t {
    samples,      //!< samples of the burst or stream that has begun
    burst_start,  //!< a burst begins
    stream_start, //!< a stream without marks begins
    end,          //!< the burst or stream is over
    nothing,      //!< the time was up
    closed        //!< closed, and all that was in it has been read
};

/*!
 * \brief Bounded queue of samples and of the marks between them, for one writer and one reader.
 *
 * Waiting is by condition variable. It is an interruption point of Boost.Thread, which is how GNU Radio's
 * scheduler stops a block whose work() waits; no samples are lost by that.
 */
class sample_queue
{
public:
    static constexpr std::size_t default_capacity = 1 << 18; //!< samples

    explicit sample_queue(std::size_t capacity = default_capacity);

    //! Writes n samples, waiting for space as needed; false if the queue was closed meanwhile.
    bool push(const std::complex<float>* samples, std::size_t n);

    //! Writes a mark (burst_start, stream_start, end), waiting as needed; false if the queue was closed.
    bool push(event mark);

    //! Writes a mark if there is space for it: for places that must not wait.
    bool try_push(event mark);

    struct result {
        event what;
        std::size_t samples; //!< how many were written to out, if what is event::samples
    };

    //! Reads one mark, or up to max samples; waits for them at most timeout_s seconds (infinity: for ever).
    result pop(std::complex<float>* out, std::size_t max, double timeout_s);

    //! Wakes and refuses the writer; the reader gets what is left, then event::closed.
    void close();

    //! Takes back a close().
    void reopen();

    //! Samples waiting to be read.
    std::size_t size() const;

private:
    struct mark {
        uint64_t position; // samples written before it
        event what;
    };
    static constexpr std::size_t max_marks = 4096;

    bool readable() const { return d_read != d_written || d_marks_read != d_marks_written || d_closed; }
    bool mark_is_next() const;

    mutable boost::mutex d_mutex;
    boost::condition_variable d_can_read, d_can_write;
    std::vector<std::complex<float>> d_samples; // rings; the counters below only grow
    std::vector<mark> d_marks;
    uint64_t d_written = 0, d_read = 0, d_marks_written = 0, d_marks_read = 0;
    bool d_closed = false;
};

} // namespace semcom::loopback

#endif /* INCLUDED_SEMCOM_LOOPBACK_SAMPLE_QUEUE_H */
