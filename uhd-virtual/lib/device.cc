// SPDX-License-Identifier: GPL-3.0-or-later
#include "device.h"
#include "power.h"
#include "rates.h"
#include "rx_streamer.h"
#include "tx_streamer.h"

#include <uhd/exception.hpp>
#include <uhd/types/sensors.hpp>
#include <uhd/usrp/dboard_eeprom.hpp>
#include <uhd/usrp/mboard_eeprom.hpp>
#include <uhd/usrp/subdev_spec.hpp>

#include <algorithm>
#include <climits>
#include <thread>

namespace uhd_virtual {

namespace {

const uhd::fs_path board("/mboards/0");
const std::vector<std::string> front_end_names = { "A", "B" };

constexpr double default_master_clock = 16e6;
constexpr double lowest_frequency = 70e6, highest_frequency = 6e9;
constexpr double lowest_bandwidth = 200e3, highest_bandwidth = 56e6;

/* Front ends of a subdev spec such as "A:A A:B" */
std::vector<size_t> mapping_of(const uhd::usrp::subdev_spec_t& spec)
{
    std::vector<size_t> mapping;
    for (const auto& pair : spec) {
        const auto found = std::find(front_end_names.begin(), front_end_names.end(), pair.sd_name);
        const size_t index = found - front_end_names.begin();
        if (pair.db_name != "A" || found == front_end_names.end() ||
            std::count(mapping.begin(), mapping.end(), index))
            throw uhd::value_error("virtual USRP: the subdev spec '" + spec.to_string() +
                                   "' must be A:A, A:B, 'A:A A:B' or 'A:B A:A'.");
        mapping.push_back(index);
    }
    return mapping;
}

void require_member(const std::string& value, const std::vector<std::string>& options, const char* what)
{
    if (std::find(options.begin(), options.end(), value) != options.end())
        return;
    std::string list;
    for (const auto& each : options)
        list += (list.empty() ? "" : " or ") + each;
    throw uhd::value_error(std::string("virtual USRP: there is no ") + what + " '" + value + "'; it may be " + list + ".");
}

/* value and options below path, as for antennas and clock sources */
void build_choice(uhd::property_tree& tree, const uhd::fs_path& path, const std::vector<std::string>& options,
                  const std::string& value, const char* what)
{
    tree.create<std::vector<std::string>>(path / "options").set(options);
    tree.create<std::string>(path / "value")
        .add_coerced_subscriber([=](const std::string& choice) { require_member(choice, options, what); })
        .set(value);
}

/* value and range below path; the value is clipped */
void build_number(uhd::property_tree& tree, const uhd::fs_path& path, const uhd::meta_range_t& range,
                  std::atomic<double>& target)
{
    tree.create<uhd::meta_range_t>(path / "range").set(range);
    tree.create<double>(path / "value")
        .set_coercer([range](double value) { return range.clip(value, true); })
        .add_coerced_subscriber([&target](double value) { target = value; })
        .set(target);
}

void build_sensor(uhd::property_tree& tree, const uhd::fs_path& path, std::function<uhd::sensor_value_t()> read)
{
    tree.create<uhd::sensor_value_t>(path).set_publisher(std::move(read));
}

} // namespace

device::device(const uhd::device_addr_t& args)
    : d_radio(std::make_shared<radio>(parse_settings(args))),
      d_master_clock(d_radio->configured.master_clock_rate.value_or(default_master_clock)),
      d_automatic_clock(!d_radio->configured.master_clock_rate)
{
    _type = uhd::device::USRP;
    _tree = uhd::property_tree::make();
    _tree->create<std::string>("/name").set("Virtual USRP");
    build_motherboard();
    build_time();
    for (size_t i = 0; i < radio::channels; ++i) {
        const std::string name = front_end_names[i];
        build_dsp(board / "rx_dsps" / i, d_radio->rx[i]);
        build_dsp(board / "tx_dsps" / i, d_radio->tx[i]);
        _tree->create<uhd::stream_cmd_t>(board / "rx_dsps" / i / "stream_cmd")
            .add_desired_subscriber([this, i](const uhd::stream_cmd_t& command) { issue_stream_cmd(i, command); });
        build_front_end(board / "dboards/A/rx_frontends" / name, d_radio->rx[i], false, "FE-RX" + std::to_string(i + 1));
        build_front_end(board / "dboards/A/tx_frontends" / name, d_radio->tx[i], true, "FE-TX" + std::to_string(i + 1));
    }
    build_subdev_spec("rx", d_radio->rx_mapping);
    build_subdev_spec("tx", d_radio->tx_mapping);
}

void device::build_motherboard()
{
    const settings& configured = d_radio->configured;
    uhd::usrp::mboard_eeprom_t eeprom;
    eeprom["name"] = configured.name;
    eeprom["serial"] = configured.serial;
    eeprom["product"] = "virtual";
    _tree->create<std::string>(board / "name").set("virtual B210");
    _tree->create<uhd::usrp::mboard_eeprom_t>(board / "eeprom").set(eeprom);
    for (const std::string prefix : { "rx", "tx" }) {
        _tree->create<std::string>(board / (prefix + "_codecs/A/name")).set("virtual 12-bit converter");
        _tree->create<int>(board / (prefix + "_codecs/A/gains")); // there are none, but the folder has to be
        _tree->create<uhd::usrp::dboard_eeprom_t>(board / ("dboards/A/" + prefix + "_eeprom")).set({});
    }
    _tree->create<uhd::meta_range_t>(board / "tick_rate/range").set(master_clock_range());
    _tree->create<double>(board / "tick_rate")
        .set_coercer([this](double hz) { return set_master_clock(hz); })
        .set_publisher([this] { return d_master_clock; });
    _tree->create<bool>(board / "auto_tick_rate")
        .set(d_automatic_clock)
        .add_coerced_subscriber([this](bool automatic) { d_automatic_clock = automatic; });
    build_sensor(*_tree, board / "sensors/ref_locked",
                 [] { return uhd::sensor_value_t("Ref", true, "locked", "unlocked"); });
}

void device::build_time()
{
    clock& time = d_radio->time;
    _tree->create<uhd::time_spec_t>(board / "time/now")
        .set_publisher([&time] { return time.time_now(); })
        .add_desired_subscriber([&time](const uhd::time_spec_t& value) { time.set_time_now(value); });
    _tree->create<uhd::time_spec_t>(board / "time/pps")
        .set_publisher([&time] { return time.time_at_last_pps(); })
        .add_desired_subscriber([&time](const uhd::time_spec_t& value) { time.set_time_at_next_pps(value); });
    const std::vector<std::string> sources = { "internal", "external" };
    build_choice(*_tree, board / "time_source", sources, "internal", "time source");
    build_choice(*_tree, board / "clock_source", sources, "internal", "clock source");
}

void device::build_subdev_spec(const std::string& prefix, std::vector<size_t>& mapping)
{
    const uhd::fs_path mapping_path = board / (prefix + "_chan_dsp_mapping");
    _tree->create<std::vector<size_t>>(mapping_path);
    _tree->create<uhd::usrp::subdev_spec_t>(board / (prefix + "_subdev_spec"))
        .add_coerced_subscriber([this, mapping_path, &mapping](const uhd::usrp::subdev_spec_t& spec) {
            mapping = mapping_of(spec);
            _tree->access<std::vector<size_t>>(mapping_path).set(mapping);
        })
        .set(uhd::usrp::subdev_spec_t("A:A A:B"));
}

void device::build_dsp(const uhd::fs_path& path, front_end& end)
{
    _tree->create<uhd::meta_range_t>(path / "rate/range").set_publisher([this] { return sample_rates(d_master_clock); });
    _tree->create<double>(path / "rate/value")
        .set_coercer([this, &end](double rate) { return set_rate(end, rate); })
        .set_publisher([&end] { return end.rate.load(); });
    _tree->create<uhd::meta_range_t>(path / "freq/range").set_publisher([this] {
        return uhd::meta_range_t(-d_master_clock / 2, d_master_clock / 2);
    });
    _tree->create<double>(path / "freq/value")
        .set_coercer([this](double hz) { return std::clamp(hz, -d_master_clock / 2, d_master_clock / 2); })
        .add_coerced_subscriber([&end](double hz) { end.dsp_hz = hz; })
        .set(0);
}

void device::build_front_end(const uhd::fs_path& path, front_end& end, bool transmits, const std::string& name)
{
    _tree->create<std::string>(path / "name").set(name);
    _tree->create<std::string>(path / "connection").set("IQ");
    _tree->create<bool>(path / "enabled").set(true);
    _tree->create<bool>(path / "use_lo_offset").set(false);
    build_number(*_tree, path / "freq", { lowest_frequency, highest_frequency }, end.rf_hz);
    build_number(*_tree, path / "gains/PGA",
                 transmits ? uhd::meta_range_t(0, tx_gain_max_db, 0.25) : uhd::meta_range_t(0, rx_gain_max_db, 1), end.gain_db);
    const uhd::meta_range_t bandwidths(lowest_bandwidth, highest_bandwidth);
    _tree->create<uhd::meta_range_t>(path / "bandwidth/range").set(bandwidths);
    _tree->create<double>(path / "bandwidth/value")
        .set_coercer([bandwidths](double hz) { return bandwidths.clip(hz); })
        .set(highest_bandwidth);
    build_choice(*_tree, path / "antenna",
                 transmits ? std::vector<std::string>{ "TX/RX" } : std::vector<std::string>{ "TX/RX", "RX2" },
                 transmits ? "TX/RX" : "RX2", "antenna");
    build_sensor(*_tree, path / "sensors/lo_locked", [] { return uhd::sensor_value_t("LO", true, "locked", "unlocked"); });
    build_sensor(*_tree, path / "sensors/temp", [] { return uhd::sensor_value_t("temp", 25.0, "C"); });
    build_sensor(*_tree, path / "sensors/clipped", [&end] {
        return uhd::sensor_value_t("clipped", static_cast<int>(std::min<uint64_t>(end.clipped_samples, INT_MAX)), "samples");
    });
    if (!transmits)
        build_sensor(*_tree, path / "sensors/rssi", [&end] { return uhd::sensor_value_t("RSSI", end.power_dbm, "dBm"); });
}

/* The sample rates follow the master clock, but for those of open streams, which cannot change. */
double device::set_master_clock(double hz)
{
    const double master_clock = master_clock_range().clip(hz);
    front_end* ends[] = { &d_radio->rx[0], &d_radio->rx[1], &d_radio->tx[0], &d_radio->tx[1] };
    for (front_end* end : ends)
        if (end->streams > 0 && nearest_sample_rate(end->rate, master_clock) != end->rate)
            throw uhd::runtime_error("virtual USRP: a stream is open, and its sample rate does not go with this one or this "
                                     "master clock; close it first.");
    for (front_end* end : ends)
        end->rate = nearest_sample_rate(end->rate, master_clock);
    return d_master_clock = master_clock;
}

double device::set_rate(front_end& end, double rate)
{
    if (rate == end.rate)
        return rate;
    if (end.streams > 0)
        throw uhd::runtime_error("virtual USRP: the sample rate cannot change while a stream is open; close it first.");
    if (d_automatic_clock) {
        const bool receives = &end == &d_radio->rx[0] || &end == &d_radio->rx[1];
        set_master_clock(choose_master_clock({ rate, receives ? d_radio->tx[0].rate : d_radio->rx[0].rate }));
    }
    const double nearest = nearest_sample_rate(rate, d_master_clock);
    d_radio->where->check_rate(nearest); // now, as gr-uhd opens its stream in a thread whose exceptions get lost
    end.rate = nearest;
    return nearest;
}

uhd::rx_streamer::sptr device::get_rx_stream(const uhd::stream_args_t& args)
{
    const auto result = std::make_shared<rx_streamer>(d_radio, args);
    for (const size_t i : result->channels())
        d_rx_streams[i] = result;
    return result;
}

uhd::tx_streamer::sptr device::get_tx_stream(const uhd::stream_args_t& args)
{
    const auto result = std::make_shared<tx_streamer>(d_radio, args);
    d_tx_stream = result;
    return result;
}

void device::issue_stream_cmd(size_t channel, const uhd::stream_cmd_t& command)
{
    if (const auto stream = d_rx_streams[channel].lock())
        stream->issue_stream_cmd(command);
}

bool device::recv_async_msg(uhd::async_metadata_t& message, double timeout)
{
    if (const auto stream = d_tx_stream.lock())
        return stream->recv_async_msg(message, timeout);
    std::this_thread::sleep_until(host_time_after(timeout));
    return false;
}

} // namespace uhd_virtual
