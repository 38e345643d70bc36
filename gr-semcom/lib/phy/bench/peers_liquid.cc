// SPDX-License-Identifier: GPL-3.0-or-later
// liquid-dsp's burst modems behind the interface of the benchmark, each as its own examples use it.
#include "modem.h"

#include <liquid/liquid.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bench {

namespace {

double energy(const samples& in)
{
    double sum = 0;
    for (const cf& sample : in)
        sum += std::norm(sample);
    return sum;
}

/*! framesync64: 64 preamble symbols, a QPSK payload of 600 coded symbols with 30 pilots, all fixed. */
class framesync64_modem : public modem
{
public:
    framesync64_modem()
        : d_generator(framegen64_create()), d_synchroniser(framesync64_create(callback, this))
    {
    }
    ~framesync64_modem() override
    {
        framegen64_destroy(d_generator);
        framesync64_destroy(d_synchroniser);
    }

    std::string name() const override { return "liquid framesync64"; }
    size_t payload_symbols() const override { return 600; }
    double symbol_energy() const override { return d_symbol_energy; }

    samples burst(samples& payload, rng& random) override
    {
        unsigned char header[8], bytes[64];
        std::generate(std::begin(header), std::end(header), [&] { return static_cast<unsigned char>(random()); });
        std::generate(std::begin(bytes), std::end(bytes), [&] { return static_cast<unsigned char>(random()); });
        samples out(LIQUID_FRAME64_LEN);
        framegen64_execute(d_generator, header, bytes, out.data());
        // Its symbols are those that it receives without noise.
        outcome clean;
        samples padded(out);
        padded.resize(out.size() + 400);
        reset();
        push(padded, clean);
        reset();
        payload = clean.symbols;
        d_symbol_energy = energy(samples(out.begin() + 200, out.begin() + 1200)) / 500; // two samples a symbol
        return out;
    }

    void push(const samples& stream, outcome& result) override
    {
        d_result = &result;
        framesync64_execute(d_synchroniser, const_cast<cf*>(stream.data()), stream.size());
    }
    void reset() override { framesync64_reset(d_synchroniser); }

private:
    static int callback(unsigned char*, int header_valid, unsigned char*, unsigned int, int, framesyncstats_s stats,
                        void* self)
    {
        outcome& result = *static_cast<framesync64_modem*>(self)->d_result;
        ++result.detections;
        result.headers += header_valid;
        ++result.payloads;
        result.symbols.assign(stats.framesyms, stats.framesyms + stats.num_framesyms);
        return 0;
    }

    framegen64 d_generator;
    framesync64 d_synchroniser;
    outcome* d_result = nullptr;
    double d_symbol_energy = 1;
};

/*! qdetector and qpilotsync with root-raised-cosine pulses, two samples a symbol, as liquid's framesync64 joins them. */
class qdetector_modem : public modem
{
public:
    static constexpr int k = 2, m = 7, filters = 32, pilot_spacing = 8;
    static constexpr float beta = 0.3f;

    qdetector_modem(int preamble_symbols, size_t payload_symbols)
        : d_payload_symbols(payload_symbols),
          d_generator(qpilotgen_create(payload_symbols, pilot_spacing)),
          d_pilot_sync(qpilotsync_create(payload_symbols, pilot_spacing)),
          d_interpolator(firinterp_crcf_create_prototype(LIQUID_FIRFILT_ARKAISER, k, m, beta, 0)),
          d_matched(firpfb_crcf_create_rnyquist(LIQUID_FIRFILT_ARKAISER, filters, k, m, beta)),
          d_mixer(nco_crcf_create(LIQUID_NCO))
    {
        msequence sequence = msequence_create_default(7);
        for (int i = 0; i < preamble_symbols; ++i) {
            const float a = M_SQRT1_2;
            const float re = msequence_advance(sequence) ? a : -a, im = msequence_advance(sequence) ? a : -a;
            d_preamble.emplace_back(re, im);
        }
        msequence_destroy(sequence);
        d_detector =
            qdetector_cccf_create_linear(d_preamble.data(), d_preamble.size(), LIQUID_FIRFILT_ARKAISER, k, m, beta);
        // Its default of 0.5 misses what it could find; much lower, it locks on the preamble's side lobes at high SNR.
        qdetector_cccf_set_threshold(d_detector, 0.35f);
        qdetector_cccf_set_range(d_detector, 0.02f);
        d_frame.resize(qpilotgen_get_frame_len(d_generator));
        d_received.resize(d_preamble.size() + 2 * m + d_frame.size());
    }
    ~qdetector_modem() override
    {
        qpilotgen_destroy(d_generator);
        qpilotsync_destroy(d_pilot_sync);
        firinterp_crcf_destroy(d_interpolator);
        firpfb_crcf_destroy(d_matched);
        nco_crcf_destroy(d_mixer);
        qdetector_cccf_destroy(d_detector);
    }

    std::string name() const override
    {
        return "liquid qdetector+qpilotsync " + std::to_string(d_preamble.size());
    }
    size_t payload_symbols() const override { return d_payload_symbols; }
    double symbol_energy() const override { return d_symbol_energy; }

    samples burst(samples& payload, rng& random) override
    {
        payload = test::gaussian(d_payload_symbols, random);
        qpilotgen_execute(d_generator, payload.data(), d_frame.data());
        samples symbols(d_preamble);
        symbols.insert(symbols.end(), d_frame.begin(), d_frame.end());
        const double symbol_power = energy(symbols) / symbols.size();
        symbols.resize(symbols.size() + 2 * m);
        samples out(k * symbols.size());
        firinterp_crcf_reset(d_interpolator);
        firinterp_crcf_execute_block(d_interpolator, symbols.data(), symbols.size(), out.data());
        d_symbol_energy = energy(out) / (symbols.size() - 2 * m) / symbol_power;
        return out;
    }

    void push(const samples& stream, outcome& result) override
    {
        for (const cf& sample : stream) {
            if (d_locked) {
                receive(sample, result);
                continue;
            }
            const auto* buffered = static_cast<const cf*>(qdetector_cccf_execute(d_detector, sample));
            if (buffered)
                lock(buffered, result);
        }
    }

    void reset() override
    {
        qdetector_cccf_reset(d_detector);
        d_locked = false;
    }

private:
    void lock(const cf* buffered, outcome& result)
    {
        ++result.detections;
        ++result.headers;
        const float tau = qdetector_cccf_get_tau(d_detector);
        d_filter = static_cast<unsigned>((tau > 0 ? tau : 1 + tau) * filters) % filters;
        d_counter = tau > 0 ? 0 : 1;
        d_count = 0;
        d_locked = true;
        firpfb_crcf_reset(d_matched);
        firpfb_crcf_set_scale(d_matched, 0.5f / qdetector_cccf_get_gamma(d_detector));
        nco_crcf_set_frequency(d_mixer, qdetector_cccf_get_dphi(d_detector));
        nco_crcf_set_phase(d_mixer, qdetector_cccf_get_phi(d_detector));
        const unsigned length = qdetector_cccf_get_buf_len(d_detector);
        for (unsigned i = 0; i < length && d_locked; ++i)
            receive(buffered[i], result);
    }

    void receive(cf sample, outcome& result)
    {
        cf mixed, filtered;
        nco_crcf_mix_down(d_mixer, sample, &mixed);
        nco_crcf_step(d_mixer);
        firpfb_crcf_push(d_matched, mixed);
        firpfb_crcf_execute(d_matched, d_filter, &filtered);
        if (++d_counter < 1) // counts as framesync64 does
            return;
        d_counter -= k;
        d_received[d_count++] = filtered;
        if (d_count < d_received.size())
            return;
        ++result.payloads;
        result.symbols.resize(d_payload_symbols);
        qpilotsync_execute(d_pilot_sync, d_received.data() + d_preamble.size() + 2 * m, result.symbols.data());
        reset();
    }

    size_t d_payload_symbols;
    qpilotgen d_generator;
    qpilotsync d_pilot_sync;
    firinterp_crcf d_interpolator;
    firpfb_crcf d_matched;
    nco_crcf d_mixer;
    qdetector_cccf d_detector;
    samples d_preamble, d_frame, d_received;
    double d_symbol_energy = 1;
    bool d_locked = false;
    unsigned d_filter = 0;
    int d_counter = 0;
    size_t d_count = 0;
};

/*! ofdmframesync with analog symbols on its data carriers: 128 carriers, prefix 16, its default allocation. */
class ofdm_modem : public modem
{
public:
    static constexpr unsigned carriers = 128, prefix = 16;

    explicit ofdm_modem(size_t payload_symbols) : d_payload_symbols(payload_symbols), d_allocation(carriers)
    {
        ofdmframe_init_default_sctype(carriers, d_allocation.data());
        unsigned null, pilots, data;
        ofdmframe_validate_sctype(d_allocation.data(), carriers, &null, &pilots, &data);
        d_used = pilots + data;
        d_symbols = (payload_symbols + data - 1) / data;
        d_generator = ofdmframegen_create(carriers, prefix, 0, d_allocation.data());
        d_synchroniser = ofdmframesync_create(carriers, prefix, 0, d_allocation.data(), callback, this);
    }
    ~ofdm_modem() override
    {
        ofdmframegen_destroy(d_generator);
        ofdmframesync_destroy(d_synchroniser);
    }

    std::string name() const override { return "liquid ofdmframesync"; }
    size_t payload_symbols() const override { return d_payload_symbols; }
    double symbol_energy() const override { return d_symbol_energy; }

    samples burst(samples& payload, rng& random) override
    {
        payload = test::gaussian(d_payload_symbols, random);
        samples out, one(carriers + prefix), values(carriers);
        const auto append = [&] { out.insert(out.end(), one.begin(), one.end()); };
        ofdmframegen_reset(d_generator);
        ofdmframegen_write_S0a(d_generator, one.data());
        append();
        ofdmframegen_write_S0b(d_generator, one.data());
        append();
        ofdmframegen_write_S1(d_generator, one.data());
        append();
        double body = 0;
        size_t next = 0;
        for (size_t s = 0; s < d_symbols; ++s) {
            for (unsigned c = 0; c < carriers; ++c)
                if (d_allocation[c] == OFDMFRAME_SCTYPE_DATA)
                    values[c] = next < payload.size() ? payload[next++] : cf(1, 0);
            ofdmframegen_writesymbol(d_generator, values.data(), one.data());
            body += energy(samples(one.begin() + prefix, one.end()));
            append();
        }
        d_symbol_energy = body / (d_symbols * d_used);
        return out;
    }

    void push(const samples& stream, outcome& result) override
    {
        d_result = &result;
        ofdmframesync_execute(d_synchroniser, const_cast<cf*>(stream.data()), stream.size());
    }

    void reset() override
    {
        ofdmframesync_reset(d_synchroniser);
        d_seen = 0;
    }

private:
    static int callback(cf* values, unsigned char* allocation, unsigned int count, void* self)
    {
        auto& modem = *static_cast<ofdm_modem*>(self);
        outcome& result = *modem.d_result;
        if (modem.d_seen++ == 0) {
            ++result.detections;
            ++result.headers;
            modem.d_collected.clear();
        }
        for (unsigned c = 0; c < count; ++c)
            if (allocation[c] == OFDMFRAME_SCTYPE_DATA && modem.d_collected.size() < modem.d_payload_symbols)
                modem.d_collected.push_back(values[c]);
        if (modem.d_seen < modem.d_symbols)
            return 0;
        modem.d_seen = 0;
        ++result.payloads;
        result.symbols = modem.d_collected;
        return 1; // the end of the frame: it searches again
    }

    size_t d_payload_symbols, d_symbols = 0, d_seen = 0;
    unsigned d_used = 0;
    std::vector<unsigned char> d_allocation;
    ofdmframegen d_generator;
    ofdmframesync d_synchroniser;
    outcome* d_result = nullptr;
    samples d_collected;
    double d_symbol_energy = 1;
};

} // namespace

std::vector<std::unique_ptr<modem>> make_peers()
{
    std::vector<std::unique_ptr<modem>> peers;
    peers.push_back(std::make_unique<framesync64_modem>());
    peers.push_back(std::make_unique<qdetector_modem>(128, 1000));
    peers.push_back(std::make_unique<ofdm_modem>(1000));
    return peers;
}

} // namespace bench
