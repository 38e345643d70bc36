// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "acquisition.h"
#include "channel_estimate.h"
#include "header_code.h"
#include "interleaver.h"
#include "ofdm.h"
#include "preamble.h"
#include "tracking.h"

#include <optional>
#include <vector>

namespace semcom::phy {

/*! From the samples of one frame to its header and its equalised payload symbols.
 *
 *  Nothing is decided about the payload. The header counts as known once its CRC has been checked, and then serves as
 *  training like the preamble. OFDM symbols are numbered through the frame: 0 and 1 are P and Q, then header, then
 *  payload.
 */
class demodulator
{
public:
    demodulator(const frame_params& params, const preamble& known);

    /*! Timing, frequency offset, channel and header.
     *
     *  \param p1 where the detector found P: cyclic_prefix samples before it and all up to the end of the header are
     *            read
     *  \return   nothing where the header is unreadable
     */
    std::optional<header> read_header(const cf* p1);

    /*! The payload of the frame that read_header() was successful with.
     *
     *  \param p1        as before
     *  \param head      what read_header() returned
     *  \param there     OFDM symbols of the payload that are there and read
     *  \param symbols   head.fragment_symbols() results: transmitted symbol + error
     *  \param noise_var variance of each one's error; +inf, and the symbol 0, where the pilots are gone
     */
    void read_payload(const cf* p1, const header& head, int there, cf* symbols, float* noise_var);

    //! What the payload's OFDM symbols were before equalisation, [symbol][carrier], pilots included; as many as were read.
    const cf* carriers() const { return d_received.data() + size_t{ 1 } * d_header_end * d_map.used(); }
    size_t carriers_read() const { return size_t{ 1 } * d_payload_read * d_map.used(); }

    double cfo() const { return d_cfo + d_line.slope; } //!< rad/sample
    float signal_power() const { return d_power; }      //!< mean |h|^2 over the carriers
    float noise_var() const { return d_noise_var; }     //!< a carrier
    float evm() const { return d_evm; }                 //!< rms over the payload's pilots, 1 = 100 %

private:
    std::optional<header> decode_header();
    void transform(const cf* p1, int symbol);
    void estimate_channel(int symbols);
    bool is_drowned(int symbol, const phase_observation& o);
    int end_of_pilots(int end);
    phase_observation observe(int symbol, const std::vector<int>& carriers);
    void fit_line(int end, const std::vector<int>& header_carriers);
    void smooth_phases(int end);
    double clock_drift(int end);
    double drift_phase(int symbol, int carrier) const;
    void straighten(int symbol, cf* out);
    void equalise(int symbol);
    void track(int end);
    float excess_noise(int symbol) const;
    void despread();

    double window_start(int symbol) const; // relative to p1
    double window_middle(int symbol) const;
    cf* received(int symbol) { return &d_received[size_t{ 1 } * symbol * d_map.used()]; }
    cf* known(int symbol) { return &d_known[size_t{ 1 } * symbol * d_map.used()]; }
    cf turn_back(int symbol) const { return std::polar(1.0f, -d_phase[symbol]); }

    const frame_params d_params;
    const preamble& d_preamble;
    const carrier_map d_map;
    const int d_header_end; // number of the first payload symbol
    std::vector<int> d_all_carriers;
    acquisition d_acquisition;
    ofdm d_ofdm;
    fft d_despread;
    channel_estimator d_estimator;
    phase_smoother d_smoother;
    header_code d_header_code;
    scrambler d_scrambler;

    int d_payload_read = 0; // OFDM symbols
    int d_backoff = 0;      // samples that a window begins before where P was found
    double d_cfo = 0;       // taken out before the FFT, rad/sample
    phase_line d_line;      // what it left
    double d_drift = 0;     // of the sampling clock, samples a sample
    double d_training_middle = 0;
    float d_power = 0, d_noise_var = 1, d_evm = 0;
    buffer<cf> d_received, d_known; // [symbol][carrier]; what is known of each symbol, 0 elsewhere
    std::vector<float> d_phase, d_phase_var; // [symbol]
    std::vector<phase_observation> d_observations;
    std::vector<float> d_residual;
    buffer<cf> d_straight, d_symbols;
    buffer<cf> d_ls, d_h, d_inverse_h, d_equalised;
    buffer<float> d_h_var, d_relative_noise, d_symbol_noise;
    std::vector<cf> d_header_symbols;
    std::vector<float> d_header_noise;
};

} // namespace semcom::phy
