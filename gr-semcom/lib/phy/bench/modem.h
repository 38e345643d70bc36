// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "../tests/support.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bench {

using test::cf;
using test::rng;
using test::samples;

/*! What a receiver made of a stretch of samples. */
struct outcome {
    int detections = 0;
    int headers = 0;  //!< of them, those whose header was readable; equal where a modem has none
    int payloads = 0; //!< delivered
    samples symbols;  //!< of the last of them; empty where there was none
};

/*! A burst modem under test: one burst carries payload_symbols() symbols of mean power 1. */
class modem
{
public:
    virtual ~modem() = default;
    virtual std::string name() const = 0;
    virtual size_t payload_symbols() const = 0;

    //! The samples of a burst, and in \p payload the symbols that it carries.
    virtual samples burst(samples& payload, rng& random) = 0;
    //! Energy of a payload symbol in the samples of a burst: Es.
    virtual double symbol_energy() const = 0;
    //! Feeds samples to the receiver, which keeps its state from call to call.
    virtual void push(const samples& stream, outcome& result) = 0;
    //! Forgets what was received.
    virtual void reset() = 0;
};

std::unique_ptr<modem> make_ours(size_t payload_symbols,
                                 const semcom::phy::burst_shape& shape = {},
                                 const semcom::phy::frame_params& params = {});
//! Those of liquid-dsp, for payloads of 1,000 symbols (framesync64 has its own); none where it is not installed.
std::vector<std::unique_ptr<modem>> make_peers();

} // namespace bench
