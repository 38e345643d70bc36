// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "radio.h"

#include <uhd/device.hpp>

namespace uhd_virtual {

/*! The USRP: a property tree as that of a B210, which multi_usrp works on, and the streamers. */
class device : public uhd::device
{
public:
    //! \throws uhd::exception with one sentence if the arguments or the air do not allow it
    explicit device(const uhd::device_addr_t& args);

    uhd::rx_streamer::sptr get_rx_stream(const uhd::stream_args_t& args) override;
    uhd::tx_streamer::sptr get_tx_stream(const uhd::stream_args_t& args) override;
    bool recv_async_msg(uhd::async_metadata_t& message, double timeout) override;

private:
    void build_motherboard();
    void build_time();
    void build_subdev_spec(const std::string& prefix, std::vector<size_t>& mapping);
    void build_dsp(const uhd::fs_path& path, front_end& end);
    void build_front_end(const uhd::fs_path& path, front_end& end, bool transmits, const std::string& name);
    void issue_stream_cmd(size_t channel, const uhd::stream_cmd_t& command);
    double set_master_clock(double hz);
    double set_rate(front_end& end, double rate);

    const std::shared_ptr<radio> d_radio;
    double d_master_clock;
    bool d_automatic_clock;
    std::weak_ptr<uhd::rx_streamer> d_rx_streams[radio::channels];
    std::weak_ptr<uhd::tx_streamer> d_tx_stream; // the last one made
};

} // namespace uhd_virtual
