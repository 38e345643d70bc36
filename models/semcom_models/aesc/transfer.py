# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages too long for one burst: cut into chunks, collected in any order, from one sending or several."""

import hashlib
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from semcom_models.aesc.message import LARGEST
from semcom_models.codec import codec_id
from semcom_models.digital.announced import AnnouncedLink
from semcom_models.digital.link import Scheme
from semcom_models.errors import CodecError

_HEAD = struct.Struct("<16sHH")  # of the sha256 of the message; number of the chunk; how many there are
HEAD_BYTES = _HEAD.size
MOST_CHUNKS = 65535
CHUNK_SYMBOLS = 4096
CHUNKS_ID = codec_id("chunks of a model", "")
"""What stands in the header on air where pictures have the id of their codec."""


def chunks(message: bytes, *, size: int) -> Iterator[bytes]:
    """Chunks of up to ``size`` bytes.

    Raises:
        CodecError: it would be more than 65,535, or ``size`` has no room.
    """
    room = size - HEAD_BYTES
    count = -(-len(message) // room) if room > 0 else 0
    if not 1 <= count <= MOST_CHUNKS:
        raise CodecError(f"{len(message)} bytes do not go into chunks of {size}.")
    digest = hashlib.sha256(message).digest()
    for number in range(count):
        yield _HEAD.pack(digest[:16], number, count) + message[number * room : (number + 1) * room]


class Collector:
    """Puts chunks together again; what has no progress makes room for what is new."""

    MOST = 4  # messages at once

    def __init__(self) -> None:
        self._parts: dict[tuple[bytes, int], dict[int, bytes]] = {}

    def add(self, chunk: bytes) -> bytes | None:
        """The message, once all of it is here.

        Raises:
            CodecError: this is no chunk, or what came together is too large, or not what its hash is of.
        """
        if len(chunk) <= HEAD_BYTES:
            raise CodecError(f"{len(chunk)} bytes are no chunk of a message.")
        digest, number, count = _HEAD.unpack_from(chunk)
        if number >= count:
            raise CodecError(f"A chunk says that it is number {number} of {count}.")
        key = digest, count
        parts = self._parts.pop(key, {})
        parts[number] = chunk[HEAD_BYTES:]
        if sum(map(len, parts.values())) > LARGEST:
            raise CodecError(f"A message of more than {LARGEST} bytes is refused.")
        if len(parts) < count:
            self._parts[key] = parts  # the latest last
            for old in list(self._parts)[: -self.MOST]:
                del self._parts[old]
            return None
        message = b"".join(parts[each] for each in range(count))
        if hashlib.sha256(message).digest()[:16] != digest:
            raise CodecError("A message came together that is not what its hash is of; it is dropped.")
        return message


def as_symbols(message: bytes, scheme: Scheme) -> NDArray[np.complex64]:
    """complex64 [chunks, CHUNK_SYMBOLS]; raises CodecError for a message of more than 65,535 chunks."""
    link = AnnouncedLink(CHUNK_SYMBOLS)
    return link.send(list(chunks(message, size=link.payload_bytes(scheme))), scheme)


def from_symbols(symbols: NDArray[np.complex64], noise_var: NDArray[np.float32]) -> list[bytes | None]:
    """complex64 and float32 [chunks, CHUNK_SYMBOLS] -> chunks; None where one is damaged."""
    return AnnouncedLink(CHUNK_SYMBOLS).receive(symbols, noise_var)
