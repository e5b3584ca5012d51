"""What a worker process can be asked to do: one JSON line each.

The first line on the worker's standard input is one of these; a later line
`{"type": "cancel"}`, the end of the input, or SIGTERM stops the job.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from dwarfsmith.engine.plan import BuildPlan


class Request(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """Base of all requests."""


class ScanRequest(Request, frozen=True, tag="scan"):
    """Walk a folder into column files that others can map while they grow."""

    input: bytes
    columns: str
    """An existing folder for the column files."""
    with_devices: bool = False
    with_specials: bool = False


class BuildRequest(Request, frozen=True, tag="build"):
    """Make an image."""

    plan: BuildPlan
    columns: str | None = None
    """Where to keep the scanned tree, so that another process can map it."""


class VerifyRequest(Request, frozen=True, tag="verify"):
    """Read an image back and check everything in it."""

    image: bytes
    workers: int | None = None


class CancelRequest(Request, frozen=True, tag="cancel"):
    """Stop the running job."""


AnyRequest: TypeAlias = ScanRequest | BuildRequest | VerifyRequest | CancelRequest

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)


def to_line(request: Request) -> bytes:
    """Return `request` as one JSON line, newline included."""
    return _encoder.encode(request) + b"\n"


def from_line(line: bytes) -> AnyRequest:
    """Parse one JSON line.

    Raises:
        msgspec.DecodeError: The line is no request of this release.
    """
    return _decoder.decode(line)
