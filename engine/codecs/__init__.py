"""The compressors, one module each behind one registry.

In: a specification such as `zstd:level=19`. Out: a `Codec` that turns block bytes
into a section payload, and functions that turn payloads back. Imports no sibling
room; a compression library is imported when it is first needed.
"""

from dwarfsmith.engine.codecs.base import Codec, CodecId, Data, Metadata
from dwarfsmith.engine.codecs.registry import (
    CODECS,
    codec_name,
    decompress,
    metadata_of,
    parse_codec,
    uncompressed_size,
)

__all__ = [
    "CODECS",
    "Codec",
    "CodecId",
    "Data",
    "Metadata",
    "codec_name",
    "decompress",
    "metadata_of",
    "parse_codec",
    "uncompressed_size",
]
