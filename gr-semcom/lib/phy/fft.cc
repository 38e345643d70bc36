// SPDX-License-Identifier: GPL-3.0-or-later
#include "fft.h"

#include <fftw3.h>
#include <mutex>
#include <stdexcept>

namespace semcom::phy {

fft::fft(int size, direction dir) : d_in(size), d_out(size)
{
    // FFTW's planner is not thread-safe unless told so, and others in the process use it too: GNU Radio does.
    static std::once_flag once;
    std::call_once(once, fftwf_make_planner_thread_safe);
    // FFTW_ESTIMATE measures nothing, so that results repeat unless someone imports wisdom.
    d_plan = fftwf_plan_dft_1d(size,
                               reinterpret_cast<fftwf_complex*>(d_in.data()),
                               reinterpret_cast<fftwf_complex*>(d_out.data()),
                               dir == direction::forward ? FFTW_FORWARD : FFTW_BACKWARD,
                               FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    if (!d_plan)
        throw std::runtime_error("FFTW could not plan an FFT of " + std::to_string(size));
}

fft::~fft() { fftwf_destroy_plan(static_cast<fftwf_plan>(d_plan)); }

void fft::run() { fftwf_execute(static_cast<fftwf_plan>(d_plan)); }

} // namespace semcom::phy
