// SPDX-License-Identifier: GPL-3.0-or-later
#include "fft.h"

#include <fftw3.h>
#include <mutex>
#include <stdexcept>

namespace semcom::phy {

namespace {
std::mutex& planner_mutex() // FFTW's planner is not thread-safe, its executor is
{
    static std::mutex mutex;
    return mutex;
}
} // namespace

fft::fft(int size, direction dir) : d_in(size), d_out(size)
{
    std::lock_guard<std::mutex> lock(planner_mutex());
    // FFTW_ESTIMATE takes the same algorithm in every run, so results repeat to the last bit.
    d_plan = fftwf_plan_dft_1d(size,
                               reinterpret_cast<fftwf_complex*>(d_in.data()),
                               reinterpret_cast<fftwf_complex*>(d_out.data()),
                               dir == direction::forward ? FFTW_FORWARD : FFTW_BACKWARD,
                               FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    if (!d_plan)
        throw std::runtime_error("FFTW could not plan an FFT of " + std::to_string(size));
}

fft::~fft()
{
    std::lock_guard<std::mutex> lock(planner_mutex());
    fftwf_destroy_plan(static_cast<fftwf_plan>(d_plan));
}

void fft::run() { fftwf_execute(static_cast<fftwf_plan>(d_plan)); }

} // namespace semcom::phy
