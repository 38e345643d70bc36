/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gnuradio/semcom/burst_transmitter.h>

#include <pybind11/pybind11.h>

namespace py = pybind11;

void bind_burst_transmitter(py::module& m)
{
    using gr::semcom::burst_transmitter;

    py::class_<burst_transmitter, gr::sync_block, gr::block, gr::basic_block, std::shared_ptr<burst_transmitter>>(
        m, "burst_transmitter", R"(
Sends images' complex symbols as bursts of OFDM or DFT-spread OFDM, one burst a fragment of an image.

Message port symbols takes symbols PDUs: a c32vector of 1 to 16777216 symbols, best of mean power 1, with
metadata image_id and codec_id (0 to 65535), height and width (1 to 8191) and scale (2^-16 to 65000, which the receiver
multiplies by, in steps of 0.54 %). Other entries are ignored. A PDU that is anything else is dropped, counted and
warned about.

Output: complex samples. Bursts follow each other without a pause as long as there are images. When the last sample of
an image is out, a dict {image_id, samples} is published at port sent.

amplitude: of the output; at 1 a payload symbol of energy 1 has energy 1 after the receiver's unitary FFT.
fragment_symbols: payload symbols a burst carries at most, 1 to 16384.
length_tag: key of the tag on a burst's first sample that holds its length in samples.
preset: of the frame, "narrow", "wide" or "long_multipath"; the receiver's must be the same.
waveform: "ofdm", or "dft_spread", which has lower peaks for QAM symbols; a receiver takes both.
peak_limit_db: samples are clipped so far above the mean power of an image's payload, at least 3; inf: they are not.
ramp_samples: over which the power rises before a frame and falls behind it, 0 to the FFT size.
gap_samples: of silence at the end of a burst, 0 to 1000000.

Raises ValueError for a value outside these ranges.
)")
        .def(py::init(&burst_transmitter::make),
             py::arg("amplitude") = 1.0f,
             py::arg("fragment_symbols") = 4096,
             py::arg("length_tag") = "packet_len",
             py::arg("preset") = "narrow",
             py::arg("waveform") = "ofdm",
             py::arg("peak_limit_db") = 15.0,
             py::arg("ramp_samples") = 8,
             py::arg("gap_samples") = 0)
        .def("peak",
             &burst_transmitter::peak,
             "No sample is larger: below 1 for a USRP. Infinite without a peak limit.")
        .def("amplitude", &burst_transmitter::amplitude)
        .def("set_amplitude",
             &burst_transmitter::set_amplitude,
             py::arg("amplitude"),
             "From the next burst on; a value that is not finite or not above 0 is warned about and changes nothing.")
        .def("images", &burst_transmitter::images, "Images sent whole.")
        .def("frames", &burst_transmitter::frames, "Frames sent whole, one burst each.")
        .def("dropped", &burst_transmitter::dropped, "PDUs that could not be sent.");
}
