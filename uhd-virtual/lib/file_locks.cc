// SPDX-License-Identifier: GPL-3.0-or-later
#include "file_locks.h"

#include <uhd/exception.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace uhd_virtual {

namespace {

int set_lock(int fd, int command, short type, int byte)
{
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    int result;
    do
        result = fcntl(fd, command, &lock);
    while (result == -1 && errno == EINTR);
    return result;
}

[[noreturn]] void fail(const char* what)
{
    throw uhd::os_error(std::string("virtual USRP: cannot ") + what + " shared memory: " + std::strerror(errno) + ".");
}

} // namespace

locked_file::locked_file(locked_file&& other) noexcept : d_fd(std::exchange(other.d_fd, -1)) {}

locked_file::~locked_file()
{
    if (d_fd != -1)
        close(d_fd);
}

locked_file locked_file::reopen() const
{
    const std::string path = "/proc/self/fd/" + std::to_string(d_fd);
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd == -1)
        fail("reopen");
    return locked_file(fd);
}

bool locked_file::has_a_name() const
{
    struct stat status = {};
    return fstat(d_fd, &status) == 0 && status.st_nlink > 0;
}

void locked_file::lock(int byte)
{
    if (set_lock(d_fd, F_OFD_SETLKW, F_WRLCK, byte) == -1)
        fail("lock");
}

bool locked_file::try_lock(int byte) { return set_lock(d_fd, F_OFD_SETLK, F_WRLCK, byte) == 0; }

bool locked_file::try_lock_shared(int byte) { return set_lock(d_fd, F_OFD_SETLK, F_RDLCK, byte) == 0; }

void locked_file::unlock(int byte) { set_lock(d_fd, F_OFD_SETLK, F_UNLCK, byte); }

} // namespace uhd_virtual
