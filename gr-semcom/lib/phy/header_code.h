// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "frame_params.h"
#include "header.h"
#include "interleaver.h"
#include "polar.h"

#include <optional>
#include <vector>

namespace semcom::phy {

/*! The header as QPSK symbols: polar code with its CRC, interleaved over time and carriers, scrambled. */
class header_code
{
public:
    explicit header_code(const frame_params& params);

    int symbols() const { return static_cast<int>(d_code.size()) / 2; }

    void encode(const header& h, cf* symbols); //!< h must be consistent

    /*! \param symbols   equalised, transmitted + error
     *  \param noise_var of the errors
     *  \return          nothing where no candidate has a matching CRC and consistent fields
     */
    std::optional<header> decode(const cf* symbols, const float* noise_var);

private:
    polar_code d_polar;
    interleaver d_interleaver;
    std::vector<uint8_t> d_scramble, d_info, d_code;
    std::vector<float> d_llr;
};

} // namespace semcom::phy
