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
    /*! What a path knows at each stage: numbers of rows in d_rows, which paths share until one of them writes. */
    struct path {
        std::vector<uint8_t> row[3]; // of its LLRs, and of the code bits of the left and the right child, by stage
        float metric = 0;
        int last = -1; // of its decisions, in d_decisions
    };
    enum row_kind { llr, left, right };
    /*! The rows of one stage: list_size of them, and how many paths use each. */
    struct rows {
        buffer<float> llr;
        buffer<uint8_t> bits;
        std::vector<uint8_t> users, unused;
    };
    struct decision {
        int before; // the path's last one
        uint8_t bit;
    };
    struct fork {
        float metric;
        int parent;
        uint8_t bit;
    };

    void choose_info_set(double design_esn0_db);
    void find_frozen_nodes();
    bool decode_list(int list_size, const std::function<bool(const uint8_t*)>& accept, uint8_t* info);
    void decode_node(int stage, int number, int list_size);
    void freeze(int stage, row_kind side);
    void split(row_kind side, int list_size);
    void share(const path& from, path& to);
    void release(path& p);
    const float* llrs(const path& p, int stage) const;
    float* write_llrs(path& p, int stage);
    const uint8_t* bits(const path& p, row_kind side, int stage) const;
    uint8_t* write_bits(path& p, row_kind side, int stage);
    int own_row(path& p, row_kind kind, int stage);
    void read_decisions(const path& p);

    int d_info_bits, d_code_bits, d_list_size;
    int d_stages, d_length;                        // of the mother code
    std::vector<int> d_sent;                       // mother code bit that code bit i carries
    std::vector<uint8_t> d_is_info;                // by leaf
    std::vector<std::vector<uint8_t>> d_is_frozen; // [stage][node]: all leaves below it are
    std::vector<rows> d_rows[3];                   // [stage], for each of llr, left and right
    std::vector<path> d_paths, d_spare;            // kept between calls: decoding allocates nothing
    std::vector<fork> d_forks;
    std::vector<decision> d_decisions;
    int d_active = 1;
    buffer<float> d_channel;
    std::vector<uint8_t> d_info, d_scratch, d_heir;
};

} // namespace semcom::phy
