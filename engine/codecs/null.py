"""No compression: the payload is the data."""

from __future__ import annotations

from dwarfsmith.engine.codecs.base import Algorithm, Codec, CodecId, Data, check_size


class NullCodec(Codec):
    """Stores everything as it is."""

    name = "null"
    codec_id = CodecId.NONE

    def compress(self, data: Data) -> None:
        """Return None: there never is a gain."""
        return


ALGORITHMS = {"null": Algorithm((), lambda options: NullCodec())}


def decompress(payload: Data, max_size: int) -> bytes:
    """Return the payload itself."""
    check_size(len(payload), max_size, "stored")
    return bytes(payload)


def uncompressed_size(payload: Data) -> int:
    """Return the size of the payload."""
    return len(payload)
