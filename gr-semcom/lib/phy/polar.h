// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "types.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace semcom::phy {

/*! A polar code of \p info_bits in \p code_bits with successive-cancellation list decoding.
 *
 *  Designed by the Gaussian approximation of density evolution for QPSK at \p design_esn0_db. Shorter than the mother
 *  code by quasi-uniform puncturing, longer by repetition. The same arguments give the same code.
 */
class polar_code
{
public:
    polar_code(int info_bits, int code_bits, double design_esn0_db, int list_size);

    //! \p info: info_bits of 0 or 1; \p code: code_bits of them
    void encode(const uint8_t* info, uint8_t* code);

    /*! \param llr    code_bits log-likelihood ratios, positive for 0
     *  \param accept says whether a candidate (info_bits of 0 or 1) is right, by its CRC say
     *  \param info   the best candidate that is accepted
     *  \return false where none is
     */
    bool decode(const float* llr,
                const std::function<bool(const uint8_t*)>& accept,
                uint8_t* info);

private:
    struct path {
        buffer<float> llr;     // stage s holds 2^s values from 2^s on
        buffer<uint8_t> left;  // code bits of the left child of stage s, from 2^s on
        buffer<uint8_t> info;  // decided so far
        float metric = 0;
    };
    struct fork {
        float metric;
        int parent;
        uint8_t bit;
    };

    void choose_info_set(double design_esn0_db);
    bool decode_list(int list_size,
                     const std::function<bool(const uint8_t*)>& accept,
                     uint8_t* info);
    void update_llrs(path& p, int leaf) const;
    void store_bit(path& p, int leaf, uint8_t bit);
    void split(int list_size, int leaf, int count);

    int d_info_bits, d_code_bits, d_list_size;
    int d_stages, d_length;              // of the mother code
    int d_first_info;                    // all leaves before it are frozen
    std::vector<int> d_sent;             // mother code bit that code bit i carries
    std::vector<uint8_t> d_is_info;      // by leaf
    std::vector<path> d_paths, d_spare;  // kept between calls: decoding allocates nothing
    std::vector<fork> d_forks;
    int d_active = 1;
    buffer<float> d_channel;
    buffer<uint8_t> d_scratch;
};

} // namespace semcom::phy
