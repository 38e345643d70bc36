// SPDX-License-Identifier: GPL-3.0-or-later
#include "sigmf.h"
#include "converter_12bit.h"

#include <uhd/exception.hpp>
#include <uhd/utils/log.hpp>

#include <boost/property_tree/json_parser.hpp>
#include <algorithm>
#include <cmath>
#include <sstream>

namespace uhd_virtual {

namespace {

constexpr auto data_suffix = ".sigmf-data", meta_suffix = ".sigmf-meta";
constexpr size_t longest_metadata = 1 << 20;
constexpr int deepest_metadata = 32;

std::string base_of(const std::string& name)
{
    for (const std::string suffix : { data_suffix, meta_suffix })
        if (name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0)
            return name.substr(0, name.size() - suffix.size());
    return name;
}

[[noreturn]] void refuse(const std::string& sentence) { throw uhd::io_error("virtual USRP: " + sentence); }

/* Boost's parser recurses: what would exhaust the stack does not get there. */
bool nests_too_deep(const std::string& json)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.size(); ++i) {
        if (in_string && json[i] == '\\')
            ++i;
        else if (json[i] == '"')
            in_string = !in_string;
        else if (!in_string && (json[i] == '{' || json[i] == '['))
            ++depth;
        else if (!in_string && (json[i] == '}' || json[i] == ']'))
            --depth;
        if (depth > deepest_metadata)
            return true;
    }
    return false;
}

std::string read_text(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::string text(longest_metadata + 1, '\0');
    file.read(text.data(), text.size());
    text.resize(file.gcount());
    if (text.empty() || text.size() > longest_metadata)
        refuse("cannot read " + path + ", or it is no SigMF metadata.");
    return text;
}

} // namespace

// --- Writing ---

sigmf_writer::sigmf_writer(const std::string& name, double rate)
    : d_base(base_of(name)), d_rate(rate), d_file(d_base + data_suffix, std::ios::binary | std::ios::trunc)
{
    if (!d_file)
        refuse("cannot write " + d_base + data_suffix + "; check the folder of record=.");
}

sigmf_writer::~sigmf_writer()
{
    d_file.close();
    std::ofstream meta(d_base + meta_suffix, std::ios::trunc);
    meta << metadata();
    if (!d_file || !meta)
        UHD_LOG_ERROR("VIRTUAL", "The recording " << d_base << " is not whole: is the disk full?");
}

void sigmf_writer::write(const sc16* samples, size_t n, int64_t first, double frequency_hz)
{
    if (d_captures.empty() || first != d_next || frequency_hz != d_captures.back().frequency_hz)
        d_captures.push_back({ d_samples, first, frequency_hz });
    d_file.write(reinterpret_cast<const char*>(samples), n * sizeof(sc16));
    d_samples += n;
    d_next = first + n;
}

std::string sigmf_writer::metadata() const
{
    std::ostringstream json;
    json.precision(17);
    json << "{\n  \"global\": {\n"
         << "    \"core:datatype\": \"ci16_le\",\n"
         << "    \"core:sample_rate\": " << d_rate << ",\n"
         << "    \"core:version\": \"1.0.0\",\n"
         << "    \"core:num_channels\": 1,\n"
         << "    \"core:hw\": \"virtual USRP\",\n"
         << "    \"core:recorder\": \"uhd-virtual\"\n  },\n"
         << "  \"captures\": [";
    for (size_t i = 0; i < d_captures.size(); ++i)
        json << (i == 0 ? "\n" : ",\n") << "    { \"core:sample_start\": " << d_captures[i].start
             << ", \"core:frequency\": " << d_captures[i].frequency_hz
             << ", \"core:global_index\": " << d_captures[i].sample << " }";
    json << "\n  ],\n  \"annotations\": []\n}\n";
    return json.str();
}

// --- Reading ---

sigmf_metadata parse_sigmf_metadata(const std::string& json)
{
    if (nests_too_deep(json))
        refuse("the SigMF metadata is nested too deep.");
    boost::property_tree::ptree tree;
    try {
        std::istringstream text(json);
        boost::property_tree::read_json(text, tree);
    } catch (const boost::property_tree::json_parser_error& error) {
        refuse("the SigMF metadata is no JSON (line " + std::to_string(error.line()) + ": " + error.message() + ").");
    }
    const auto global = tree.get_child_optional("global");
    if (!global)
        refuse("the SigMF metadata has no \"global\".");
    const auto type = global->get<std::string>("core:datatype", "");
    if (type != "ci16_le" && type != "cf32_le")
        refuse("the recording's core:datatype is '" + type + "'; ci16_le and cf32_le can be replayed.");
    const double rate = global->get<double>("core:sample_rate", 0);
    if (!(rate > 0 && rate < 1e9))
        refuse("the recording's core:sample_rate must be a number of samples a second.");
    if (global->get<std::string>("core:num_channels", "1") != "1")
        refuse("the recording has several channels; one can be replayed.");
    return { type == "cf32_le", rate };
}

sigmf_reader::sigmf_reader(const std::string& name)
    : d_base(base_of(name)),
      d_metadata(parse_sigmf_metadata(read_text(d_base + meta_suffix))),
      d_file(d_base + data_suffix, std::ios::binary),
      d_floats(4096)
{
    d_file.seekg(0, std::ios::end);
    const std::streamoff bytes = d_file.tellg();
    if (bytes <= 0 || bytes % (d_metadata.is_float ? 8 : 4) != 0)
        refuse("cannot read " + d_base + data_suffix + ", or its length is no whole number of samples.");
    d_file.seekg(0);
}

void sigmf_reader::read(sc16* out, size_t n)
{
    if (!d_metadata.is_float) {
        d_file.read(reinterpret_cast<char*>(out), n * sizeof(sc16));
        std::fill(out + d_file.gcount() / sizeof(sc16), out + n, sc16(0, 0));
        return;
    }
    while (n > 0) {
        const size_t now = std::min(n, d_floats.size());
        d_file.read(reinterpret_cast<char*>(d_floats.data()), now * sizeof(d_floats[0]));
        std::fill(d_floats.begin() + d_file.gcount() / sizeof(d_floats[0]), d_floats.begin() + now, 0);
        convert_to_digital(d_floats.data(), now, 1, out);
        out += now;
        n -= now;
    }
}

} // namespace uhd_virtual
