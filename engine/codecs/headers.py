"""The start of payloads that say what form their data has.

DwarFS format, FLAC and RICE++ blocks: the size of the data as a varint, a thrift
struct, and then the stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from dwarfsmith.engine import thrift
from dwarfsmith.engine.codecs.base import Data, split_varint, varint
from dwarfsmith.engine.errors import CodecError, FormatError

MAX_HEADER_BYTES = 1024
"""Far more than any header needs, with fields of later releases."""


@dataclass(frozen=True, slots=True)
class Block:
    """A payload taken apart."""

    codec: str
    size: int
    """Bytes of the data."""
    fields: thrift.Struct
    stream: memoryview

    def number(self, field: int) -> int:
        """Return an integer field of the header, 0 if it is absent.

        Raises:
            CodecError: The field is something else.
        """
        try:
            return thrift.get_int(self.fields, field, 0, f"{self.codec} header")
        except FormatError as error:
            raise CodecError(str(error)) from None

    def number_in(self, field: int, allowed: range, what: str) -> int:
        """Return an integer field of the header that must be in a range.

        Raises:
            CodecError: It is not, or the field is something else.
        """
        found = self.number(field)
        if found not in allowed:
            most = f" to {allowed[-1]}" if len(allowed) > 1 else ""
            raise CodecError(
                f"expected {allowed[0]}{most} {what} in the {self.codec} header, "
                f"found {found}"
            )
        return found

    def flag(self, field: int) -> bool:
        """Return a boolean field of the header, False if it is absent.

        Raises:
            CodecError: The field is something else.
        """
        try:
            return thrift.get_bool(self.fields, field, False, f"{self.codec} header")
        except FormatError as error:
            raise CodecError(str(error)) from None


def split(payload: Data, codec: str) -> Block:
    """Take a payload apart.

    Raises:
        CodecError: It does not begin with a size and a header.
    """
    size, rest = split_varint(payload, codec)
    try:
        header = thrift.decode(rest[:MAX_HEADER_BYTES], f"{codec} header")
    except FormatError as error:
        raise CodecError(str(error)) from None
    return Block(codec, size, header.struct, rest[header.size :])


def join(size: int, fields: thrift.Struct, stream: bytes) -> bytes:
    """Return the payload of a stream that holds `size` bytes of data."""
    return varint(size) + thrift.encode(fields) + stream
