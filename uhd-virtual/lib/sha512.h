// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace uhd_virtual {

//! SHA-512 (FIPS 180-4), which SigMF identifies its data by.
class sha512
{
public:
    sha512();
    void add(const void* data, size_t bytes);

    //! The hash in hexadecimal of all that was added; nothing can be added after it.
    std::string finish();

private:
    void compress();

    std::array<uint64_t, 8> d_state;
    std::array<uint8_t, 128> d_block;
    uint64_t d_bytes = 0;
};

} // namespace uhd_virtual
