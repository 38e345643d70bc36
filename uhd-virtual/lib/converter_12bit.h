// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "air.h"

namespace uhd_virtual {

// The 12-bit converters. Their steps are 16 of sc16's, so that full scale is 2047 / 2048. Both return how many samples
// were clipped.

//! Rounds what is about to be sent.
size_t convert_to_analog(sc16* x, size_t n);

//! `scale` takes the input to a full scale of 1.
size_t convert_to_digital(const std::complex<float>* x, size_t n, float scale, sc16* out);

} // namespace uhd_virtual
