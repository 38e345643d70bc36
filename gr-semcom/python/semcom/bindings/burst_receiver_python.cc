/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gnuradio/semcom/burst_receiver.h>

#include <pybind11/pybind11.h>

namespace py = pybind11;

void bind_burst_receiver(py::module& m)
{
    using gr::semcom::burst_receiver;

    py::class_<burst_receiver, gr::sync_block, gr::block, gr::basic_block, std::shared_ptr<burst_receiver>>(
        m, "burst_receiver", R"(
From a stream of samples to the symbols of images, equalised and with the noise variance of each.

The counterpart of burst_transmitter, for any input level and carrier frequency offsets up to 0.06 rad/sample (preset
wide: 0.02, long_multipath: 0.03).

Input: complex samples; NaN and infinite ones count as 0.

Message port images publishes received PDUs: a c32vector of the image's k symbols times scale, with metadata image_id,
codec_id, height, width, scale, snr_db (Es/N0), cfo_hz, fragments, fragments_lost and noise_var, an f32vector of k
variances of the complex errors; where a fragment was lost the symbol is 0 and noise_var +inf. An image is published
when its last fragment is there, when a frame of another image is, when no frame has come for timeout_s, or on any
message at port flush.

Port previews publishes what has come of an image so far, after 1, 2, 4, 8 ... of its fragments, in the same form and
with preview (true); fragments_lost counts those that may still come too. The image itself follows at images. Where
nothing is connected a preview costs nothing.

Port frames publishes a dict for each frame: image_id, fragment, fragments, snr_db, cfo_hz, evm_percent (rms error over
the pilots) and sample (uint64, where the frame begins in the stream). Where a preamble was found but its header was
unreadable: header_failed (true), sample, snr_db, cfo_hz.

Port carriers publishes the carriers of each frame's payload before equalisation, pilots included, at a mean power near
1: a PDU for a constellation. Where nothing is connected it costs nothing.

A burst is found once some 2,000 samples (8,000 with the longer presets) have come after its beginning: append that
many zeros to a recording.

samp_rate: samples a second, for cfo_hz and timeout_s.
timeout_s: seconds without a frame after which an incomplete image is published.
false_alarm: probability that a sample of white noise is taken for a preamble, 1e-15 to 0.01.
preset: of the frame, "narrow", "wide" or "long_multipath", as the transmitter has it.
equalizer: "zero_forcing": symbols without bias, and the variance of their errors; "mmse": of least mean squared error
    for symbols of power 1, and that error. The codecs of this project want zero_forcing.

Raises ValueError for a value outside these ranges.
)")
        .def(py::init(&burst_receiver::make),
             py::arg("samp_rate"),
             py::arg("timeout_s") = 1.0,
             py::arg("false_alarm") = 1e-12,
             py::arg("preset") = "narrow",
             py::arg("equalizer") = "zero_forcing")
        .def("frames", &burst_receiver::frames, "Frames with a good header.")
        .def("header_failures", &burst_receiver::header_failures, "Preambles whose header was unreadable.")
        .def("images", &burst_receiver::images, "Images published.")
        .def("fragments_lost", &burst_receiver::fragments_lost, "Fragments that the published images lack.")
        .def("contradictory_fragments",
             &burst_receiver::contradictory_fragments,
             "Fragments whose fields differ from those of the image's others; dropped.")
        .def("nonfinite_samples", &burst_receiver::nonfinite_samples, "NaN or infinite samples, taken as 0.")
        .def("gaps", &burst_receiver::gaps, "Places where the radio lost samples: tags rx_time but the first.");
}
