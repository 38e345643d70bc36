/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "loopback_source_impl.h"

#include <gnuradio/io_signature.h>

#include <stdexcept>

namespace gr {
namespace semcom {

using ::semcom::loopback::burst_draw;
using ::semcom::loopback::impairments;
using ::semcom::loopback::open_channel;
using ::semcom::loopback::role;

namespace {

const pmt::pmt_t command_port = pmt::mp("command");
const pmt::pmt_t rx_time_key = pmt::mp("rx_time");
const pmt::pmt_t rx_rate_key = pmt::mp("rx_rate");
const pmt::pmt_t burst_key = pmt::mp("loopback_burst");
const pmt::pmt_t index_key = pmt::mp("index");
const pmt::pmt_t cfo_key = pmt::mp("cfo_hz");
const pmt::pmt_t phase_key = pmt::mp("phase_rad");
const pmt::pmt_t delay_key = pmt::mp("delay_samples");

} // namespace

loopback_source::sptr loopback_source::make(const std::string& address,
                                            double samp_rate,
                                            double snr_db,
                                            double cfo_hz,
                                            double cfo_spread_hz,
                                            double max_delay_samples,
                                            bool random_phase,
                                            const std::vector<gr_complex>& taps,
                                            const std::string& fading,
                                            uint64_t seed)
{
    const impairments settings = { snr_db, cfo_hz, cfo_spread_hz, max_delay_samples, random_phase, taps, fading };
    return gnuradio::make_block_sptr<loopback_source_impl>(address, samp_rate, settings, seed);
}

loopback_source_impl::loopback_source_impl(const std::string& address,
                                           double samp_rate,
                                           const impairments& settings,
                                           uint64_t seed)
    : gr::sync_block("loopback_source",
                     gr::io_signature::make(0, 0, 0),
                     gr::io_signature::make(1, 1, sizeof(gr_complex))),
      d_samp_rate(samp_rate),
      d_id(pmt::mp(alias())),
      d_endpoint(open_channel(address, role::source, samp_rate)),
      d_listener(d_endpoint->queue(), samp_rate, settings, seed)
{
    message_port_register_in(command_port);
    set_msg_handler(command_port, [this](const pmt::pmt_t& message) { command(message); });
}

int loopback_source_impl::work(int noutput_items,
                               gr_vector_const_void_star&,
                               gr_vector_void_star& output_items)
{
    const auto made = d_listener.produce(static_cast<gr_complex*>(output_items[0]), noutput_items);
    if (nitems_written(0) == 0)
        tag_first_sample();
    if (made.burst_starts)
        tag_burst();
    warn_if_refused();
    return made.samples;
}

void loopback_source_impl::tag_first_sample()
{
    add_item_tag(0, 0, rx_time_key, pmt::make_tuple(pmt::from_uint64(0), pmt::from_double(0)), d_id);
    add_item_tag(0, 0, rx_rate_key, pmt::from_double(d_samp_rate), d_id);
}

void loopback_source_impl::tag_burst()
{
    const burst_draw& burst = d_listener.burst();
    pmt::pmt_t drawn = pmt::make_dict();
    drawn = pmt::dict_add(drawn, index_key, pmt::from_uint64(burst.index));
    drawn = pmt::dict_add(drawn, cfo_key, pmt::from_double(burst.cfo_hz));
    drawn = pmt::dict_add(drawn, phase_key, pmt::from_double(burst.phase_rad));
    drawn = pmt::dict_add(drawn, delay_key, pmt::from_double(burst.delay_samples));
    add_item_tag(0, nitems_written(0), burst_key, drawn, d_id);
}

void loopback_source_impl::warn_if_refused()
{
    if (d_refused_warned || d_endpoint->refused() == 0)
        return;
    d_logger->warn("dropped a ZeroMQ message that no loopback_sink of {} samples/s sent", d_samp_rate);
    d_refused_warned = true;
}

void loopback_source_impl::command(const pmt::pmt_t& message)
try {
    if (pmt::is_dict(message)) { // which is a pair too
        const pmt::pmt_t items = pmt::dict_items(message);
        for (std::size_t i = 0; i < pmt::length(items); i++)
            apply(pmt::symbol_to_string(pmt::car(pmt::nth(i, items))), pmt::cdr(pmt::nth(i, items)));
    } else if (pmt::is_pair(message)) {
        apply(pmt::symbol_to_string(pmt::car(message)), pmt::cdr(message));
    } else {
        throw std::invalid_argument("neither a dictionary nor a pair");
    }
} catch (const std::exception& problem) {
    d_logger->warn("command dropped: {}", problem.what());
}

void loopback_source_impl::apply(const std::string& name, const pmt::pmt_t& value)
try {
    if (name == "snr_db")
        set_snr_db(pmt::to_double(value));
    else if (name == "cfo_hz")
        set_cfo_hz(pmt::to_double(value));
    else if (name == "cfo_spread_hz")
        set_cfo_spread_hz(pmt::to_double(value));
    else if (name == "max_delay_samples")
        set_max_delay_samples(pmt::to_double(value));
    else if (name == "random_phase")
        set_random_phase(pmt::to_bool(value));
    else if (name == "taps")
        set_taps(pmt::c32vector_elements(value));
    else if (name == "fading")
        set_fading(pmt::symbol_to_string(value));
    else
        throw std::invalid_argument("there is no setting \"" + name + "\"");
} catch (const pmt::wrong_type&) {
    throw std::invalid_argument("the value of \"" + name + "\" has the wrong type");
}

// Qt ends the process when a setter throws in one of its handlers.
void loopback_source_impl::change(const std::function<void(impairments&)>& edit)
try {
    d_listener.change(edit);
} catch (const std::invalid_argument& problem) {
    d_logger->warn("the setting stays as it was: {}", problem.what());
}

void loopback_source_impl::set_snr_db(double snr_db)
{
    change([&](impairments& s) { s.snr_db = snr_db; });
}

void loopback_source_impl::set_cfo_hz(double cfo_hz)
{
    change([&](impairments& s) { s.cfo_hz = cfo_hz; });
}

void loopback_source_impl::set_cfo_spread_hz(double cfo_spread_hz)
{
    change([&](impairments& s) { s.cfo_spread_hz = cfo_spread_hz; });
}

void loopback_source_impl::set_max_delay_samples(double max_delay_samples)
{
    change([&](impairments& s) { s.max_delay_samples = max_delay_samples; });
}

void loopback_source_impl::set_random_phase(bool random_phase)
{
    change([&](impairments& s) { s.random_phase = random_phase; });
}

void loopback_source_impl::set_taps(const std::vector<gr_complex>& taps)
{
    change([&](impairments& s) { s.taps = taps; });
}

void loopback_source_impl::set_fading(const std::string& fading)
{
    change([&](impairments& s) { s.fading = fading; });
}

} // namespace semcom
} // namespace gr
