/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gnuradio/semcom/loopback_sink.h>

#include <pybind11/pybind11.h>

namespace py = pybind11;

void bind_loopback_sink(py::module& m)
{
    using gr::semcom::loopback_sink;

    py::class_<loopback_sink, gr::sync_block, gr::block, gr::basic_block, std::shared_ptr<loopback_sink>>(
        m, "loopback_sink", R"(
Takes the place of a USRP sink: sends to the loopback_source at the same address.

Input: complex samples. Bursts are marked as for the USRP sink: by a length tag on the first sample, or by tx_sob on
the first and tx_eob on the last. A stream without such tags is sent as one burst without end. Once a length tag was
seen, samples between two bursts are dropped with a warning, as a USRP sink does. Other tags (tx_time, tx_freq) have
no effect.

While the flowgraph runs nothing else is dropped: the block waits while the channel is full. When it stops, a reader in
another process has about two seconds to take what is left; the rest is lost, with a warning for what never left the
block.

address: a plain name, say air0: a channel within this process. tcp://0.0.0.0:PORT or ipc://FILE: to another process
    through ZeroMQ; the sink binds.
samp_rate: samples a second; the loopback_source has the same.
length_tag: key of the tag that holds the length of a burst in samples; empty: none.

Raises ValueError for an address or rate that cannot be, or a name that has a sink already; RuntimeError if the
address cannot be bound.
)")
        .def(py::init(&loopback_sink::make),
             py::arg("address"),
             py::arg("samp_rate"),
             py::arg("length_tag") = "packet_len");
}
