/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Prints the speed of the loopback channel in million samples a second of CPU time on one core.
 */

#include "loopback/channel_model.h"

#include <cstdio>
#include <ctime>
#include <functional>

using namespace semcom::loopback;

static void report(const char* what, const std::function<void(std::complex<float>*, std::size_t)>& work)
{
    constexpr std::size_t chunk = 4096;
    std::vector<std::complex<float>> x(chunk, 1.0f);
    std::size_t samples = 0;
    const std::clock_t start = std::clock(); // CPU time: other programs do not count
    double seconds = 0;
    while (seconds < 0.5) {
        for (int i = 0; i < 100; i++)
            work(x.data(), chunk);
        samples += 100 * chunk;
        seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    }
    std::printf("%-44s %7.1f\n", what, samples / seconds / 1e6);
}

int main()
{
    channel_model model(1e6, 1);
    report("noise alone", [&](auto* x, std::size_t n) { model.gap(x, n, 1.0); });

    impairments settings;
    burst_draw draw;
    const auto burst = [&](auto* x, std::size_t n) { model.process(x, x, n); };
    settings.cfo_hz = 1000;
    settings.max_delay_samples = 0;
    draw_burst(settings, 1, 0, draw);
    model.begin(draw);
    report("carrier offset and noise", burst);
    settings.max_delay_samples = 10;
    draw_burst(settings, 1, 0, draw);
    model.begin(draw);
    report("fractional delay, carrier offset, noise", burst);
    settings.taps.assign(16, 1.0f);
    draw_burst(settings, 1, 0, draw);
    model.begin(draw);
    report("the same with 16 channel taps", burst);
    report("a draw for each 4,096 samples (as above)", [&](auto* x, std::size_t n) {
        draw_burst(settings, 1, 0, draw);
        model.begin(draw);
        model.process(x, x, n);
    });
}
