// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "air.h"

#include <fstream>
#include <string>
#include <vector>

namespace uhd_virtual {

/*! Writes a recording: NAME.sigmf-data in ci16_le while it goes on, NAME.sigmf-meta when it ends.
 *
 *  A capture begins where samples do not adjoin or the frequency changed.
 */
class sigmf_writer
{
public:
    //! \param name with or without .sigmf-data or .sigmf-meta \throws uhd::io_error
    sigmf_writer(const std::string& name, double rate);
    ~sigmf_writer();

    void write(const sc16* samples, size_t n, int64_t first, double frequency_hz);

private:
    struct capture {
        uint64_t start; // in the file
        int64_t sample; // of the device
        double frequency_hz;
    };

    std::string metadata() const;

    const std::string d_base;
    const double d_rate;
    std::ofstream d_file;
    std::vector<capture> d_captures;
    uint64_t d_samples = 0;
    int64_t d_next = 0;
};

//! What a .sigmf-meta says that is of use here.
struct sigmf_metadata {
    bool is_float; //!< cf32_le, or else ci16_le
    double rate;
};

//! \throws uhd::io_error with one sentence for what is no metadata of a recording that can be replayed
sigmf_metadata parse_sigmf_metadata(const std::string& json);

/*! Reads a recording of ci16_le or cf32_le with one channel.
 *
 *  \throws uhd::io_error with one sentence, if there is none or it is damaged
 */
class sigmf_reader
{
public:
    explicit sigmf_reader(const std::string& name);

    double rate() const { return d_metadata.rate; }

    //! The next samples; zeros after the last.
    void read(sc16* out, size_t n);

private:
    const std::string d_base;
    sigmf_metadata d_metadata;
    std::ifstream d_file;
    std::vector<std::complex<float>> d_floats;
};

} // namespace uhd_virtual
