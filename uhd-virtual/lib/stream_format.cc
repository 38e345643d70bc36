// SPDX-License-Identifier: GPL-3.0-or-later
#include "stream_format.h"

#include <uhd/exception.hpp>

#include <algorithm>

namespace uhd_virtual {

namespace {

constexpr auto device_format = "sc16_chdr"; // I and Q as 16-bit integers in the order of the host
constexpr double integer_full_scale = 32767;

uhd::convert::converter::sptr make_converter(const uhd::stream_args_t& args, direction which)
{
    if (!args.otw_format.empty() && args.otw_format != "sc16")
        throw uhd::value_error("virtual USRP: the over-the-wire format must be sc16, not " + args.otw_format + ".");
    uhd::convert::id_type id;
    id.num_inputs = id.num_outputs = 1;
    id.input_format = which == direction::transmit ? args.cpu_format : device_format;
    id.output_format = which == direction::transmit ? device_format : args.cpu_format;
    const auto converter = uhd::convert::get_converter(id)();
    const double full_scale = args.args.cast<double>("fullscale", 1.0);
    if (!(full_scale > 0))
        throw uhd::value_error("virtual USRP: the stream argument fullscale must be above 0.");
    converter->set_scalar(which == direction::transmit ? integer_full_scale / full_scale
                                                       : full_scale / integer_full_scale);
    return converter;
}

std::vector<size_t> front_ends(const std::vector<size_t>& channels, const std::vector<size_t>& mapping)
{
    std::vector<size_t> result;
    for (const size_t channel : channels.empty() ? std::vector<size_t>{ 0 } : channels) {
        if (channel >= mapping.size())
            throw uhd::value_error("virtual USRP: there is no channel " + std::to_string(channel) +
                                   " in the subdev spec.");
        if (std::count(result.begin(), result.end(), mapping[channel]))
            throw uhd::value_error("virtual USRP: a stream cannot have the same channel twice.");
        result.push_back(mapping[channel]);
    }
    return result;
}

} // namespace

stream_format::stream_format(radio& of, const uhd::stream_args_t& args, direction which)
    : channels(front_ends(args.channels, which == direction::transmit ? of.tx_mapping : of.rx_mapping)),
      converter(make_converter(args, which)),
      bytes_per_item(uhd::convert::get_bytes_per_item(args.cpu_format))
{
    front_end* ends = which == direction::transmit ? of.tx : of.rx;
    rate = ends[channels[0]].rate;
    for (const size_t channel : channels)
        if (ends[channel].rate != rate)
            throw uhd::value_error("virtual USRP: the channels of a stream must have one sample rate.");
    for (const size_t channel : channels)
        marks.emplace_back(ends[channel]);
    const size_t most = which == direction::transmit ? of.configured.send_packet_samples()
                                                     : of.configured.recv_packet_samples();
    packet_samples = std::clamp<size_t>(args.args.cast<size_t>("spp", most), 1, most);
}

} // namespace uhd_virtual
