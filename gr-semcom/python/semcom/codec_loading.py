# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam to semcom_models: the only place of the blocks that imports it, and only when a block needs it."""

from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from semcom_models.adaptation import Adapter
    from semcom_models.aesc.air import DecoderReceiver
    from semcom_models.choice import Choice
    from semcom_models.codec import Codec, Csi
    from semcom_models.judge import Judge

ENGINES = ("auto", "torch", "openvino")


def _models() -> tuple[ModuleType, ModuleType]:
    """``semcom_models.codec`` and ``semcom_models.zoo``."""
    try:
        from semcom_models import codec, zoo
    except ImportError as error:
        raise RuntimeError(
            f"The encoder and the decoder need the Python package semcom_models and PyTorch ({error}): "
            "start them through ./semcom, which brings both, or run 'pip install -e .' at the root of gr-semcom."
        ) from error
    return codec, zoo


def radio_models() -> ModuleType:
    """``semcom_models.radio``, which needs no PyTorch."""
    try:
        from semcom_models import radio
    except ImportError as error:
        raise RuntimeError(
            f"The radio channel needs the Python package semcom_models ({error}): "
            "start it through ./semcom, which brings it, or run 'pip install -e .' at the root of gr-semcom."
        ) from error
    return radio


def check_engine(engine: str) -> str:
    """``engine``, if there is one of this name, and if semcom_models is there to run it."""
    if engine not in ENGINES:
        raise ValueError(f"There is no engine {engine!r}; choose one of {', '.join(ENGINES)}.")
    _models()
    return engine


def find_codec(codec: "str | Codec", *, engine: str) -> "Codec":
    """A codec of the zoo by its name, or from a folder, or the codec itself where one is handed over."""
    if isinstance(codec, str):
        return _models()[1].load_codec(codec, engine=engine)
    return codec


def find_choice(codec: "str | Codec", *, engine: str) -> "Choice":
    """What picks the codec of each picture: the one of this name, or of several with commas between."""
    _models()
    from semcom_models.choice import Choice

    names = [name.strip() for name in codec.split(",")] if isinstance(codec, str) else [codec]
    return Choice(names, engine=engine)


def codec_by_id(codec_id: int, *, engine: str) -> "Codec":
    """A codec of the zoo by the id that frames carry."""
    return _models()[1].load_by_id(codec_id, engine=engine)


def find_judge(downstream: str) -> "Judge":
    """What names the content of pictures with a downstream network of the zoo, or from a folder."""
    _models()
    from semcom_models.judge import Judge

    return Judge(downstream)


def find_adapter(generator: str) -> "Adapter":
    """What adapts pictures with a generator of the zoo, or from a folder."""
    _models()
    from semcom_models.adaptation import Adapter

    return Adapter(generator)


def decoder_symbols(
    codecs: "Sequence[str | Codec]", *, serial: int, snr_db: float, key: str, base: "str | Codec"
) -> "dict[int, np.ndarray]":
    """By its id, the decoder of each codec of AESC-I, or if there is a ``base`` its difference to that, as symbols
    [chunks, k]; signed if ``key`` names a file.  Others may be among them, but not alone."""
    air, known = _aesc(), base and find_codec(base, engine="auto")
    private = air.private_key(key) if key else None
    loaded = [find_codec(each.strip() if isinstance(each, str) else each, engine="auto") for each in codecs]
    able = [each for each in loaded if air.has_decoder(each)] or loaded
    how = {"serial": serial, "snr_db": snr_db, "key": private, "base": known or None}
    return {each.id: air.decoder_symbols(each, **how) for each in able}


def decoder_receiver(trusted: "Sequence[str] | None", *, zoo: bool) -> "DecoderReceiver":
    """What takes decoders that arrive; signed by one of the public keys in these files, if any are named; ``zoo`` is
    whether those of the zoo are here already."""
    air = _aesc()
    keys = [air.public_key(path) for path in trusted] if trusted else None
    return air.DecoderReceiver(trusted=keys, shipped=zoo)


def chunks_id() -> tuple[int, int]:
    """What frames with a chunk of a decoder carry in place of a codec's id, and how many symbols it has."""
    return _aesc().CHUNKS_ID, _aesc().CHUNK_SYMBOLS


def _aesc() -> ModuleType:
    _models()
    from semcom_models.aesc import air

    return air


def channel_state(noise_var: np.ndarray) -> "Csi":
    """What the decoder is told about each symbol: noise variance float32 [B, k], +inf = erased."""
    return _models()[0].Csi(noise_var)
