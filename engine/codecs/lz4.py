"""LZ4 and LZ4 HC: a 32-bit size, little endian, then one raw LZ4 block."""

from __future__ import annotations

import struct
from typing import Any

import lz4.block

from dwarfsmith.engine.codecs.base import (
    Algorithm,
    Codec,
    CodecId,
    Data,
    Option,
    Options,
    check_size,
)
from dwarfsmith.engine.errors import CodecError

SIZE = struct.Struct("<I")
MAX_INPUT_BYTES = 0x7E000000
"""LZ4_MAX_INPUT_SIZE."""


class Lz4Codec(Codec):
    """Fast LZ4, with the library's defaults."""

    name = "lz4"
    codec_id = CodecId.LZ4
    _arguments: dict[str, Any] = {"mode": "default"}  # noqa: RUF012

    def compress(self, data: Data) -> bytes | None:
        """Return size and block, None unless they are smaller than `data`."""
        if len(data) > MAX_INPUT_BYTES:
            raise CodecError(
                f"expected at most {MAX_INPUT_BYTES} bytes for lz4, found {len(data)}"
            )
        payload: bytes = lz4.block.compress(data, store_size=True, **self._arguments)
        return payload if len(payload) < len(data) else None


class Lz4HcCodec(Lz4Codec):
    """LZ4 HC: slower to write, as fast to read."""

    name = "lz4hc"

    def __init__(self, options: Options) -> None:
        level = options.get("level", 9)
        super().__init__({"level": level})
        self._arguments = {"mode": "high_compression", "compression": level}


ALGORITHMS = {
    "lz4": Algorithm((), lambda options: Lz4Codec()),
    "lz4hc": Algorithm((Option("level", range(13)),), Lz4HcCodec),
}


def decompress(payload: Data, max_size: int) -> bytes:
    """Return the data; its size is checked before any memory is taken."""
    size = check_size(uncompressed_size(payload), max_size, "lz4")
    block = memoryview(payload)[SIZE.size :]
    try:
        data: bytes = lz4.block.decompress(block, uncompressed_size=size)
    except (lz4.block.LZ4BlockError, ValueError, OverflowError) as error:
        raise CodecError(f"corrupt lz4 data: {error}") from None
    if len(data) != size:
        raise CodecError(f"expected {size} bytes of lz4 data, found {len(data)}")
    return data


def uncompressed_size(payload: Data) -> int:
    """Return the stored size."""
    if len(payload) < SIZE.size:
        raise CodecError(
            f"expected a size before the lz4 block, found {len(payload)} bytes"
        )
    size: int = SIZE.unpack_from(payload)[0]
    return size
