/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gnuradio/semcom/loopback_source.h>

#include <pybind11/complex.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace py = pybind11;

void bind_loopback_source(py::module& m)
{
    using gr::semcom::loopback_source;

    py::class_<loopback_source, gr::sync_block, gr::block, gr::basic_block, std::shared_ptr<loopback_source>>(
        m, "loopback_source", R"(
Takes the place of a USRP source: hears the loopback_sink at the same address through a channel.

Output: complex samples. A burst passes through fractional delay, multipath, carrier offset and phase, and noise, all
drawn from (seed, number of the burst) alone: the same bursts and seed give the same samples, bit by bit. Bursts come
as fast as the samples are taken; while nobody sends, noise flows at samp_rate.

Tags: rx_time and rx_rate on the first sample; on the first sample of each burst's segment loopback_burst, a
dictionary of what was drawn: index, cfo_hz, phase_rad and delay_samples (from this sample to the burst's first; with
max_delay_samples above 0 it includes 15 samples of the interpolation filter).

address: a plain name, say air0: a channel within this process. tcp://HOST:PORT or ipc://FILE: from another process
    through ZeroMQ; the source connects.
samp_rate: samples a second; the loopback_sink has the same.
snr_db: noise has variance 10^(-snr_db/10) a complex sample, in bursts and between them: the Es/N0 of symbols sent
    with energy 1 a sample; -100 dB or more, inf: no noise.
cfo_hz: carrier frequency offset.
cfo_spread_hz: a burst's offset is uniform in cfo_hz -+ cfo_spread_hz.
max_delay_samples: a burst's delay is uniform in 0 .. max_delay_samples, with fractions; 0: none.
random_phase: a burst's phase is uniform, or else 0.
taps: impulse response, one tap a sample, 1 to 256; scaled to unit energy.
fading: "none", or "rayleigh": tap i of a burst is drawn from CN(0, |taps[i]|^2).
seed: of all that is drawn, 0 or more.

The setters hold from the next burst on, in a stream without burst tags from the next samples on (where phase, delay
and fading are then drawn anew), for the noise between bursts at once; a value that cannot be is warned about and
changes nothing. The message port "command" takes a dictionary or pair of the same names, for example
{"snr_db": 12.0}.

Raises ValueError for an argument that cannot be, or a name that has a source already; RuntimeError if the address
cannot be connected to.
)")
        .def(py::init(&loopback_source::make),
             py::arg("address"),
             py::arg("samp_rate"),
             py::arg("snr_db") = 20.0,
             py::arg("cfo_hz") = 0.0,
             py::arg("cfo_spread_hz") = 0.0,
             py::arg("max_delay_samples") = 64.0,
             py::arg("random_phase") = true,
             py::arg("taps") = std::vector<gr_complex>{ 1.0f },
             py::arg("fading") = "none",
             py::arg("seed") = 1)
        .def("set_snr_db", &loopback_source::set_snr_db, py::arg("snr_db"))
        .def("set_cfo_hz", &loopback_source::set_cfo_hz, py::arg("cfo_hz"))
        .def("set_cfo_spread_hz", &loopback_source::set_cfo_spread_hz, py::arg("cfo_spread_hz"))
        .def("set_max_delay_samples", &loopback_source::set_max_delay_samples, py::arg("max_delay_samples"))
        .def("set_random_phase", &loopback_source::set_random_phase, py::arg("random_phase"))
        .def("set_taps", &loopback_source::set_taps, py::arg("taps"))
        .def("set_fading", &loopback_source::set_fading, py::arg("fading"))
        .def("snr_db", &loopback_source::snr_db)
        .def("cfo_hz", &loopback_source::cfo_hz)
        .def("cfo_spread_hz", &loopback_source::cfo_spread_hz)
        .def("max_delay_samples", &loopback_source::max_delay_samples)
        .def("random_phase", &loopback_source::random_phase)
        .def("taps", &loopback_source::taps, "As set, not scaled.")
        .def("fading", &loopback_source::fading)
        .def("refused_messages",
             &loopback_source::refused_messages,
             "ZeroMQ messages that were no samples of such a channel, or of another rate, and were dropped.");
}
