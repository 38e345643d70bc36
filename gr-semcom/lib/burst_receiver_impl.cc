/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "burst_receiver_impl.h"

#include <gnuradio/io_signature.h>
#include <volk/volk.h>

#include <cmath>
#include <stdexcept>

namespace gr {
namespace semcom {

namespace phy = ::semcom::phy;

namespace {

const pmt::pmt_t images_port = pmt::mp("images");
const pmt::pmt_t previews_port = pmt::mp("previews");
const pmt::pmt_t frames_port = pmt::mp("frames");
const pmt::pmt_t carriers_port = pmt::mp("carriers");
const pmt::pmt_t flush_port = pmt::mp("flush");

class dict
{
public:
    dict& add(const char* key, const pmt::pmt_t& value)
    {
        d_dict = pmt::dict_add(d_dict, pmt::mp(key), value);
        return *this;
    }
    dict& add(const char* key, double value) { return add(key, pmt::from_double(value)); }
    dict& add(const char* key, long value) { return add(key, pmt::from_long(value)); }
    const pmt::pmt_t& get() const { return d_dict; }

private:
    pmt::pmt_t d_dict = pmt::make_dict();
};

double checked_rate(double samp_rate)
{
    if (!(std::isfinite(samp_rate) && samp_rate > 0))
        throw std::invalid_argument("samp_rate must be finite and above 0");
    return samp_rate;
}

uint64_t timeout_samples(double timeout_s, double samp_rate)
{
    if (!(timeout_s > 0 && timeout_s * samp_rate < 1e18))
        throw std::invalid_argument("timeout_s must be above 0 s and finite");
    return static_cast<uint64_t>(timeout_s * samp_rate);
}

phy::equalizer equalizer_of(const std::string& name)
{
    if (name == "zero_forcing")
        return phy::equalizer::zero_forcing;
    if (name == "mmse")
        return phy::equalizer::mmse;
    throw std::invalid_argument("equalizer must be zero_forcing or mmse, not " + name);
}

} // namespace

burst_receiver::sptr burst_receiver::make(double samp_rate,
                                          double timeout_s,
                                          double false_alarm,
                                          const std::string& preset,
                                          const std::string& equalizer)
{
    return gnuradio::make_block_sptr<burst_receiver_impl>(samp_rate, timeout_s, false_alarm, preset, equalizer);
}

burst_receiver_impl::burst_receiver_impl(double samp_rate,
                                         double timeout_s,
                                         double false_alarm,
                                         const std::string& preset,
                                         const std::string& equalizer)
    : gr::sync_block("burst_receiver",
                     gr::io_signature::make(1, 1, sizeof(gr_complex)),
                     gr::io_signature::make(0, 0, 0)),
      d_samp_rate(checked_rate(samp_rate)),
      d_receiver(phy::preset(preset), false_alarm, timeout_samples(timeout_s, samp_rate), equalizer_of(equalizer))
{
    message_port_register_out(images_port);
    message_port_register_out(previews_port);
    message_port_register_out(frames_port);
    message_port_register_out(carriers_port);
    message_port_register_in(flush_port);
    set_msg_handler(flush_port, [this](const pmt::pmt_t&) {
        d_receiver.flush(*this);
        show_counters();
    });
}

int burst_receiver_impl::work(int noutput_items, gr_vector_const_void_star& input_items, gr_vector_void_star&)
{
    count_gaps(noutput_items);
    const uint64_t bad_before = d_receiver.counters().nonfinite_samples;
    d_receiver.push(static_cast<const gr_complex*>(input_items[0]), noutput_items, *this);
    if (bad_before == 0 && d_receiver.counters().nonfinite_samples > 0)
        d_logger->warn("samples that are NaN or infinite came in: they count as 0");
    show_counters();
    return noutput_items;
}

//! A radio dates its first sample, and the first one after some were lost.
void burst_receiver_impl::count_gaps(int samples)
{
    static const pmt::pmt_t date = pmt::mp("rx_time");
    get_tags_in_window(d_tags, 0, 0, samples, date);
    for (size_t i = 0; i < d_tags.size(); ++i) {
        d_gaps += d_dated;
        d_dated = true;
    }
}

void burst_receiver_impl::show_counters()
{
    std::lock_guard<std::mutex> lock(d_counters_mutex);
    d_counters = d_receiver.counters();
}

void burst_receiver_impl::on_frame(const phy::frame_report& report)
{
    dict message;
    if (report.header_ok)
        message.add("image_id", long{ report.head.image.image_id })
            .add("fragment", long{ report.head.fragment })
            .add("fragments", long{ report.head.fragments })
            .add("evm_percent", report.evm_percent);
    else
        message.add("header_failed", pmt::PMT_T);
    message.add("sample", pmt::from_uint64(report.sample))
        .add("snr_db", report.snr_db)
        .add("cfo_hz", hertz(report.cfo));
    message_port_pub(frames_port, message.get());
}

void burst_receiver_impl::on_image(const phy::received_image& image)
{
    message_port_pub(images_port, pdu(image));
}

void burst_receiver_impl::on_preview(const phy::received_image& image)
{
    if (pmt::is_null(message_subscribers(previews_port))) // spares the copy
        return;
    const pmt::pmt_t as_image = pdu(image);
    const pmt::pmt_t meta = pmt::dict_add(pmt::car(as_image), pmt::mp("preview"), pmt::PMT_T);
    message_port_pub(previews_port, pmt::cons(meta, pmt::cdr(as_image)));
}

void burst_receiver_impl::on_carriers(const gr_complex* carriers, size_t count, float gain)
{
    if (count == 0 || pmt::is_null(message_subscribers(carriers_port)))
        return;
    d_carriers.resize(count);
    volk_32f_s32f_multiply_32f(reinterpret_cast<float*>(d_carriers.data()),
                               reinterpret_cast<const float*>(carriers),
                               1 / gain,
                               2 * count);
    message_port_pub(carriers_port, pmt::cons(pmt::make_dict(), pmt::init_c32vector(count, d_carriers.data())));
}

pmt::pmt_t burst_receiver_impl::pdu(const phy::received_image& image) const
{
    dict meta;
    meta.add("image_id", long{ image.info.image_id })
        .add("codec_id", long{ image.info.codec_id })
        .add("height", long{ image.info.height })
        .add("width", long{ image.info.width })
        .add("scale", image.info.scale)
        .add("snr_db", image.snr_db)
        .add("cfo_hz", hertz(image.cfo))
        .add("fragments", long{ image.fragments })
        .add("fragments_lost", long{ image.fragments_lost })
        .add("noise_var", pmt::init_f32vector(image.noise_var.size(), image.noise_var.data()));
    return pmt::cons(meta.get(), pmt::init_c32vector(image.symbols.size(), image.symbols.data()));
}

phy::receiver_counters burst_receiver_impl::counters() const
{
    std::lock_guard<std::mutex> lock(d_counters_mutex);
    return d_counters;
}

double burst_receiver_impl::hertz(double rad_per_sample) const
{
    return rad_per_sample * d_samp_rate / (2 * M_PI);
}

} // namespace semcom
} // namespace gr
