# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of GNU Radio for semantic communication: images over radio with learned encoders and decoders.

C++ blocks: burst_transmitter, burst_receiver, loopback_sink, loopback_source. Python blocks: image_source, encoder,
power_normalizer, decoder, image_sink, link_probe, radio_channel. Only an encoder or decoder needs PyTorch, and only
once it is made.
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

from .decoder import decoder
from .encoder import encoder
from .image_sink import image_sink
from .image_source import image_source
from .link_probe import link_probe
from .power_normalizer import power_normalizer
from .radio_channel import radio_channel

__all__ = [
    "burst_receiver",
    "burst_transmitter",
    "decoder",
    "encoder",
    "image_sink",
    "image_source",
    "link_probe",
    "loopback_sink",
    "loopback_source",
    "power_normalizer",
    "radio_channel",
]
