"""FLAC: samples of audio, losslessly, by kernels of our own (see ARCHITECTURE)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

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
from dwarfsmith.engine.errors import CodecError, UsageError
from dwarfsmith.engine.kernels import flac_decoder, flac_encoder, pcm
from dwarfsmith.engine.thrift import Kind

DEFAULT_LEVEL = 5

_SEARCHES = (
    (0, 0, 1, 3),
    (1, 0, 1, 3),
    (2, 0, 1, 3),
    (0, 6, 1, 4),
    (1, 8, 1, 4),
    (2, 8, 1, 5),
    (2, 8, 2, 6),
    (2, 12, 2, 6),
    (2, 12, 3, 6),
)
"""Of each level: stereo, order of predictors, windows, order of partitions.

They follow the levels of libFLAC, and compress as well (`flac_encoder.Search`).
"""

_BIG_ENDIAN = 0x80
_SIGNED = 0x40
_LSB_PADDING = 0x20
_BYTES_MINUS_1 = 0x03


class Layout(NamedTuple):
    """A sample in its bytes, as the kernels want to know it."""

    bytes_per_sample: int
    bits_per_sample: int
    big_endian: bool
    signed: bool
    lsb_padding: bool


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """How samples of several channels lie in the data."""

    channels: int
    layout: Layout

    @classmethod
    def from_metadata(cls, metadata: Metadata) -> Self:
        """Return the format of metadata that meets the requirements."""
        channels = metadata["number_of_channels"]
        width = metadata["bytes_per_sample"]
        bits = metadata["bits_per_sample"]
        assert isinstance(channels, int)
        assert isinstance(width, int)
        assert isinstance(bits, int)
        layout = Layout(
            width,
            bits,
            metadata["endianness"] == "big",
            metadata["signedness"] == "signed",
            metadata["padding"] == "lsb",
        )
        return cls(channels, layout)

    def metadata(self) -> dict[str, int | str]:
        """Return the format as the metadata of a category."""
        layout = self.layout
        return {
            "bits_per_sample": layout.bits_per_sample,
            "bytes_per_sample": layout.bytes_per_sample,
            "endianness": "big" if layout.big_endian else "little",
            "number_of_channels": self.channels,
            "padding": "lsb" if layout.lsb_padding else "msb",
            "signedness": "signed" if layout.signed else "unsigned",
        }

    @classmethod
    def from_block(cls, block: headers.Block) -> Self:
        """Return the format that a payload's header names.

        Raises:
            CodecError: The header names none that can be.
        """
        flags = block.number(3)
        width = (flags & _BYTES_MINUS_1) + 1
        layout = Layout(
            width,
            block.number_in(2, range(8, 8 * width + 1), "bits of a sample"),
            bool(flags & _BIG_ENDIAN),
            bool(flags & _SIGNED),
            bool(flags & _LSB_PADDING),
        )
        return cls(block.number_in(1, range(1, 9), "channels"), layout)

    def fields(self) -> thrift.Struct:
        """Return the header of a payload."""
        layout = self.layout
        flags = layout.bytes_per_sample - 1
        flags |= _BIG_ENDIAN * layout.big_endian
        flags |= _SIGNED * layout.signed
        flags |= _LSB_PADDING * layout.lsb_padding
        return {
            1: (Kind.I16, self.channels),
            2: (Kind.BYTE, layout.bits_per_sample),
            3: (Kind.BYTE, thrift.signed(flags, 8)),
        }

    def survives(self, data: Data) -> bool:
        """Tell whether `data` is nothing but its samples, and so comes back.

        It is more if padding is neither zero nor, above a signed sample, its sign.
        """
        return pcm.repack(data, self.layout, self.layout) == data

    def md5(self, data: Data) -> bytes:
        """Return what a stream says its samples sum up to."""
        bits = self.layout.bits_per_sample
        plain = Layout((bits + 7) // 8, bits, False, True, False)
        if plain != self.layout:
            data = pcm.repack(data, self.layout, plain)
        return hashlib.md5(data, usedforsecurity=False).digest()


class FlacCodec(CategoryCodec):
    """FLAC at a level; `exhaustive` tries predictors of every order."""

    name = "flac"
    codec_id = CodecId.FLAC
    requirements: ClassVar[Mapping[str, Requirement]] = {
        "endianness": ("big", "little"),
        "signedness": ("signed", "unsigned"),
        "padding": ("msb", "lsb"),
        "bytes_per_sample": range(1, 5),
        "bits_per_sample": range(8, 33),
        "number_of_channels": range(1, 9),
    }

    def __init__(self, options: Options) -> None:
        self.level = int(options.get("level", DEFAULT_LEVEL))
        self.exhaustive = "exhaustive" in options
        shown: dict[str, int | str] = {"level": self.level}
        if self.exhaustive:
            shown["exhaustive"] = True
        super().__init__(shown)

    def bind(self, metadata: Metadata) -> BoundFlacCodec:
        """Return the codec for samples of a format."""
        self.check(metadata)
        samples = SampleFormat.from_metadata(metadata)
        width, bits = samples.layout[:2]
        if bits > 8 * width:
            raise UsageError(
                f"compressor '{self.describe()}' needs data with 'bits_per_sample' "
                f"up to {8 * width} in {width} bytes, found {bits}"
            )
        return BoundFlacCodec(self, samples)


class BoundFlacCodec(FlacCodec):
    """FLAC for samples of one format."""

    def __init__(self, codec: FlacCodec, samples: SampleFormat) -> None:
        exhaustive = {"exhaustive": 1} if codec.exhaustive else {}
        super().__init__({"level": codec.level, **exhaustive})
        self.granularity = samples.channels * samples.layout.bytes_per_sample
        self._samples = samples

    def compress(self, data: Data) -> bytes | None:
        """Return header and stream, None unless they are smaller than `data`.

        None as well if the data is more than its samples (`SampleFormat.survives`).

        Raises:
            CodecError: The data ends within a frame of samples.
        """
        samples = self._samples
        try:
            if not samples.survives(data):
                return None
            stream = flac_encoder.encode(
                data,
                samples.channels,
                samples.layout,
                samples.md5(data),
                (*_SEARCHES[self.level], self.exhaustive),
            )
        except ValueError as error:
            raise CodecError(f"flac cannot compress: {error}") from None
        payload = headers.join(len(data), samples.fields(), stream)
        return payload if len(payload) < len(data) else None


ALGORITHMS = {
    "flac": Algorithm(
        (Option("level", range(len(_SEARCHES))), Option("exhaustive")), FlacCodec
    )
}


def decompress(payload: Data, max_size: int) -> bytes:
    """Return the samples in the bytes they had."""
    block = headers.split(payload, "flac")
    samples = SampleFormat.from_block(block)
    size = check_size(block.size, max_size, "flac")
    try:
        return flac_decoder.decode(block.stream, size, samples.channels, samples.layout)
    except ValueError as error:
        raise CodecError(f"corrupt flac data: {error}") from None


def uncompressed_size(payload: Data) -> int:
    """Return the stored size."""
    return headers.split(payload, "flac").size


def metadata(payload: Data) -> dict[str, int | str]:
    """Return the format of the samples as the metadata of a category.

    Raises:
        CodecError: No header, or one of an unknown format.
    """
    return SampleFormat.from_block(headers.split(payload, "flac")).metadata()
