/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "burst_transmitter_impl.h"

#include <gnuradio/block_detail.h>
#include <gnuradio/io_signature.h>
#include <volk/volk.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

namespace gr {
namespace semcom {

namespace phy = ::semcom::phy;

namespace {

const pmt::pmt_t symbols_port = pmt::mp("symbols");
const pmt::pmt_t sent_port = pmt::mp("sent");
const pmt::pmt_t image_id_key = pmt::mp("image_id");

// How long work() sleeps at most until the scheduler looks around again; as long as the scheduler itself does.
constexpr auto longest_wait = boost::chrono::milliseconds(250);

constexpr float largest = 1e6f; // part of a symbol; far above, an FFT would overflow

struct bad_pdu : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

long integer(const pmt::pmt_t& meta, const char* key, long low, long high)
{
    const pmt::pmt_t value = pmt::dict_ref(meta, pmt::mp(key), pmt::PMT_NIL);
    if (!pmt::is_integer(value) || pmt::to_long(value) < low || pmt::to_long(value) > high)
        throw bad_pdu(std::string(key) + " is not an integer from " + std::to_string(low) + " to " +
                      std::to_string(high));
    return pmt::to_long(value);
}

phy::image_info parse(const pmt::pmt_t& pdu)
{
    if (!pmt::is_pair(pdu) || !pmt::is_dict(pmt::car(pdu)))
        throw bad_pdu("it is no pair of metadata and vector");
    const pmt::pmt_t meta = pmt::car(pdu), symbols = pmt::cdr(pdu);
    if (!pmt::is_c32vector(symbols))
        throw bad_pdu("its vector is no c32vector");
    const pmt::pmt_t scale = pmt::dict_ref(meta, pmt::mp("scale"), pmt::PMT_NIL);
    if (!pmt::is_real(scale))
        throw bad_pdu("scale is no real number");

    phy::image_info info;
    info.image_id = integer(meta, "image_id", 0, 65535);
    info.codec_id = integer(meta, "codec_id", 0, 65535);
    info.height = integer(meta, "height", 1, phy::max_image_side);
    info.width = integer(meta, "width", 1, phy::max_image_side);
    info.scale = pmt::to_double(scale);
    info.symbols = static_cast<uint32_t>(std::min<size_t>(pmt::length(symbols), phy::max_image_symbols + 1));
    return info;
}

bool can_be_amplitude(float amplitude) { return std::isfinite(amplitude) && amplitude > 0; }

float checked_amplitude(float amplitude)
{
    if (!can_be_amplitude(amplitude))
        throw std::invalid_argument("amplitude must be finite and above 0");
    return amplitude;
}

//! Image ids begin at 0 with each start of a source; where frames are counted from tells the starts apart.
uint8_t any_sequence() { return static_cast<uint8_t>(std::random_device{}()); }

pmt::pmt_t checked_key(const std::string& length_tag)
{
    if (length_tag.empty())
        throw std::invalid_argument("length_tag must not be empty");
    return pmt::mp(length_tag);
}

phy::burst_shape shape_of(const std::string& waveform, double peak_limit_db, int ramp_samples, int gap_samples)
{
    phy::burst_shape shape;
    if (waveform == "dft_spread")
        shape.payload = phy::waveform::dft_spread;
    else if (waveform != "ofdm")
        throw std::invalid_argument("waveform must be ofdm or dft_spread, not " + waveform);
    shape.peak_limit_db = peak_limit_db;
    shape.ramp_samples = ramp_samples;
    shape.gap_samples = gap_samples;
    return shape;
}

} // namespace

burst_transmitter::sptr burst_transmitter::make(float amplitude,
                                                uint32_t fragment_symbols,
                                                const std::string& length_tag,
                                                const std::string& preset,
                                                const std::string& waveform,
                                                double peak_limit_db,
                                                int ramp_samples,
                                                int gap_samples)
{
    return gnuradio::make_block_sptr<burst_transmitter_impl>(
        amplitude, fragment_symbols, length_tag, preset, shape_of(waveform, peak_limit_db, ramp_samples, gap_samples));
}

burst_transmitter_impl::burst_transmitter_impl(float amplitude,
                                               uint32_t fragment_symbols,
                                               const std::string& length_tag,
                                               const std::string& preset,
                                               const phy::burst_shape& shape)
    : gr::sync_block("burst_transmitter",
                     gr::io_signature::make(0, 0, 0),
                     gr::io_signature::make(1, 1, sizeof(gr_complex))),
      d_transmitter(phy::preset(preset), fragment_symbols, shape, any_sequence()),
      d_length_key(checked_key(length_tag)),
      d_amplitude(checked_amplitude(amplitude)),
      d_burst(d_transmitter.max_burst_samples())
{
    message_port_register_in(symbols_port); // no handler: work() takes the messages when it has room for them
    message_port_register_out(sent_port);
}

void burst_transmitter_impl::set_amplitude(float amplitude)
{
    if (can_be_amplitude(amplitude))
        d_amplitude = amplitude;
    else
        d_logger->warn("amplitude must be finite and above 0, not {}: it stays {}", amplitude, d_amplitude.load());
}

int burst_transmitter_impl::work(int noutput_items, gr_vector_const_void_star&, gr_vector_void_star& output_items)
{
    auto* out = static_cast<gr_complex*>(output_items[0]);
    if (d_burst_sent == d_burst_length && !next_burst())
        return 0;
    if (d_burst_sent == 0)
        add_item_tag(0, nitems_written(0), d_length_key, pmt::from_long(d_burst_length), alias_pmt());
    const size_t count = std::min<size_t>(noutput_items, d_burst_length - d_burst_sent);
    std::copy_n(d_burst.data() + d_burst_sent, count, out);
    d_burst_sent += count;
    if (d_burst_sent == d_burst_length)
        finish_burst();
    return static_cast<int>(count);
}

bool burst_transmitter_impl::next_burst()
{
    if (d_next_fragment == d_fragments && !wait_for_image())
        return false;
    d_burst_length = d_transmitter.burst_samples(d_next_fragment);
    d_burst_sent = 0;
    d_transmitter.burst(d_next_fragment++, d_burst.data());
    volk_32f_s32f_multiply_32f(reinterpret_cast<float*>(d_burst.data()),
                               reinterpret_cast<const float*>(d_burst.data()),
                               d_amplitude,
                               2 * d_burst_length);
    return true;
}

//! False if the scheduler should look first whether something else has happened.
bool burst_transmitter_impl::wait_for_image()
{
    pmt::pmt_t pdu = delete_head_nowait(symbols_port);
    if (!pdu) {
        sleep_until_a_message();
        pdu = delete_head_nowait(symbols_port);
    }
    for (; pdu; pdu = delete_head_nowait(symbols_port)) {
        try {
            load(pdu);
            return true;
        } catch (const bad_pdu& error) {
            ++d_dropped;
            d_logger->warn("dropped a symbols PDU: {}", error.what());
        }
    }
    return false;
}

// A source that returns without output is called again at once, so it sleeps here, on what the scheduler signals for
// every message. The port's queue must not be touched meanwhile: who posts holds its lock and asks for this one.
void burst_transmitter_impl::sleep_until_a_message()
{
    tpb_detail& scheduler = detail()->d_tpb;
    gr::thread::scoped_lock guard(scheduler.mutex);
    scheduler.input_cond.wait_for(guard, longest_wait, [&] { return scheduler.input_changed; });
}

void burst_transmitter_impl::load(const pmt::pmt_t& pdu)
{
    const phy::image_info info = parse(pdu);
    if (const char* why = d_transmitter.refuse(info))
        throw bad_pdu(why);
    size_t length = 0;
    const gr_complex* symbols = pmt::c32vector_elements(pmt::cdr(pdu), length);
    const auto usable = [](gr_complex s) { return std::abs(s.real()) < largest && std::abs(s.imag()) < largest; };
    if (!std::all_of(symbols, symbols + length, usable))
        throw bad_pdu("a symbol is NaN, infinite or above 10^6");
    d_transmitter.load(info, symbols);
    d_image_id = info.image_id;
    d_image_samples = 0;
    d_next_fragment = 0;
    d_fragments = d_transmitter.bursts();
}

void burst_transmitter_impl::finish_burst()
{
    ++d_frames;
    d_image_samples += d_burst_length;
    if (d_next_fragment < d_fragments)
        return;
    ++d_images;
    pmt::pmt_t sent = pmt::make_dict();
    sent = pmt::dict_add(sent, image_id_key, pmt::from_long(d_image_id));
    sent = pmt::dict_add(sent, pmt::mp("samples"), pmt::from_uint64(d_image_samples));
    message_port_pub(sent_port, sent);
}

} // namespace semcom
} // namespace gr
