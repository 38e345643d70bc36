/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "channel.h"
#include "zmq_link.h"

#include <cmath>
#include <map>
#include <mutex>
#include <stdexcept>

namespace semcom::loopback {

namespace {

struct local_channel {
    sample_queue queue;
    double samp_rate[2] = { 0, 0 }; // of the sink and the source; 0: not there
};

std::mutex registry_mutex; // guards the registry and the rates in it
std::map<std::string, std::weak_ptr<local_channel>> registry;

class local_endpoint : public endpoint
{
public:
    local_endpoint(const std::string& name, role end, double samp_rate) : d_end(static_cast<int>(end))
    {
        const std::lock_guard<std::mutex> lock(registry_mutex);
        d_channel = registry[name].lock();
        if (!d_channel)
            registry[name] = d_channel = std::make_shared<local_channel>();
        const double other_rate = d_channel->samp_rate[1 - d_end];
        if (d_channel->samp_rate[d_end] != 0)
            throw std::invalid_argument("channel \"" + name + "\" already has a loopback " +
                                        (end == role::sink ? "sink" : "source") +
                                        "; give this one an address of its own");
        if (other_rate != 0 && other_rate != samp_rate)
            throw std::invalid_argument("the other end of channel \"" + name + "\" runs at " +
                                        std::to_string(other_rate) + " samples/s; set samp_rate to that");
        d_channel->samp_rate[d_end] = samp_rate;
    }

    ~local_endpoint() override
    {
        const std::lock_guard<std::mutex> lock(registry_mutex);
        d_channel->samp_rate[d_end] = 0;
    }

    sample_queue& queue() override { return d_channel->queue; }

private:
    const int d_end;
    std::shared_ptr<local_channel> d_channel;
};

} // namespace

std::unique_ptr<endpoint> open_channel(const std::string& address, role end, double samp_rate)
{
    if (!(samp_rate > 0 && std::isfinite(samp_rate)))
        throw std::invalid_argument("samp_rate must be above 0 samples/s");
    if (address.empty())
        throw std::invalid_argument("address is empty: give a name, tcp://HOST:PORT or ipc://FILE");
    if (address.find("://") == std::string::npos)
        return std::make_unique<local_endpoint>(address, end, samp_rate);
    if (address.rfind("tcp://", 0) == 0 || address.rfind("ipc://", 0) == 0)
        return std::make_unique<zmq_endpoint>(address, end, samp_rate);
    throw std::invalid_argument("address \"" + address + "\" is neither a name nor tcp://HOST:PORT nor ipc://FILE");
}

} // namespace semcom::loopback
