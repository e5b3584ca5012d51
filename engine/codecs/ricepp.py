"""Rice++: 16-bit pixels, such as those of FITS images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from dwarfsmith.engine import thrift
from dwarfsmith.engine.codecs import headers
from dwarfsmith.engine.codecs.base import (
    Algorithm,
    CategoryCodec,
    CodecId,
    Data,
    Metadata,
    Option,
    Options,
    Requirement,
    check_size,
)
from dwarfsmith.engine.errors import CodecError
from dwarfsmith.engine.kernels import ricepp
from dwarfsmith.engine.thrift import Kind

DEFAULT_BLOCK_SIZE = 128
MIN_BLOCK_SIZE = 16
MAX_BLOCK_SIZE = 512
BYTES_PER_SAMPLE = 2
VERSION = 1
"""Of the stream; later ones are unknown."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How pixels lie in the data."""

    component_count: int
    unused_lsb_count: int
    """Low bits that are 0 in every pixel."""
    big_endian: bool

    @classmethod
    def from_metadata(cls, metadata: Metadata) -> Self:
        """Return the format of metadata that meets the requirements."""
        components = metadata["component_count"]
        unused = metadata["unused_lsb_count"]
        assert isinstance(components, int)
        assert isinstance(unused, int)
        return cls(components, unused, metadata["endianness"] == "big")

    def metadata(self) -> dict[str, int | str]:
        """Return the format as the metadata of a category."""
        return {
            "bytes_per_sample": BYTES_PER_SAMPLE,
            "component_count": self.component_count,
            "endianness": "big" if self.big_endian else "little",
            "unused_lsb_count": self.unused_lsb_count,
        }


class RiceppCodec(CategoryCodec):
    """Rice++ with blocks of a given number of pixels."""

    name = "ricepp"
    codec_id = CodecId.RICEPP
    requirements: ClassVar[Mapping[str, Requirement]] = {
        "endianness": ("big", "little"),
        "bytes_per_sample": range(BYTES_PER_SAMPLE, BYTES_PER_SAMPLE + 1),
        "component_count": range(1, 3),
        "unused_lsb_count": range(9),
    }

    def __init__(self, options: Options) -> None:
        self.block_size = int(options.get("block_size", DEFAULT_BLOCK_SIZE))
        super().__init__({"block_size": self.block_size})

    def bind(self, metadata: Metadata) -> BoundRiceppCodec:
        """Return the codec for pixels of a format."""
        self.check(metadata)
        return BoundRiceppCodec(self, PixelFormat.from_metadata(metadata))


class BoundRiceppCodec(RiceppCodec):
    """Rice++ for pixels of one format."""

    def __init__(self, codec: RiceppCodec, pixels: PixelFormat) -> None:
        super().__init__({"block_size": codec.block_size})
        self.granularity = BYTES_PER_SAMPLE * pixels.component_count
        self._pixels = pixels

    def compress(self, data: Data) -> bytes | None:
        """Return header and stream, None unless they are smaller than `data`.

        None as well if a bit is set that the format says is unused, and would be lost.

        Raises:
            CodecError: The data ends within a pixel.
        """
        pixels = self._pixels
        try:
            unused = ricepp.unused_bits(data, pixels.big_endian)
            stream = ricepp.encode(
                data,
                self.block_size,
                pixels.component_count,
                pixels.unused_lsb_count,
                pixels.big_endian,
            )
        except ValueError as error:
            raise CodecError(f"ricepp cannot compress: {error}") from None
        payload = headers.join(len(data), self._fields(), stream)
        if unused < pixels.unused_lsb_count or len(payload) >= len(data):
            return None
        return payload

    def _fields(self) -> thrift.Struct:
        return {
            1: (Kind.I32, self.block_size),
            2: (Kind.I16, self._pixels.component_count),
            3: (Kind.BYTE, BYTES_PER_SAMPLE),
            4: (Kind.BYTE, self._pixels.unused_lsb_count),
            5: (Kind.BOOL, self._pixels.big_endian),
            6: (Kind.I16, VERSION),
        }


_BLOCK_SIZES = range(MIN_BLOCK_SIZE, MAX_BLOCK_SIZE + 1)
ALGORITHMS = {"ricepp": Algorithm((Option("block_size", _BLOCK_SIZES),), RiceppCodec)}


def decompress(payload: Data, max_size: int) -> bytes:
    """Return the pixels."""
    block = headers.split(payload, "ricepp")
    pixels = _pixel_format(block)
    block_size = block.number_in(1, range(1, MAX_BLOCK_SIZE + 1), "pixels a block")
    size = check_size(block.size, max_size, "ricepp")
    try:
        return ricepp.decode(
            block.stream,
            size,
            block_size,
            pixels.component_count,
            pixels.unused_lsb_count,
            pixels.big_endian,
        )
    except ValueError as error:
        raise CodecError(f"corrupt ricepp data: {error}") from None


def uncompressed_size(payload: Data) -> int:
    """Return the stored size."""
    return headers.split(payload, "ricepp").size


def metadata(payload: Data) -> dict[str, int | str]:
    """Return the format of the pixels as the metadata of a category.

    Raises:
        CodecError: No header, or one of an unknown format.
    """
    return _pixel_format(headers.split(payload, "ricepp")).metadata()


def _pixel_format(block: headers.Block) -> PixelFormat:
    if block.number(6) > VERSION:
        raise CodecError(
            f"expected a ricepp version up to {VERSION}, found {block.number(6)}"
        )
    block.number_in(3, range(BYTES_PER_SAMPLE, BYTES_PER_SAMPLE + 1), "bytes a sample")
    return PixelFormat(
        block.number_in(2, range(1, 3), "components"),
        block.number_in(4, range(16), "unused bits"),
        block.flag(5),
    )
