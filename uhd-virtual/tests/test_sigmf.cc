// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE sigmf
#include "sigmf.h"
#include "support.h"

#include <uhd/exception.hpp>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

using namespace test;
using namespace uhd_virtual;

namespace {

/* Files of one test, gone after it */
struct recording {
    const std::string base = "/tmp" + air_name("sigmf_");

    ~recording()
    {
        std::remove((base + ".sigmf-data").c_str());
        std::remove((base + ".sigmf-meta").c_str());
    }

    void put(const char* suffix, const std::string& content) const
    {
        std::ofstream(base + suffix, std::ios::binary) << content;
    }

    std::string get(const char* suffix) const
    {
        std::ostringstream text;
        text << std::ifstream(base + suffix, std::ios::binary).rdbuf();
        return text.str();
    }
};

std::string complaint(const std::string& json)
{
    try {
        parse_sigmf_metadata(json);
    } catch (const uhd::io_error& error) {
        return error.what();
    }
    return "";
}

std::vector<sc16> ramp(size_t n)
{
    std::vector<sc16> x(n);
    for (size_t i = 0; i < n; ++i)
        x[i] = { static_cast<int16_t>(i * 16), static_cast<int16_t>(-16 * static_cast<int>(i)) };
    return x;
}

const std::string good = R"({"global": {"core:datatype": "ci16_le", "core:sample_rate": 1e6, "core:version": "1.0.0"},)"
                         R"( "captures": [{"core:sample_start": 0, "core:frequency": 1e9}], "annotations": []})";

} // namespace

BOOST_AUTO_TEST_CASE(what_is_written_can_be_read)
{
    recording files;
    const auto x = ramp(1000);
    {
        sigmf_writer writer(files.base + ".sigmf-meta", 2.5e6);
        writer.write(x.data(), 600, 5000, 1e9);
        writer.write(&x[600], 300, 5600, 1e9);
        writer.write(&x[900], 100, 9999, 1e9); // after a gap
    }
    const std::string meta = files.get(".sigmf-meta");
    BOOST_TEST(meta.find(R"("core:sample_start": 900, "core:frequency": 1000000000, "core:global_index": 9999)") !=
               std::string::npos);
    BOOST_TEST(meta.find(R"("core:sample_start": 600)") == std::string::npos);
    sigmf_reader reader(files.base + ".sigmf-data");
    BOOST_TEST(reader.rate() == 2.5e6);
    std::vector<sc16> y(1010, sc16(1, 1));
    reader.read(y.data(), 10);
    reader.read(&y[10], 1000);
    BOOST_TEST(std::equal(x.begin(), x.end(), y.begin()));
    BOOST_TEST((y[1000] == sc16(0, 0) && y[1009] == sc16(0, 0)));
}

BOOST_AUTO_TEST_CASE(floating_point_is_read)
{
    recording files;
    std::string json = good;
    json.replace(json.find("ci16_le"), 7, "cf32_le");
    files.put(".sigmf-meta", json);
    const samples x = { { 0.5f, -0.25f }, { 2, 0 } };
    files.put(".sigmf-data", std::string(reinterpret_cast<const char*>(x.data()), sizeof(cf) * x.size()));
    std::vector<sc16> y(2);
    sigmf_reader(files.base).read(y.data(), 2);
    BOOST_TEST((y[0] == sc16(16384, -8192)));
    BOOST_TEST((y[1] == sc16(2047 * 16, 0)));
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_cut_off_is_noticed)
{
    recording files;
    {
        const auto x = ramp(1000);
        sigmf_writer(files.base, 1e6).write(x.data(), x.size(), 0, 1e9);
    }
    files.put(".sigmf-data", files.get(".sigmf-data").substr(0, 1234));
    BOOST_CHECK_THROW(sigmf_reader{ files.base }, uhd::io_error);
    BOOST_CHECK_THROW(sigmf_reader{ "/nowhere/at/all" }, uhd::io_error);
    BOOST_CHECK_THROW(sigmf_writer("/nowhere/at/all", 1e6), uhd::io_error);
}

BOOST_AUTO_TEST_CASE(metadata_that_is_of_no_use_gets_a_sentence)
{
    const auto with = [](const std::string& from, const std::string& to) {
        std::string json = good;
        return json.replace(json.find(from), from.size(), to);
    };
    BOOST_TEST(complaint(good) == "");
    BOOST_TEST(complaint("{").find("is no JSON (line 1") != std::string::npos);
    BOOST_TEST(complaint("{}").find("has no \"global\"") != std::string::npos);
    BOOST_TEST(complaint(with("ci16_le", "ru8")).find("'ru8'; ci16_le and cf32_le can be replayed") != std::string::npos);
    BOOST_TEST(complaint(with("1e6", "-1")).find("core:sample_rate must be") != std::string::npos);
    BOOST_TEST(complaint(with("1e6", "\"fast\"")).find("core:sample_rate must be") != std::string::npos);
    BOOST_TEST(complaint(with("\"core:version\"", "\"core:num_channels\": 2, \"core:version\"")).find("several channels") !=
               std::string::npos);
    BOOST_TEST(complaint(std::string(100000, '[')).find("nested too deep") != std::string::npos);
}

/* A mutation is either read, with a sensible rate, or refused by a uhd::io_error. */
BOOST_AUTO_TEST_CASE(arbitrary_metadata_does_no_harm)
{
    std::mt19937 random(1);
    int read = 0;
    for (int i = 0; i < 3000; ++i) {
        std::string json = good;
        for (unsigned k = random() % 4; k > 0; --k) {
            const size_t at = random() % json.size();
            switch (random() % 3) {
            case 0:
                json[at] = static_cast<char>(random());
                break;
            case 1:
                json.erase(at, random() % 20);
                break;
            default:
                json.insert(at, std::string(random() % 5, "{}[]\",:\\0"[random() % 9]));
            }
        }
        try {
            const double sample_rate = parse_sigmf_metadata(json).rate;
            BOOST_REQUIRE(sample_rate > 0 && sample_rate < 1e9);
            ++read;
        } catch (const uhd::io_error&) {
        }
    }
    BOOST_TEST(read > 200);
    BOOST_TEST(read < 2800);
}
