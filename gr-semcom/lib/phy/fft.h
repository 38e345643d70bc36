// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "types.h"

namespace semcom::phy {

enum class direction { forward, inverse };

/*! A plan of FFTW with its own aligned buffers; not scaled. */
class fft
{
public:
    fft(int size, direction dir);
    ~fft();
    fft(const fft&) = delete;
    fft& operator=(const fft&) = delete;

    int size() const { return static_cast<int>(d_in.size()); }
    cf* in() { return d_in.data(); }
    const cf* out() const { return d_out.data(); }
    cf* out() { return d_out.data(); }
    void run(); //!< in() is kept

private:
    buffer<cf> d_in;
    buffer<cf> d_out;
    void* d_plan;
};

} // namespace semcom::phy
