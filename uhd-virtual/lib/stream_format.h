// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "radio.h"

#include <uhd/convert.hpp>
#include <uhd/stream.hpp>

#include <memory>
#include <string>
#include <vector>

namespace uhd_virtual {

enum class direction { receive, transmit };

/*! What the stream arguments of either direction say. */
struct stream_format {
    /*! \throws uhd::value_error for arguments that a stream cannot have
     *  \throws uhd::key_error for a CPU format that UHD cannot convert
     */
    stream_format(const radio& of, const uhd::stream_args_t& args, direction which);

    std::vector<size_t> channels; //!< indices of front ends
    double rate;
    size_t packet_samples;
    uhd::convert::converter::sptr converter;
    size_t bytes_per_item; //!< on the side of the host
};

} // namespace uhd_virtual
