// SPDX-License-Identifier: GPL-3.0-or-later
#include "modem.h"

namespace bench {

namespace phy = semcom::phy;

namespace {

class ours : public modem, private phy::receiver_listener
{
public:
    ours(size_t payload_symbols, const phy::burst_shape& shape, const phy::frame_params& params)
        : d_payload_symbols(payload_symbols), d_params(params), d_transmitter(params, payload_symbols, shape)
    {
        reset();
    }

    std::string name() const override { return "semcom"; }
    size_t payload_symbols() const override { return d_payload_symbols; }
    double symbol_energy() const override { return 1; }

    samples burst(samples& payload, rng& random) override
    {
        payload = test::gaussian(d_payload_symbols, random);
        return test::bursts(d_transmitter, test::info(payload.size(), d_image_id++), payload)[0];
    }

    void push(const samples& stream, outcome& result) override
    {
        d_result = &result;
        d_receiver->push(stream.data(), stream.size(), *this);
        d_result = nullptr;
    }

    void reset() override
    {
        d_receiver = std::make_unique<phy::receiver>(d_params, test::false_alarm, test::timeout);
    }

private:
    void on_frame(const phy::frame_report& report) override
    {
        ++d_result->detections;
        d_result->headers += report.header_ok;
    }
    void on_image(const phy::received_image& image) override
    {
        ++d_result->payloads;
        d_result->symbols.assign(image.symbols.begin(), image.symbols.end());
    }

    size_t d_payload_symbols;
    phy::frame_params d_params;
    phy::transmitter d_transmitter;
    std::unique_ptr<phy::receiver> d_receiver;
    outcome* d_result = nullptr;
    uint16_t d_image_id = 0;
};

} // namespace

std::unique_ptr<modem>
make_ours(size_t payload_symbols, const phy::burst_shape& shape, const phy::frame_params& params)
{
    return std::make_unique<ours>(payload_symbols, shape, params);
}

} // namespace bench
