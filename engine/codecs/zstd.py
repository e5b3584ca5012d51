"""Zstandard: one frame that carries the size of its content."""

from __future__ import annotations

import threading

import zstandard

from dwarfsmith.engine.codecs.base import (
    Algorithm,
    Codec,
    CodecId,
    Data,
    Option,
    Options,
    check_size,
)
from dwarfsmith.engine.errors import CodecError, UsageError

MIN_LEVEL = -(1 << 17)
"""ZSTD_minCLevel(): minus the largest block size."""
_HASH_LOGS = range(zstandard.HASHLOG_MIN, zstandard.HASHLOG_MAX + 1)

_PARAMETERS = {
    "wlog": ("window_log", range(zstandard.WINDOWLOG_MIN, zstandard.WINDOWLOG_MAX + 1)),
    "hlog": ("hash_log", _HASH_LOGS),
    "clog": ("chain_log", range(zstandard.CHAINLOG_MIN, zstandard.CHAINLOG_MAX + 1)),
    "slog": ("search_log", range(zstandard.SEARCHLOG_MIN, zstandard.SEARCHLOG_MAX + 1)),
    "mml": ("min_match", range(zstandard.MINMATCH_MIN, zstandard.MINMATCH_MAX + 1)),
    "tlen": (
        "target_length",
        range(zstandard.TARGETLENGTH_MIN, zstandard.TARGETLENGTH_MAX + 1),
    ),
    "strat": (
        "strategy",
        range(zstandard.STRATEGY_FAST, zstandard.STRATEGY_BTULTRA2 + 1),
    ),
    "lhlog": ("ldm_hash_log", _HASH_LOGS),
    "lmml": (
        "ldm_min_match",
        range(zstandard.LDM_MINMATCH_MIN, zstandard.LDM_MINMATCH_MAX + 1),
    ),
    "lblog": ("ldm_bucket_size_log", range(1, zstandard.LDM_BUCKETSIZELOG_MAX + 1)),
    "lhrlog": (
        "ldm_hash_rate_log",
        range(zstandard.WINDOWLOG_MAX - zstandard.HASHLOG_MIN + 1),
    ),
}
"""Each advanced option: the library's parameter, and its bounds."""


class ZstdCodec(Codec):
    """Zstandard with any of the library's parameters.

    A context is kept per thread, and made anew only when `long` asks for another
    window because the size of the data changed.
    """

    name = "zstd"
    codec_id = CodecId.ZSTD

    def __init__(self, options: Options) -> None:
        level = int(options.get("level", zstandard.MAX_COMPRESSION_LEVEL))
        self._long = "long" in options
        shown: dict[str, int | str] = {"level": level}
        if self._long:
            shown["long"] = True
        shown |= {name: options[name] for name in _PARAMETERS if name in options}
        super().__init__(shown)
        self._parameters = {
            parameter: int(options[name])
            for name, (parameter, _) in _PARAMETERS.items()
            if name in options
        }
        self._parameters["compression_level"] = level
        self._local = threading.local()
        try:
            self._compressor(1)
        except (zstandard.ZstdError, ValueError) as error:
            raise UsageError(
                f"compressor 'zstd' refuses its options: {error}"
            ) from None

    def compress(self, data: Data) -> bytes | None:
        """Return the frame, None unless it is smaller than `data`."""
        try:
            frame = self._compressor(len(data)).compress(data)
        except zstandard.ZstdError as error:
            raise CodecError(f"zstd cannot compress: {error}") from None
        return frame if len(frame) < len(data) else None

    def _compressor(self, size: int) -> zstandard.ZstdCompressor:
        window = self._window_log(size)
        kept: tuple[int, zstandard.ZstdCompressor] | None
        kept = getattr(self._local, "kept", None)
        if kept is None or kept[0] != window:
            # Never two contexts at once: at high levels each is large.
            self._local.kept = kept = None
            kept = (window, self._new_compressor(window))
            self._local.kept = kept
        return kept[1]

    def _window_log(self, size: int) -> int:
        """Return the window to set for `size` bytes, 0 to leave it to the library."""
        explicit = self._parameters.get("window_log", 0)
        if explicit or not self._long:
            return explicit
        needed = max(size - 1, 0).bit_length()
        return min(max(needed, zstandard.WINDOWLOG_MIN), zstandard.WINDOWLOG_MAX)

    def _new_compressor(self, window_log: int) -> zstandard.ZstdCompressor:
        parameters = self._parameters | {
            "window_log": window_log,
            "enable_ldm": int(self._long),
            # Readers refuse a frame that does not say how large its content is.
            "write_content_size": 1,
            "write_checksum": 0,
        }
        return zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters(**parameters)
        )


ALGORITHMS = {
    "zstd": Algorithm(
        (
            Option("level", range(MIN_LEVEL, zstandard.MAX_COMPRESSION_LEVEL + 1)),
            Option("long"),
            *(Option(name, bounds) for name, (_, bounds) in _PARAMETERS.items()),
        ),
        ZstdCodec,
    )
}

_local = threading.local()


def decompress(payload: Data, max_size: int) -> bytes:
    """Return the content; its size is checked before any memory is taken."""
    size = check_size(uncompressed_size(payload), max_size, "zstd")
    decompressor: zstandard.ZstdDecompressor | None
    decompressor = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    try:
        data = decompressor.decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CodecError(f"corrupt zstd frame: {error}") from None
    if len(data) != size:
        raise CodecError(f"expected {size} bytes of zstd data, found {len(data)}")
    return data


def uncompressed_size(payload: Data) -> int:
    """Return the content size of the frame.

    Raises:
        CodecError: No frame, or one without a content size.
    """
    try:
        size = zstandard.get_frame_parameters(payload).content_size
    except zstandard.ZstdError as error:
        raise CodecError(f"expected a zstd frame: {error}") from None
    if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
        raise CodecError("expected a zstd frame with content size, found one without")
    return size
