/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_SOURCE_IMPL_H
#define INCLUDED_SEMCOM_LOOPBACK_SOURCE_IMPL_H

#include "loopback/channel.h"
#include "loopback/listener.h"

#include <gnuradio/semcom/loopback_source.h>

namespace gr {
namespace semcom {

class loopback_source_impl : public loopback_source
{
public:
    loopback_source_impl(const std::string& address,
                         double samp_rate,
                         const ::semcom::loopback::impairments& settings,
                         uint64_t seed);

    int work(int noutput_items,
             gr_vector_const_void_star& input_items,
             gr_vector_void_star& output_items) override;

    void set_snr_db(double snr_db) override;
    void set_cfo_hz(double cfo_hz) override;
    void set_cfo_spread_hz(double cfo_spread_hz) override;
    void set_max_delay_samples(double max_delay_samples) override;
    void set_random_phase(bool random_phase) override;
    void set_taps(const std::vector<gr_complex>& taps) override;
    void set_fading(const std::string& fading) override;

    double snr_db() const override { return d_listener.settings().snr_db; }
    double cfo_hz() const override { return d_listener.settings().cfo_hz; }
    double cfo_spread_hz() const override { return d_listener.settings().cfo_spread_hz; }
    double max_delay_samples() const override { return d_listener.settings().max_delay_samples; }
    bool random_phase() const override { return d_listener.settings().random_phase; }
    std::vector<gr_complex> taps() const override { return d_listener.settings().taps; }
    std::string fading() const override { return d_listener.settings().fading; }

    uint64_t refused_messages() const override { return d_endpoint->refused(); }

private:
    void command(const pmt::pmt_t& message);
    void apply(const std::string& name, const pmt::pmt_t& value);
    void change(const std::function<void(::semcom::loopback::impairments&)>& edit);
    void tag_first_sample();
    void tag_burst();
    void warn_if_refused();

    const double d_samp_rate;
    const pmt::pmt_t d_id;
    const std::unique_ptr<::semcom::loopback::endpoint> d_endpoint;
    ::semcom::loopback::listener d_listener;
    bool d_refused_warned = false;
};

} // namespace semcom
} // namespace gr

#endif /* INCLUDED_SEMCOM_LOOPBACK_SOURCE_IMPL_H */
