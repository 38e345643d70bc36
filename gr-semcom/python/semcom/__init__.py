# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of GNU Radio for semantic communication: images over radio with learned encoders and decoders.

C++ blocks: burst_transmitter, burst_receiver, loopback_sink, loopback_source. Python blocks: image_source, adapter,
encoder, model_sender, power_normalizer, decoder, recognizer, reference_probe, image_sink, link_probe, link_display,
radio_channel, radio_monitor, sigmf_sink, sigmf_source; radio_levels reads what a calibration found. Only adapter,
encoder, model_sender, decoder and recognizer need PyTorch, and only once they are made.
"""

import numpy as _numpy

try:
    from .semcom_python import burst_receiver, burst_transmitter, loopback_sink, loopback_source
except (ImportError, AttributeError) as _error:
    if int(_numpy.__version__.split(".")[0]) < 2:
        raise
    raise ImportError(
        f"GNU Radio does not load with NumPy {_numpy.__version__} ({_error}): run pip install 'numpy<2' in this Python"
    ) from _error

from .adapter import adapter
from .decoder import decoder
from .encoder import encoder
from .image_sink import image_sink
from .image_source import image_source
from .link_display import link_display
from .link_probe import link_probe
from .model_sender import model_sender
from .power_normalizer import power_normalizer
from .radio_channel import radio_channel
from .radio_monitor import radio_monitor
from .radio_profile import radio_levels
from .recognizer import recognizer
from .reference_probe import reference_probe
from .sigmf_sink import sigmf_sink
from .sigmf_source import sigmf_source

__all__ = [
    "adapter",
    "burst_receiver",
    "burst_transmitter",
    "decoder",
    "encoder",
    "image_sink",
    "image_source",
    "link_display",
    "link_probe",
    "loopback_sink",
    "loopback_source",
    "model_sender",
    "power_normalizer",
    "radio_channel",
    "radio_levels",
    "radio_monitor",
    "recognizer",
    "reference_probe",
    "sigmf_sink",
    "sigmf_source",
]
