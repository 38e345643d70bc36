/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <pybind11/pybind11.h>

namespace py = pybind11;

void bind_burst_transmitter(py::module& m);
void bind_burst_receiver(py::module& m);
void bind_loopback_sink(py::module& m);
void bind_loopback_source(py::module& m);
void bind_tapped_delay_line(py::module& m);
void bind_exit_on_terminate(py::module& m);

PYBIND11_MODULE(semcom_python, m)
{
    py::module::import("gnuradio.gr"); // registers the base classes of the blocks

    bind_burst_transmitter(m);
    bind_burst_receiver(m);
    bind_loopback_sink(m);
    bind_loopback_source(m);
    bind_tapped_delay_line(m);
    bind_exit_on_terminate(m);
}
