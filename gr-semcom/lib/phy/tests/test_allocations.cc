// SPDX-License-Identifier: GPL-3.0-or-later
// No memory is allocated once each kind of image has been through. Every allocation of this program is counted: glibc's
// functions are replaced by ones that call it.
#define BOOST_TEST_MODULE allocations
#include "support.h"

#include <boost/test/unit_test.hpp>
#include <atomic>
#include <cerrno>

static std::atomic<long> allocations{ 0 };

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size)
{
    ++allocations;
    return __libc_malloc(size);
}
void* calloc(size_t count, size_t size)
{
    ++allocations;
    return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size)
{
    ++allocations;
    return __libc_realloc(old, size);
}
void* memalign(size_t alignment, size_t size)
{
    ++allocations;
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size)
{
    *out = memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
}

using namespace test;
namespace phy = semcom::phy;

namespace {

struct counter : phy::receiver_listener {
    int images = 0, previews = 0;
    void on_frame(const phy::frame_report&) override {}
    void on_image(const phy::received_image&) override { ++images; }
    void on_preview(const phy::received_image&) override { ++previews; }
};

} // namespace

BOOST_AUTO_TEST_CASE(what_allocates_is_counted)
{
    const long before = allocations;
    delete[] new char[1000];
    volk::vector<float> aligned(1000);
    BOOST_TEST(allocations >= before + 2);
}

static void run_rounds(phy::waveform waveform)
{
    rng random(1);
    phy::burst_shape shape;
    shape.payload = waveform;
    phy::transmitter tx({}, 1000, shape);
    phy::receiver rx({}, 1e-6, timeout, phy::equalizer::mmse);
    counter found;
    // Two lengths, with fragments of two lengths each, and then noise that leaves some headers to the list decoder and hides others.
    float level = 0.3f;
    const samples symbols = gaussian(2500, random), noise = gaussian(400000, random);
    samples burst(tx.max_burst_samples());
    const auto send = [&](uint32_t count) {
        tx.load(info(count, count), symbols.data());
        for (uint32_t i = 0; i < tx.bursts(); ++i) {
            tx.burst(i, burst.data());
            const size_t length = tx.burst_samples(i), offset = 1000 * i;
            for (size_t n = 0; n < length; ++n)
                burst[n] += level * noise[offset + n];
            rx.push(burst.data(), length, found);
        }
        rx.push(noise.data(), noise.size(), found);
    };
    const auto round = [&] {
        send(2500);
        send(1501);
    };
    round();
    level = 1.6f;
    const int images = found.images, previews = found.previews;
    const long before = allocations;
    for (int i = 0; i < 5; ++i)
        round();
    const long made = allocations - before;
    BOOST_TEST(made == 0);
    BOOST_TEST(found.images > images);
    BOOST_TEST(found.previews > previews);
    BOOST_TEST(rx.counters().header_failures > 0u);
}

BOOST_AUTO_TEST_CASE(bursts_and_noise_after_the_first_of_their_kind)
{
    run_rounds(phy::waveform::ofdm);
    run_rounds(phy::waveform::dft_spread);
}
