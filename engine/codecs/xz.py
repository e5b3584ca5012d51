"""LZMA: a complete `.xz` stream of one block, with a CRC64."""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterator
from typing import Any

from dwarfsmith.engine.codecs.base import (
    Algorithm,
    Codec,
    CodecId,
    Data,
    Option,
    Options,
    check_size,
    split_varint,
)
from dwarfsmith.engine.errors import CodecError, UsageError

_BCJ = {
    "x86": lzma.FILTER_X86,
    "powerpc": lzma.FILTER_POWERPC,
    "ia64": lzma.FILTER_IA64,
    "arm": lzma.FILTER_ARM,
    "armthumb": lzma.FILTER_ARMTHUMB,
    "sparc": lzma.FILTER_SPARC,
}
_MODES = {"fast": lzma.MODE_FAST, "normal": lzma.MODE_NORMAL}
_MATCH_FINDERS = {
    "hc3": lzma.MF_HC3,
    "hc4": lzma.MF_HC4,
    "bt2": lzma.MF_BT2,
    "bt3": lzma.MF_BT3,
    "bt4": lzma.MF_BT4,
}
_PRESET_DICTIONARY_BITS = (18, 20, 21, 22, 22, 23, 23, 24, 25, 26)
"""The dictionary of each preset, levels 0 to 9."""
_OPTIONS = (
    Option("level", range(10)),
    Option("extreme"),
    Option("dict_size", range(12, 31)),
    Option("binary", words=tuple(_BCJ)),
    Option("mode", words=tuple(_MODES)),
    Option("mf", words=tuple(_MATCH_FINDERS)),
    Option("nice", range(274)),
    Option("depth", range(1 << 32)),
)

MIN_DICTIONARY_BITS = 12
DECODER_MEMORY_BYTES = (1536 + 16) << 20
"""A dictionary of 1.5 GiB, the most that liblzma can write with, and some more."""
STEP_BYTES = 1 << 22
"""Most output taken from the decoder at once."""
MAX_STREAMS = 64
"""Concatenated streams are allowed but not made; this bounds the work on them."""

_Filter = dict[str, Any]


class LzmaCodec(Codec):
    """LZMA2, optionally tried with a filter for machine code as well."""

    name = "lzma"
    codec_id = CodecId.LZMA

    def __init__(self, options: Options) -> None:
        shown: dict[str, int | str] = {"level": options.get("level", 9)}
        for option in _OPTIONS[1:]:
            if option.name in options:
                flag = option.name == "extreme"
                shown[option.name] = True if flag else options[option.name]
        super().__init__(shown)
        preset = int(shown["level"])
        if "extreme" in options:
            preset |= lzma.PRESET_EXTREME
        self._lzma2: _Filter = {"id": lzma.FILTER_LZMA2, "preset": preset}
        self._dictionary_bits: int | None = None
        if "dict_size" in options:
            self._dictionary_bits = int(options["dict_size"])
        self._preset_bits = _PRESET_DICTIONARY_BITS[int(shown["level"])]
        if "mode" in options:
            self._lzma2["mode"] = _MODES[str(options["mode"])]
        if "mf" in options:
            self._lzma2["mf"] = _MATCH_FINDERS[str(options["mf"])]
        if "nice" in options:
            self._lzma2["nice_len"] = options["nice"]
        if "depth" in options:
            self._lzma2["depth"] = options["depth"]
        self._bcj: int | None = None
        if "binary" in options:
            self._bcj = _BCJ[str(options["binary"])]
        self._probe()

    def _filter(self, size: int) -> _Filter:
        """Return the LZMA2 filter for `size` bytes.

        A preset's dictionary is cut to the size of the data: the result is as small
        and both sides need less memory.
        """
        bits = self._dictionary_bits
        if bits is None:
            needed = max(MIN_DICTIONARY_BITS, max(size - 1, 0).bit_length())
            bits = min(self._preset_bits, needed)
        return self._lzma2 | {"dict_size": 1 << bits}

    def _probe(self) -> None:
        """Let the library judge the options, with a dictionary that costs nothing."""
        try:
            _xz(b"", [self._lzma2 | {"dict_size": 1 << MIN_DICTIONARY_BITS}])
        except lzma.LZMAError as error:
            raise UsageError(
                f"compressor 'lzma' refuses its options: {error}"
            ) from None

    def compress(self, data: Data) -> bytes | None:
        """Return the smallest stream, None unless it is smaller than `data`."""
        try:
            lzma2 = self._filter(len(data))
            stream = _xz(data, [lzma2])
            if self._bcj is not None:
                filtered = _xz(data, [{"id": self._bcj}, lzma2])
                stream = min(stream, filtered, key=len)
        except (lzma.LZMAError, MemoryError) as error:
            raise CodecError(f"lzma cannot compress: {error}") from None
        return stream if len(stream) < len(data) else None


def _xz(data: Data, filters: list[_Filter]) -> bytes:
    return lzma.compress(
        data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, filters=filters
    )


ALGORITHMS = {"lzma": Algorithm(_OPTIONS, LzmaCodec)}


def decompress(payload: Data, max_size: int) -> bytes:
    """Return the data of an xz stream; more streams and zero padding may follow."""
    pieces: list[bytes] = []
    found = 0
    rest: Data = payload
    for _ in range(MAX_STREAMS):
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, DECODER_MEMORY_BYTES)
        for piece in _steps(decoder, rest):
            found = check_size(found + len(piece), max_size, "lzma")
            pieces.append(piece)
        rest = _without_padding(decoder.unused_data)
        if not rest:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    raise CodecError(f"expected at most {MAX_STREAMS} xz streams, found more")


def _steps(decoder: lzma.LZMADecompressor, stream: Data) -> Iterator[bytes]:
    """Yield the data of one stream, at most `STEP_BYTES` at a time."""
    try:
        yield decoder.decompress(stream, STEP_BYTES)
        while not decoder.eof:
            if decoder.needs_input:
                raise CodecError("expected the end of an xz stream, found no more data")
            yield decoder.decompress(b"", STEP_BYTES)
    except (lzma.LZMAError, MemoryError) as error:
        raise CodecError(f"corrupt lzma data: {error}") from None


def _without_padding(data: bytes) -> bytes:
    """Return `data` without leading stream padding, zeros by the four."""
    stream = data.lstrip(b"\0")
    if (len(data) - len(stream)) % 4:
        raise CodecError(
            f"expected xz stream padding by the four, found "
            f"{len(data) - len(stream)} bytes"
        )
    return stream


_FOOTER = struct.Struct("<4sI2s2s")
"""CRC32, backward size, stream flags, magic."""
_FOOTER_MAGIC = b"YZ"
_STREAM_HEADER_BYTES = 12
MAX_BLOCKS = 1 << 16
"""One is usual; this bounds the work on an index."""


def uncompressed_size(payload: Data) -> int:
    """Return the size of all streams by their indexes, read from the end.

    Raises:
        CodecError: A footer or an index that cannot be.
    """
    size = 0
    view = memoryview(payload)
    for _ in range(MAX_STREAMS):
        while view[-4:] == bytes(4):
            view = view[:-4]
        content, start = _last_stream(view)
        size += content
        view = view[:start]
        if not view:
            return size
    raise CodecError(f"expected at most {MAX_STREAMS} xz streams, found more")


def _last_stream(view: memoryview) -> tuple[int, int]:
    """Return the content size of the last stream and where that stream begins."""
    broken = CodecError(f"expected an xz stream to end at {len(view)}, found none")
    if len(view) < _FOOTER.size:
        raise broken
    _, backward, _, magic = _FOOTER.unpack_from(view, len(view) - _FOOTER.size)
    index_end = len(view) - _FOOTER.size
    index_start = index_end - 4 * (backward + 1)
    if magic != _FOOTER_MAGIC or index_start < _STREAM_HEADER_BYTES:
        raise broken
    index = view[index_start:index_end]
    if index[0] != 0:  # the index indicator, where a block has its header size
        raise broken
    count, index = split_varint(index[1:], "xz index")
    if count > MAX_BLOCKS:
        raise CodecError(f"expected at most {MAX_BLOCKS} xz blocks, found {count}")
    start, size = index_start - _STREAM_HEADER_BYTES, 0
    for _ in range(count):
        unpadded, index = split_varint(index, "xz index")
        content, index = split_varint(index, "xz index")
        start -= (unpadded + 3) & ~3
        size += content
        if start < 0:
            raise broken
    return size, start
