"""Finds the codec for a command line specification or a compression id.

A codec's module, and with it its library, is imported when it is first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from dwarfsmith.engine.codecs.base import (
    Algorithm,
    CategoryCodecModule,
    Codec,
    CodecId,
    CodecModule,
    Data,
)
from dwarfsmith.engine.errors import CodecError, UsageError

_MODULE_OF_NAME: Final = {
    "null": "null",
    "lzma": "xz",
    "zstd": "zstd",
    "lz4": "lz4",
    "lz4hc": "lz4",
    "brotli": "brotli",
    "flac": "flac",
    "ricepp": "ricepp",
}
_MODULE_OF_ID: Final = {
    CodecId.NONE: "null",
    CodecId.LZMA: "xz",
    CodecId.ZSTD: "zstd",
    CodecId.LZ4: "lz4",
    CodecId.LZ4HC: "lz4",
    CodecId.BROTLI: "brotli",
    CodecId.FLAC: "flac",
    CodecId.RICEPP: "ricepp",
}
_WITH_METADATA: Final = (CodecId.FLAC, CodecId.RICEPP)

CODECS: Final = tuple(_MODULE_OF_NAME)
"""Names of the compressors of this release."""


def parse_codec(spec: str) -> Codec:
    """Return the codec for `name[:option[=value]]...`, such as `zstd:level=19`.

    A codec with requirements must be bound to the metadata of a category before it
    compresses; `parse_codec(spec).bind({})` refuses such a one for other data.

    Raises:
        UsageError: Unknown compressor or option, an option given twice, a value
            that is missing or out of range.
        NotAvailableError: A value of the format that this release does not have.
    """
    name, *words = spec.split(":")
    algorithm = _algorithm(name)
    known = {option.name: option for option in algorithm.options}
    values: dict[str, int | str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in known:
            raise UsageError(f"compressor '{name}' has no option '{key}'")
        if key in values:
            raise UsageError(f"option '{key}' of compressor '{name}' is given twice")
        values[key] = known[key].parse(name, value if equals else None)
    return algorithm.make(values)


def decompress(codec_id: int, payload: Data, max_size: int) -> bytes:
    """Return the data of a section's payload.

    No more than `max_size` bytes are ever produced, whatever the payload says.

    Raises:
        CodecError: Corrupt, larger than `max_size`, or of an unknown codec.
    """
    return _decoder(codec_id).decompress(payload, max_size)


def uncompressed_size(codec_id: int, payload: Data) -> int | None:
    """Return the size that a payload says its data has, without decompressing it.

    The size is as trustworthy as the payload. None: it does not say.

    Raises:
        CodecError: Corrupt, or of an unknown codec.
    """
    return _decoder(codec_id).uncompressed_size(payload)


def metadata_of(codec_id: int, payload: Data) -> dict[str, int | str] | None:
    """Return what a payload says about the form of its data; None if it says nothing.

    The same as the category knew that compressed it: `Codec.bind` takes it.

    Raises:
        CodecError: Corrupt, or of an unknown codec.
    """
    decoder = _decoder(codec_id)
    if codec_id not in _WITH_METADATA:
        return None
    return cast(CategoryCodecModule, decoder).metadata(payload)


def codec_name(codec_id: int) -> str:
    """Return the name of a compression id, such as `ZSTD`."""
    try:
        return CodecId(codec_id).name
    except ValueError:
        return f"unknown ({codec_id})"


def _algorithm(name: str) -> Algorithm:
    if name not in _MODULE_OF_NAME:
        raise UsageError(
            f"unknown compressor '{name}', expected one of {', '.join(CODECS)}"
        )
    return _module(_MODULE_OF_NAME[name]).ALGORITHMS[name]


def _decoder(codec_id: int) -> CodecModule:
    try:
        return _module(_MODULE_OF_ID[CodecId(codec_id)])
    except (KeyError, ValueError):
        raise CodecError(
            f"{codec_name(codec_id)} compressed data cannot be decoded in this release"
        ) from None


def _module(name: str) -> CodecModule:
    return cast(CodecModule, import_module(f"dwarfsmith.engine.codecs.{name}"))
