# SPDX-License-Identifier: GPL-3.0-or-later
"""The PDUs that travel between the blocks: the one place that builds and checks them.

A PDU is ``pmt.cons(dict, uniform vector)``.  Each class here is one kind of it: ``from_pmt`` checks everything
and raises :class:`BadPdu` in one sentence, ``to_pmt`` builds it.
"""

import ctypes
import math
from dataclasses import dataclass

import numpy as np
import pmt

MAX_SIDE = 8191
"""Height and width in pixels that the header of a frame can hold."""
MAX_ID = 65535
"""Image and codec ids are 16 bits wide."""


class BadPdu(ValueError):
    """A PDU of the wrong type or length, or with a value out of range."""


# dtype: (make, is), both of pmt.
_VECTORS = {
    np.dtype(np.uint8): (pmt.make_u8vector, pmt.is_u8vector),
    np.dtype(np.float32): (pmt.make_f32vector, pmt.is_f32vector),
    np.dtype(np.complex64): (pmt.make_c32vector, pmt.is_c32vector),
}
_capsule_address = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


def to_vector(array: np.ndarray) -> pmt.pmt_base:
    """A uniform vector with the elements of ``array`` (uint8, float32 or complex64, any shape, row by row).

    One memory copy; pmt's own conversions turn every element into a Python object first.
    """
    make, _ = _VECTORS[array.dtype]
    vector = make(array.size, 0)
    if array.size:
        array = np.ascontiguousarray(array)
        address = _capsule_address(pmt.uniform_vector_writable_elements(vector, 0), None)
        ctypes.memmove(address, array.ctypes.data, array.nbytes)
    return vector


def to_array(vector: pmt.pmt_base, dtype: type) -> np.ndarray:
    """A copy [N] of a uniform vector of ``dtype`` (uint8, float32 or complex64).

    Raises:
        BadPdu: it is something else.
    """
    dtype = np.dtype(dtype)
    _, is_vector = _VECTORS[dtype]
    if not is_vector(vector):
        raise BadPdu(f"a vector of {dtype} was expected.")
    length = pmt.length(vector)
    if length == 0:
        return np.empty(0, dtype)
    address = _capsule_address(pmt.uniform_vector_elements(vector, 0), None)
    memory = (ctypes.c_char * (length * dtype.itemsize)).from_address(address)
    return np.frombuffer(memory, dtype).copy()


class _Meta:
    """Checked reading of a PDU's dictionary."""

    def __init__(self, meta: pmt.pmt_base) -> None:
        if not pmt.is_dict(meta):
            raise BadPdu("it has no metadata.")
        self._meta = meta

    def has(self, key: str) -> bool:
        return pmt.dict_has_key(self._meta, pmt.intern(key))

    def flag(self, key: str) -> bool:
        """Whether it is there and not false."""
        return pmt.is_true(pmt.dict_ref(self._meta, pmt.intern(key), pmt.PMT_F))

    def value(self, key: str) -> pmt.pmt_base:
        found = pmt.dict_ref(self._meta, pmt.intern(key), pmt.PMT_NIL)
        if pmt.is_null(found):
            raise BadPdu(f"{key} is missing from its metadata.")
        return found

    def integer(self, key: str, low: int, high: int) -> int:
        found = self.value(key)
        if not pmt.is_integer(found):
            raise BadPdu(f"{key} is no integer.")
        number = pmt.to_long(found)
        if not low <= number <= high:
            raise BadPdu(f"{key} is {number}, outside {low} to {high}.")
        return number

    def real(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """A number within ``low`` and ``high``; NaN never is."""
        found = self.value(key)
        if not pmt.is_real(found):
            raise BadPdu(f"{key} is no real number.")
        number = pmt.to_double(found)
        if not low <= number <= high:
            raise BadPdu(f"{key} is {number}, outside {low} to {high}.")
        return number

    def text(self, key: str) -> str:
        found = self.value(key)
        if not pmt.is_symbol(found):
            raise BadPdu(f"{key} is no symbol.")
        try:
            return pmt.symbol_to_string(found)
        except UnicodeDecodeError as error:
            raise BadPdu(f"{key} is no UTF-8 text.") from error


def _open(pdu: pmt.pmt_base) -> tuple[_Meta, pmt.pmt_base]:
    if not pmt.is_pair(pdu) or pmt.is_dict(pdu):
        raise BadPdu("it is no pair of metadata and vector.")
    return _Meta(pmt.car(pdu)), pmt.cdr(pdu)


def make_dict(**entries: int | float | str | bool | pmt.pmt_base) -> pmt.pmt_base:
    """A pmt dictionary with one entry an argument."""
    convert = {int: pmt.from_long, float: pmt.from_double, str: pmt.intern, bool: pmt.from_bool}
    meta = pmt.make_dict()
    for key, value in entries.items():
        as_pmt = convert.get(type(value))
        meta = pmt.dict_add(meta, pmt.intern(key), as_pmt(value) if as_pmt else value)
    return meta


def _finite_symbols(vector: pmt.pmt_base) -> np.ndarray:
    symbols = to_array(vector, np.complex64)
    if symbols.size == 0:
        raise BadPdu("it holds no symbol.")
    if not np.isfinite(symbols.view(np.float32)).all():
        raise BadPdu("a symbol is NaN or infinite.")
    return symbols


@dataclass(frozen=True)
class Reception:
    """What the link did to a decoded picture: Es/N0 as the receiver estimated it in dB, carrier frequency
    offset in Hz, share of its symbols that never arrived, 0 to 1."""

    snr_db: float
    cfo_hz: float
    erased: float


@dataclass(frozen=True, eq=False)
class ImagePdu:
    """A picture: ``pixels`` uint8 [H, W, 3], RGB; ``reception`` once it went through the receiver.

    A ``preview`` is made of the part that has come so far.  ``recognized`` is what a downstream network sees in it,
    ``psnr_db`` how like the sent picture it is, where somebody has said so."""

    image_id: int
    name: str
    pixels: np.ndarray
    reception: Reception | None = None
    preview: bool = False
    recognized: str | None = None
    psnr_db: float | None = None

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @classmethod
    def from_pmt(cls, pdu: pmt.pmt_base) -> "ImagePdu":
        meta, vector = _open(pdu)
        image_id, name = meta.integer("image_id", 0, MAX_ID), meta.text("name")
        height, width = meta.integer("height", 1, MAX_SIDE), meta.integer("width", 1, MAX_SIDE)
        pixels = to_array(vector, np.uint8)
        if pixels.size != height * width * 3:
            raise BadPdu(f"{pixels.size} bytes are no picture of {height} x {width} pixels of 3 bytes.")
        reception = None
        if meta.has("snr_db"):
            reception = Reception(meta.real("snr_db"), meta.real("cfo_hz", -1e12, 1e12), meta.real("erased", 0, 1))
        return cls(
            image_id,
            name,
            pixels.reshape(height, width, 3),
            reception,
            preview=meta.flag("preview"),
            recognized=meta.text("recognized") if meta.has("recognized") else None,
            psnr_db=meta.real("psnr_db") if meta.has("psnr_db") else None,
        )

    def to_pmt(self) -> pmt.pmt_base:
        meta = make_dict(image_id=self.image_id, name=self.name, height=self.height, width=self.width)
        if self.reception is not None:
            for key, value in vars(self.reception).items():
                meta = pmt.dict_add(meta, pmt.intern(key), pmt.from_double(value))
        if self.preview:
            meta = pmt.dict_add(meta, pmt.intern("preview"), pmt.PMT_T)
        if self.recognized is not None:
            meta = pmt.dict_add(meta, pmt.intern("recognized"), pmt.intern(self.recognized))
        if self.psnr_db is not None:
            meta = pmt.dict_add(meta, pmt.intern("psnr_db"), pmt.from_double(self.psnr_db))
        return pmt.cons(meta, to_vector(self.pixels))


@dataclass(frozen=True, eq=False)
class SymbolsPdu:
    """An encoded picture of ``height`` x ``width`` pixels: ``symbols`` complex64 [k], all finite.

    ``scale`` (> 0) times the symbols is what the codec made."""

    image_id: int
    name: str
    codec: str
    codec_id: int
    height: int
    width: int
    scale: float
    symbols: np.ndarray

    @classmethod
    def from_pmt(cls, pdu: pmt.pmt_base) -> "SymbolsPdu":
        meta, vector = _open(pdu)
        return cls(
            image_id=meta.integer("image_id", 0, MAX_ID),
            name=meta.text("name"),
            codec=meta.text("codec"),
            codec_id=meta.integer("codec_id", 0, MAX_ID),
            height=meta.integer("height", 1, MAX_SIDE),
            width=meta.integer("width", 1, MAX_SIDE),
            scale=meta.real("scale", np.finfo(np.float64).tiny, np.finfo(np.float64).max),
            symbols=_finite_symbols(vector),
        )

    def to_pmt(self) -> pmt.pmt_base:
        entries = {key: value for key, value in vars(self).items() if key != "symbols"}
        return pmt.cons(make_dict(**entries), to_vector(self.symbols))


@dataclass(frozen=True, eq=False)
class ReceivedPdu:
    """A received picture, still encoded: ``symbols`` complex64 [k], equalised and at the codec's amplitude;
    ``noise_var`` float32 [k] > 0, the variance of the complex noise on each, +inf where it never arrived.

    A ``preview`` is the part that has come so far: ``fragments_lost`` counts what may still come too."""

    image_id: int
    codec_id: int
    height: int
    width: int
    snr_db: float
    cfo_hz: float
    fragments: int
    fragments_lost: int
    symbols: np.ndarray
    noise_var: np.ndarray
    preview: bool = False

    @classmethod
    def from_pmt(cls, pdu: pmt.pmt_base) -> "ReceivedPdu":
        meta, vector = _open(pdu)
        symbols = _finite_symbols(vector)
        noise_var = to_array(meta.value("noise_var"), np.float32)
        if noise_var.size != symbols.size:
            raise BadPdu(f"noise_var has {noise_var.size} values for {symbols.size} symbols.")
        if not (noise_var > 0).all():
            raise BadPdu("a noise variance is NaN, zero or negative.")
        fragments = meta.integer("fragments", 1, MAX_ID)
        return cls(
            image_id=meta.integer("image_id", 0, MAX_ID),
            codec_id=meta.integer("codec_id", 0, MAX_ID),
            height=meta.integer("height", 1, MAX_SIDE),
            width=meta.integer("width", 1, MAX_SIDE),
            snr_db=meta.real("snr_db"),
            cfo_hz=meta.real("cfo_hz", -1e12, 1e12),
            fragments=fragments,
            fragments_lost=meta.integer("fragments_lost", 0, fragments),
            symbols=symbols,
            noise_var=noise_var,
            preview=meta.flag("preview"),
        )

    @property
    def reception(self) -> Reception:
        return Reception(self.snr_db, self.cfo_hz, float(np.isinf(self.noise_var).mean()))


@dataclass(frozen=True)
class Fragments:
    """How many fragments a received picture had, and how many of them were lost."""

    fragments: int
    fragments_lost: int

    @classmethod
    def from_pmt(cls, pdu: pmt.pmt_base) -> "Fragments":
        """Of a received PDU, whose symbols are left alone."""
        meta, _ = _open(pdu)
        fragments = meta.integer("fragments", 1, MAX_ID)
        return cls(fragments, meta.integer("fragments_lost", 0, fragments))


@dataclass(frozen=True)
class FrameReport:
    """What the receiver saw of one frame; ``evm_percent`` (over its pilots) is None where the header failed."""

    snr_db: float
    cfo_hz: float
    evm_percent: float | None

    @classmethod
    def from_pmt(cls, report: pmt.pmt_base) -> "FrameReport":
        meta = _Meta(report)
        failed = meta.has("header_failed")
        evm_percent = None if failed else meta.real("evm_percent", 0, 1e12)
        return cls(meta.real("snr_db"), meta.real("cfo_hz", -1e12, 1e12), evm_percent)


def acknowledged_id(message: pmt.pmt_base) -> int:
    """The image id of a burst transmitter's ``sent`` message."""
    return _Meta(message).integer("image_id", 0, MAX_ID)


def radio_events(message: pmt.pmt_base) -> list[str]:
    """The names of the events in an asynchronous message of a USRP Sink."""
    if not pmt.is_pair(message) or not pmt.eq(pmt.car(message), pmt.intern("uhd_async_msg")):
        raise BadPdu("it is no asynchronous message of a USRP Sink.")
    events = _Meta(pmt.cdr(message)).value("event_code")
    names = []
    while pmt.is_pair(events):
        names.append(pmt.symbol_to_string(pmt.car(events)))
        events = pmt.cdr(events)
    return names
