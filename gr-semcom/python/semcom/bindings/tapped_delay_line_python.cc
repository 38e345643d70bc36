/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gnuradio/semcom/tapped_delay_line.h>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace py = pybind11;

void bind_tapped_delay_line(py::module& m)
{
    using gr::semcom::tapped_delay_line;

    py::class_<tapped_delay_line, gr::sync_block, gr::block, gr::basic_block, std::shared_ptr<tapped_delay_line>>(
        m, "tapped_delay_line", R"(
The fading part of radio_channel: paths whose gains are sums of sinusoids.

path_filters: impulse responses of the paths at gain 1, [paths][taps].
shifts: Doppler shifts of each path's sinusoids in units of doppler, [paths][sinusoids].
cycles: their phases at the first sample in cycles, [paths][sinusoids].
doppler: largest Doppler shift in cycles a sample.
knot_spacing: samples between two gains that are computed, 1 or more; straight lines in between.
delay: samples that the filters lag, by which tags move.

Raises ValueError for sizes that do not fit.
)")
        .def(py::init(&tapped_delay_line::make),
             py::arg("path_filters"),
             py::arg("shifts"),
             py::arg("cycles"),
             py::arg("doppler"),
             py::arg("knot_spacing"),
             py::arg("delay"))
        .def("set_doppler",
             &tapped_delay_line::set_doppler,
             py::arg("doppler"),
             py::arg("knot_spacing"),
             "From the next knot on; gains go on from where they are.");
}
