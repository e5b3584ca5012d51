"""Brotli: the size as a varint, then a raw brotli stream."""

from __future__ import annotations

import brotli

from dwarfsmith.engine.codecs.base import (
    Algorithm,
    Codec,
    CodecId,
    Data,
    Option,
    Options,
    check_size,
    split_varint,
    varint,
)
from dwarfsmith.engine.errors import CodecError, NotAvailableError

MAX_WINDOW_BITS = 24
"""Wider windows are an extension that the Python binding does not switch on."""
LARGE_WINDOW_MARK = 0b0010001
"""The low seven bits of a stream with a wider window."""
STEP_BYTES = 1 << 22
"""Most output taken from the decoder at once."""


class BrotliCodec(Codec):
    """Brotli in generic mode."""

    name = "brotli"
    codec_id = CodecId.BROTLI

    def __init__(self, options: Options) -> None:
        self._quality = int(options.get("quality", 11))
        self._window_bits = int(options.get("lgwin", 22))
        if self._window_bits > MAX_WINDOW_BITS:
            raise NotAvailableError(
                f"option 'lgwin' of compressor 'brotli' is available up to "
                f"{MAX_WINDOW_BITS} in this release, found {self._window_bits}"
            )
        super().__init__({"quality": self._quality, "lgwin": self._window_bits})

    def compress(self, data: Data) -> bytes | None:
        """Return size and stream, None unless they are smaller than `data`."""
        try:
            stream: bytes = brotli.compress(
                data, quality=self._quality, lgwin=self._window_bits
            )
        except brotli.error as error:
            raise CodecError(f"brotli cannot compress: {error}") from None
        payload = varint(len(data)) + stream
        return payload if len(payload) < len(data) else None


ALGORITHMS = {
    "brotli": Algorithm(
        (Option("quality", range(12)), Option("lgwin", range(10, 31))), BrotliCodec
    )
}


def decompress(payload: Data, max_size: int) -> bytes:
    """Return the data, taken in steps and never more than the payload states."""
    size, stream = split_varint(payload, "brotli")
    check_size(size, max_size, "brotli")
    if len(stream) and stream[0] & 0x7F == LARGE_WINDOW_MARK:
        raise CodecError(
            f"brotli data with a window of more than {MAX_WINDOW_BITS} bits cannot be "
            "decoded in this release"
        )
    decoder = brotli.Decompressor()
    pieces: list[bytes] = []
    found = 0
    piece = stream
    try:
        while not decoder.is_finished():
            output = decoder.process(piece, output_buffer_limit=STEP_BYTES)
            piece = memoryview(b"")
            pieces.append(output)
            found += len(output)
            if found > size or (not output and decoder.can_accept_more_data()):
                break
    except brotli.error as error:
        raise CodecError(f"corrupt brotli stream: {error}") from None
    if found != size or not decoder.is_finished():
        raise CodecError(
            f"expected a brotli stream of {size} bytes, found "
            f"{'more' if found > size else f'an end after {found}'}"
        )
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def uncompressed_size(payload: Data) -> int:
    """Return the stored size."""
    return split_varint(payload, "brotli")[0]
