// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <uhd/types/device_addr.hpp>

#include <complex>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace uhd_virtual {

/*! What the device arguments say; README.md has the table of them. */
struct settings {
    std::string serial = "VIRTUAL0";
    std::string name;
    std::string air;               //!< "/name" in shared memory, or empty: the air of this process alone
    std::optional<double> speed;   //!< seconds of the air a second of the host; unset: as the air is, or else 1
    double time_offset_s = 0;      //!< device time when the air began
    double clock_ppm = 0;          //!< how much faster this device's clock is than the air's

    // What happens to the signals that this device receives, in this order
    double loss_db = 40;           //!< between any transmitter and this receiver
    double delay_us = 0;
    std::vector<std::complex<float>> taps = { 1.0f }; //!< impulse response, one tap a sample
    double noise_figure_db = 7;
    double cfo_hz = 0;             //!< what is received lies that much too high
    double phase_noise_deg = 0;    //!< rms of the oscillator's phase
    double phase_noise_corner_hz = 100e3;
    double iq_gain_db = 0;         //!< of Q against I
    double iq_phase_deg = 0;       //!< by which the mixers of I and Q miss 90 degrees
    double seed = 1;               //!< of the noise

    std::string record;            //!< SigMF recording to write
    std::string replay;            //!< SigMF recording to receive in place of the air

    double unplug_after_s = std::numeric_limits<double>::infinity(); //!< of samples on a stream

    std::optional<double> master_clock_rate;
    double recv_frame_size = 8176; //!< bytes; with the frame counts these are the buffers of the device
    double num_recv_frames = 128;
    double send_frame_size = 8176;
    double num_send_frames = 32;

    size_t recv_packet_samples() const;
    size_t send_packet_samples() const;
    int64_t recv_buffer_samples() const; //!< a reader that is further behind has an overflow
    int64_t samples_until_unplugged(double rate) const;
    int64_t send_buffer_samples() const; //!< send() runs ahead of the antenna by no more
};

/*! Reads the device arguments.
 *
 *  \throws uhd::value_error with one sentence, for a key that is unknown or a value that is malformed or out of range
 */
settings parse_settings(const uhd::device_addr_t& args);

} // namespace uhd_virtual
