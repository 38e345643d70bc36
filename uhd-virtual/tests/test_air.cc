// SPDX-License-Identifier: GPL-3.0-or-later
// The air as memory that processes share: who holds what, and what is left of one that was killed.
#define BOOST_TEST_MODULE air
#include "support.h"

#include <uhd/exception.hpp>

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <functional>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace test;
using namespace uhd_virtual;

namespace {

std::string complaint(const std::function<void()>& act)
{
    try {
        act();
    } catch (const uhd::exception& error) {
        return error.what();
    }
    return "";
}

bool is_in_memory(const std::string& name)
{
    const int fd = shm_open(name.c_str(), O_RDONLY, 0);
    if (fd != -1)
        close(fd);
    return fd != -1;
}

/* A process that does something and is killed while it holds it */
class victim
{
public:
    explicit victim(const std::function<void(const std::function<void()>&)>& act)
    {
        int ready[2];
        if (pipe(ready) == -1)
            throw std::runtime_error("pipe");
        d_pid = fork();
        if (d_pid == 0) {
            act([&] {
                if (write(ready[1], "", 1) == 1)
                    pause();
            });
            _exit(0);
        }
        close(ready[1]);
        char byte;
        d_got_there = read(ready[0], &byte, 1) == 1;
        close(ready[0]);
    }

    void kill_it()
    {
        BOOST_REQUIRE(d_got_there);
        kill(d_pid, SIGKILL);
        waitpid(d_pid, nullptr, 0);
    }

private:
    pid_t d_pid;
    bool d_got_there;
};

} // namespace

BOOST_AUTO_TEST_CASE(it_is_one_for_all_who_name_it_and_gone_after_the_last)
{
    const std::string name = air_name("one");
    auto a = air::open(name, std::nullopt), b = air::open(name, std::nullopt), other = air::open("", std::nullopt);
    BOOST_TEST((a->epoch() == b->epoch()));
    BOOST_TEST((a->epoch() != other->epoch()));
    transmit_channel channel(a, 0);
    const sc16 sample(16, 32);
    channel->append({ 5, 6, 1e9, 1, 1 }, &sample);
    BOOST_TEST((b->channel(0).sample(*b->channel(0).read(0), 5) == sample));
    BOOST_TEST(other->channel(0).count() == 0u);
    a.reset();
    BOOST_TEST(is_in_memory(name));
    b.reset();
    BOOST_TEST(is_in_memory(name)); // the channel is there
    { const transmit_channel last = std::move(channel); }
    BOOST_TEST(!is_in_memory(name));
}

BOOST_AUTO_TEST_CASE(speed_and_rate_are_common)
{
    const std::string name = air_name("common");
    const auto a = air::open(name, 0.5);
    BOOST_TEST(air::open(name, std::nullopt)->speed() == 0.5);
    BOOST_TEST(complaint([&] { air::open(name, 1); }) ==
               "RuntimeError: virtual USRP: the air " + name +
                   " runs at speed=0.5 and not at 1; leave speed= away or give that.");
    {
        const rate_claim first(a, 1e6), second(a, 1e6);
        BOOST_TEST(complaint([&] { rate_claim(a, 2e6); }).find("runs at 1 MS/s, so this device cannot stream at 2 MS/s") !=
                   std::string::npos);
    }
    BOOST_CHECK_NO_THROW(rate_claim(a, 2e6));
}

BOOST_AUTO_TEST_CASE(there_are_sixteen_transmit_channels)
{
    const auto where = air::open("", std::nullopt);
    std::vector<transmit_channel> all;
    for (size_t i = 0; i < air::channels; ++i)
        all.emplace_back(where, 0);
    BOOST_TEST(complaint([&] { transmit_channel(where, 0); }).find("all 16 transmit channels") != std::string::npos);
    all.pop_back();
    BOOST_CHECK_NO_THROW(transmit_channel(where, 0));
}

BOOST_AUTO_TEST_CASE(a_killed_transmitter_leaves_nothing_stuck)
{
    const std::string name = air_name("killed");
    const auto where = air::open(name, std::nullopt);
    victim transmitter([&](const auto& wait) {
        const auto mine = air::open(name, std::nullopt);
        const rate_claim claim(mine, 5e6);
        transmit_channel channel(mine, 0);
        const std::vector<sc16> burst(1000);
        channel->append({ 0, 1000, 1e9, 1, 1 }, burst.data());
        wait();
    });
    BOOST_TEST(complaint([&] { rate_claim(where, 1e6); }).find("runs at 5 MS/s") != std::string::npos);
    transmitter.kill_it();
    BOOST_TEST(where->channel(0).end() == 1000); // what it had sent is heard to its end
    const transmit_channel next(where, 2000);
    BOOST_TEST(&*next == &where->channel(0));
    BOOST_CHECK_NO_THROW(rate_claim(where, 1e6));
}

BOOST_AUTO_TEST_CASE(memory_that_the_killed_left_is_made_anew)
{
    const std::string name = air_name("stale");
    victim last([&](const auto& wait) {
        const auto mine = air::open(name, 0.25);
        transmit_channel channel(mine, 0);
        const sc16 sample;
        channel->append({ 5, 6, 1e9, 1, 1 }, &sample);
        wait();
    });
    last.kill_it();
    BOOST_TEST(is_in_memory(name));
    auto where = air::open(name, 0.5);
    BOOST_TEST(where->speed() == 0.5);
    BOOST_TEST(where->channel(0).count() == 0u);
    where.reset();
    BOOST_TEST(!is_in_memory(name));
}

BOOST_AUTO_TEST_CASE(a_process_killed_while_it_holds_the_lock_of_the_state_blocks_nobody)
{
    const std::string name = air_name("state");
    victim holder([&](const auto& wait) {
        locked_file file(shm_open(name.c_str(), O_RDWR | O_CREAT, 0600));
        const byte_lock lock(file, 0);
        wait();
    });
    holder.kill_it();
    BOOST_CHECK_NO_THROW(air::open(name, std::nullopt));
}

/* Whatever is in the memory, nothing outside it is touched and no sample is anything but a number. */
BOOST_AUTO_TEST_CASE(garbage_in_the_memory_does_no_harm)
{
    const std::string name = air_name("garbage");
    radio_link l("loss_db=20,air=" + name);
    const samples x = random_qpsk(100, 1);
    l.send(x, 50);
    const int fd = shm_open(name.c_str(), O_RDWR, 0);
    struct stat status = {};
    BOOST_REQUIRE(fstat(fd, &status) == 0);
    auto bytes = static_cast<uint8_t*>(mmap(nullptr, status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    std::mt19937 random(1);
    const std::vector<uint8_t> before(bytes, bytes + 1024);
    for (int i = 0; i < 3000; ++i) {
        for (unsigned k = 0; k < 4; ++k)
            bytes[64 + random() % 960] = static_cast<uint8_t>(random()); // count and first stretches of a channel
        l.receive(0, 200);
    }
    std::copy(before.begin(), before.end(), bytes);
    const samples y = l.receive(0, 200);
    const samples burst(y.begin() + 50, y.begin() + 150);
    BOOST_TEST(residual(burst, x, gain(burst, x)) < 1e-6);
    bytes[0] ^= 1; // the magic number
    BOOST_TEST(complaint([&] { air::open(name, std::nullopt); }).find("of another version or no air at all") !=
               std::string::npos);
    munmap(bytes, status.st_size);
}

BOOST_AUTO_TEST_CASE(memory_of_another_size_is_refused)
{
    const std::string name = air_name("size");
    victim other([&](const auto& wait) {
        locked_file file(shm_open(name.c_str(), O_RDWR | O_CREAT, 0600));
        if (ftruncate(file.fd(), 100) == 0 && file.try_lock_shared(1))
            wait();
    });
    BOOST_TEST(complaint([&] { air::open(name, std::nullopt); }).find("of another version or no air at all") !=
               std::string::npos);
    other.kill_it();
    shm_unlink(name.c_str());
}
