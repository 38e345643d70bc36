// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "radio.h"

#include <uhd/convert.hpp>
#include <uhd/stream.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace uhd_virtual {

enum class direction { receive, transmit };

//! Counts an open stream in front_end::streams.
class stream_mark
{
public:
    explicit stream_mark(front_end& of) : d_of(&of) { ++d_of->streams; }
    stream_mark(stream_mark&& other) noexcept : d_of(std::exchange(other.d_of, nullptr)) {}
    ~stream_mark()
    {
        if (d_of)
            --d_of->streams;
    }

private:
    front_end* d_of;
};

/*! What the stream arguments of either direction say. */
struct stream_format {
    /*! \throws uhd::value_error for arguments that a stream cannot have
     *  \throws uhd::key_error for a CPU format that UHD cannot convert
     */
    stream_format(radio& of, const uhd::stream_args_t& args, direction which);

    std::vector<size_t> channels; //!< indices of front ends
    std::vector<stream_mark> marks; //!< of the same
    double rate;
    size_t packet_samples;
    uhd::convert::converter::sptr converter;
    size_t bytes_per_item; //!< on the side of the host
};

} // namespace uhd_virtual
