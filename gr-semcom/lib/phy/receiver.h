// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "assembler.h"
#include "demodulator.h"
#include "detector.h"
#include "frame_params.h"
#include "preamble.h"

#include <cstdint>
#include <limits>
#include <memory>

namespace semcom::phy {

/*! What became of a preamble that was detected. */
struct frame_report {
    bool header_ok;      //!< the fields below snr_db mean something only then
    uint64_t sample;     //!< where the frame begins in the stream
    double cfo;          //!< rad/sample
    double snr_db;       //!< Es/N0
    header head;
    double evm_percent;  //!< rms error over the payload's pilots
};

/*! Takes what a receiver finds; references are valid during the call. */
class receiver_listener
{
public:
    virtual ~receiver_listener() = default;
    virtual void on_frame(const frame_report& report) = 0;
    virtual void on_image(const received_image& image) = 0;
    //! What has come of an image that is not finished, after 1, 2, 4, 8 ... of its fragments.
    virtual void on_preview(const received_image&) {}
    //! The carriers of a frame's payload before equalisation, \p gain being the channel's root mean square.
    virtual void on_carriers(const cf* /*carriers*/, size_t /*count*/, float /*gain*/) {}
};

/*! What a received symbol is. */
enum class equalizer {
    zero_forcing, //!< sent + error: no bias, and noise_var is the variance of the error
    mmse          //!< times 1 / (1 + noise_var), which makes the mean squared error least; noise_var is that error
};

struct receiver_counters {
    uint64_t samples = 0;
    uint64_t nonfinite_samples = 0;       //!< NaN, Inf or absurdly large; taken as 0
    uint64_t frames = 0;                  //!< with a good header
    uint64_t header_failures = 0;         //!< preambles found whose header was unreadable
    uint64_t images = 0;
    uint64_t fragments_lost = 0;          //!< of the images released
    uint64_t contradictory_fragments = 0; //!< dropped: same image by id and sequence, other fields
};

/*! From a stream of samples to images: the whole receiver.
 *
 *  A sample goes: push -> buffer -> detector -> demodulator (timing, frequency, channel, header, tracking,
 *  equaliser) -> assembler -> listener. Results depend on the samples only, not on how they were cut into push() calls.
 *  A burst is looked for once detector::block() samples from about its beginning on are there. While the payload of a
 *  frame is still coming the search goes on: a readable header in it ends that frame, as when the transmitter was stopped
 *  or a stronger one began.
 */
class receiver
{
public:
    /*! \param false_alarm     probability a sample of noise, 1e-15 .. 1e-2
     *  \param timeout_samples after a frame until an incomplete image is released without the rest
     *  Throws std::invalid_argument.
     */
    receiver(const frame_params& params,
             double false_alarm,
             uint64_t timeout_samples,
             equalizer output = equalizer::zero_forcing);

    void push(const cf* samples, size_t count, receiver_listener& listener);

    //! Releases the image under assembly, if there is one, with what has arrived of it.
    void flush(receiver_listener& listener);

    const receiver_counters& counters() const { return d_counters; }

private:
    enum class state { searching, header };
    static constexpr int64_t no_frame = std::numeric_limits<int64_t>::max();

    void append(const cf* samples, size_t count);
    void make_room();
    void process(receiver_listener& listener);
    void search(receiver_listener& listener);
    void read_header(receiver_listener& listener);
    void finish_frame(int64_t end, receiver_listener& listener);
    int64_t next_step() const;
    frame_report report(bool header_ok, int64_t p1, const demodulator& by) const;

    bool available(int64_t end) const { return end <= d_buffer_start + static_cast<int64_t>(d_filled); }
    const cf* at(int64_t position) const { return d_buffer.data() + (position - d_buffer_start); }

    const frame_params d_params;
    const preamble d_preamble;
    detector d_detector;
    std::unique_ptr<demodulator> d_payload, d_probe; //!< of the frame at hand; of a preamble found meanwhile
    assembler d_assembler;
    const int64_t d_timeout;
    const equalizer d_output;
    receiver_counters d_counters;

    buffer<cf> d_buffer;         // samples from position d_buffer_start on
    int64_t d_buffer_start;
    size_t d_filled;
    state d_state = state::searching;
    int64_t d_search_from = 0;   // no preamble begins before it that is not dealt with
    int64_t d_found = 0;         // where P lies in the preamble whose header is to be read
    int64_t d_p1 = 0;            // where it lies in the frame at hand
    int64_t d_frame_end = no_frame;
    int64_t d_last_frame_end = 0;
    header d_header;             // of the frame at hand
    buffer<cf> d_symbols;
    buffer<float> d_noise_var;
};

} // namespace semcom::phy
