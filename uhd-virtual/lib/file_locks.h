// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace uhd_virtual {

/*! A file descriptor with locks on single bytes of the file.
 *
 *  The locks belong to the open file, not to the process: two in one process exclude each other, and the kernel drops
 *  them when the descriptor is closed, even by a kill.
 */
class locked_file
{
public:
    explicit locked_file(int fd) : d_fd(fd) {}
    locked_file(locked_file&& other) noexcept;
    locked_file(const locked_file&) = delete;
    ~locked_file();

    int fd() const { return d_fd; }

    //! Whether the file is not unlinked.
    bool has_a_name() const;

    //! The same file opened once more, with locks of its own. \throws uhd::os_error
    locked_file reopen() const;

    //! Waits for the byte. \throws uhd::os_error
    void lock(int byte);
    bool try_lock(int byte);
    //! A lock that others may share; also makes one out of lock().
    bool try_lock_shared(int byte);
    void unlock(int byte);

private:
    int d_fd;
};

//! Holds lock(byte) while it lives.
class byte_lock
{
public:
    byte_lock(locked_file& file, int byte) : d_file(file), d_byte(byte) { d_file.lock(byte); }
    byte_lock(const byte_lock&) = delete;
    ~byte_lock() { d_file.unlock(d_byte); }

private:
    locked_file& d_file;
    const int d_byte;
};

} // namespace uhd_virtual
