// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings.h"

#include <uhd/exception.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <string_view>

namespace uhd_virtual {

namespace {

constexpr size_t most_taps = 64;
constexpr int packet_header_bytes = 16;
constexpr int bytes_per_sample = 4;

struct number_key {
    const char* key;
    double settings::*field;
    double low, high;
};

constexpr number_key number_keys[] = {
    { "time_offset_s", &settings::time_offset_s, -1e9, 1e9 },
    { "clock_ppm", &settings::clock_ppm, -200, 200 },
    { "loss_db", &settings::loss_db, 0, 300 },
    { "delay_us", &settings::delay_us, 0, 1e4 },
    { "noise_figure_db", &settings::noise_figure_db, 0, 100 },
    { "cfo_hz", &settings::cfo_hz, -1e6, 1e6 },
    { "phase_noise_deg", &settings::phase_noise_deg, 0, 30 },
    { "phase_noise_corner_hz", &settings::phase_noise_corner_hz, 1, 1e7 },
    { "iq_gain_db", &settings::iq_gain_db, -6, 6 },
    { "iq_phase_deg", &settings::iq_phase_deg, -30, 30 },
    { "seed", &settings::seed, 0, 9007199254740992.0 },
    { "unplug_after_s", &settings::unplug_after_s, 0, 1e6 },
    // UHD's own; the ring of a transmitter has to hold both buffers
    { "recv_frame_size", &settings::recv_frame_size, 128, 16384 },
    { "num_recv_frames", &settings::num_recv_frames, 2, 256 },
    { "send_frame_size", &settings::send_frame_size, 128, 16384 },
    { "num_send_frames", &settings::num_send_frames, 2, 64 },
};

struct text_key {
    const char* key;
    std::string settings::*field;
};

constexpr text_key text_keys[] = {
    { "serial", &settings::serial }, { "name", &settings::name },     { "air", &settings::air },
    { "record", &settings::record }, { "replay", &settings::replay },
};

// What programs pass to any USRP and what means nothing here
constexpr const char* ignored_keys[] = { "type", "product",        "addr",           "resource",     "fpga",       "fw",
                                         "uhd",  "recv_buff_size", "send_buff_size", "clock_source", "time_source" };

[[noreturn]] void refuse(const std::string& sentence) { throw uhd::value_error("virtual USRP: " + sentence); }

/* Parses the number that text begins with and drops it from text. */
std::optional<double> take_number(std::string_view& text)
{
    std::string_view rest = text;
    if (rest.size() > 1 && rest[0] == '+' && rest[1] != '-')
        rest.remove_prefix(1); // from_chars takes no plus
    double value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc() || !std::isfinite(value))
        return std::nullopt;
    text = rest.substr(end - rest.data());
    return value;
}

double parse_number(const std::string& key, const std::string& text, double low, double high)
{
    std::string_view rest = text;
    const auto value = take_number(rest);
    if (!value || !rest.empty() || *value < low || *value > high) {
        char range[80];
        std::snprintf(range, sizeof range, "%.17g to %.17g", low, high);
        refuse(key + "=" + text + " must be a number from " + range + ".");
    }
    return *value;
}

/* "0.5", "-0.5j" or "0.5-0.5j" */
std::complex<float> parse_tap(const std::string& text)
{
    std::string_view rest = text;
    double parts[2] = { 0, 0 };
    for (bool imaginary = false; !imaginary;) {
        const auto value = take_number(rest);
        if (!value || std::abs(*value) > 1000)
            break;
        imaginary = !rest.empty() && rest[0] == 'j';
        parts[imaginary] = *value;
        if (imaginary)
            rest.remove_prefix(1);
        if (rest.empty())
            return { static_cast<float>(parts[0]), static_cast<float>(parts[1]) };
        if (rest[0] != '+' && rest[0] != '-')
            break;
    }
    refuse("the tap '" + text + "' must be a complex number such as 0.5-0.2j, parts within -1000 to 1000.");
}

std::vector<std::complex<float>> parse_taps(const std::string& text)
{
    std::vector<std::complex<float>> taps;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(':', begin), text.size());
        taps.push_back(parse_tap(text.substr(begin, end - begin)));
        begin = end + 1;
        if (taps.size() > most_taps)
            refuse("taps must be no more than " + std::to_string(most_taps) + ".");
    }
    return taps;
}

void check_air(const std::string& name)
{
    constexpr auto allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    if (name.size() < 2 || name.size() > 64 || name[0] != '/' ||
        name.find_first_not_of(allowed, 1) != std::string::npos)
        refuse("air=" + name + " must be a slash and up to 63 letters, digits, '_', '-' or '.', such as air=/lab.");
}

std::string known_keys()
{
    std::vector<std::string> keys = { "master_clock_rate", "speed", "taps" };
    for (const auto& each : number_keys)
        keys.push_back(each.key);
    for (const auto& each : text_keys)
        keys.push_back(each.key);
    std::sort(keys.begin(), keys.end());
    std::string list;
    for (const auto& key : keys)
        list += (list.empty() ? "" : ", ") + key;
    return list;
}

bool parse_key(settings& out, const std::string& key, const std::string& text)
{
    for (const auto& each : number_keys)
        if (key == each.key) {
            out.*each.field = parse_number(key, text, each.low, each.high);
            return true;
        }
    for (const auto& [name, field] : text_keys)
        if (key == name) {
            if (text.empty())
                refuse("a value is missing after '" + key + "='.");
            out.*field = text;
            return true;
        }
    if (key == "speed")
        out.speed = parse_number(key, text, 1e-3, 10);
    else if (key == "master_clock_rate")
        out.master_clock_rate = parse_number(key, text, 5e6, 61.44e6);
    else if (key == "taps")
        out.taps = parse_taps(text);
    else
        return std::find(std::begin(ignored_keys), std::end(ignored_keys), key) != std::end(ignored_keys);
    return true;
}

size_t packet_samples(double frame_bytes)
{
    return (static_cast<size_t>(frame_bytes) - packet_header_bytes) / bytes_per_sample;
}

} // namespace

size_t settings::recv_packet_samples() const { return packet_samples(recv_frame_size); }

size_t settings::send_packet_samples() const { return packet_samples(send_frame_size); }

int64_t settings::recv_buffer_samples() const
{
    return std::min<int64_t>(recv_packet_samples() * static_cast<int64_t>(num_recv_frames), 1 << 18);
}

int64_t settings::send_buffer_samples() const
{
    return std::min<int64_t>(send_packet_samples() * static_cast<int64_t>(num_send_frames), 1 << 17);
}

int64_t settings::samples_until_unplugged(double rate) const
{
    return static_cast<int64_t>(std::min(unplug_after_s * rate, 0x1p62));
}

settings parse_settings(const uhd::device_addr_t& args)
{
    settings out;
    for (const std::string& key : args.keys())
        if (!parse_key(out, key, args[key]))
            refuse("there is no device argument '" + key + "'; there are " + known_keys() + ".");
    if (!out.air.empty())
        check_air(out.air);
    if (!out.record.empty() && !out.replay.empty())
        refuse("record= and replay= exclude each other.");
    return out;
}

} // namespace uhd_virtual
