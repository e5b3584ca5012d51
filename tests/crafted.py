"""Small images made table by table, to be bent out of shape."""

from dataclasses import replace

import numpy as np

from dwarfsmith.engine.codecs import parse_codec
from dwarfsmith.engine.dwarfs import metadata as tables
from dwarfsmith.engine.dwarfs.container import (
    SectionType,
    seal_section,
    section_index,
)
from dwarfsmith.engine.dwarfs.metadata import (
    Chunks,
    Directories,
    DirEntries,
    Inodes,
    Metadata,
    Options,
)
from dwarfsmith.engine.dwarfs.strings import Strings

BLOCK = b"hello world"
BLOCK_SIZE = 1024
PATHS = [b"", b"a", b"d", b"d/b", b"l"]
"""The entries of `make_metadata`, as a walk meets them."""


def u4(*values):
    return np.array(values, np.uint32)


def make_metadata(**changes) -> Metadata:
    """Two files (`a` and `d/b`), a directory `d` and a link `l` to `a`."""
    data = Metadata(
        chunks=Chunks(block=u4(0, 0), offset=u4(0, 6), size=u4(5, 5)),
        directories=Directories(
            parent_entry=u4(0, 0, 0), first_entry=u4(1, 4, 5), self_entry=u4(0, 2, 0)
        ),
        inodes=Inodes.of(
            5,
            mode_index=u4(0, 0, 1, 2, 2),
            mtime_offset=np.array([0, 1, 2, 3, 4], np.uint64),
        ),
        chunk_table=u4(0, 1, 2),
        symlink_table=u4(0),
        uids=u4(1000),
        gids=u4(100),
        modes=u4(0o040755, 0o120777, 0o100644),
        names=Strings.of([b"a", b"b", b"d", b"l"]),
        symlinks=Strings.of([b"a"]),
        timestamp_base=1_700_000_000,
        block_size=BLOCK_SIZE,
        total_fs_size=11,
        devices=np.empty(0, np.uint64),
        options=Options(mtime_only=True),
        dir_entries=DirEntries(
            name_index=u4(0, 0, 2, 3, 1), inode_num=u4(0, 3, 1, 2, 4)
        ),
        shared_files_table=u4(),
    )
    return replace(data, **changes)


def make_empty_metadata() -> Metadata:
    """Nothing but a root."""
    return make_metadata(
        chunks=Chunks(),
        directories=Directories(
            parent_entry=u4(0, 0), first_entry=u4(1, 1), self_entry=u4(0, 0)
        ),
        inodes=Inodes.of(1, mode_index=u4(0)),
        chunk_table=u4(0),
        symlink_table=u4(),
        modes=u4(0o040755),
        names=Strings.of([]),
        symlinks=Strings.of([]),
        dir_entries=DirEntries(name_index=u4(0), inode_num=u4(0)),
    )


def make_image(metadata: Metadata, blocks=(BLOCK,), codec="null") -> bytes:
    """Return an image with these tables and blocks, all checksums right."""
    schema, data = tables.encode(metadata)
    return join_sections(
        [
            *((SectionType.BLOCK, *_compress(block, codec)) for block in blocks),
            (SectionType.METADATA_V2_SCHEMA, 0, schema),
            (SectionType.METADATA_V2, 0, data),
        ]
    )


def join_sections(sections) -> bytes:
    """Return an image of (type, compression, payload), with an index."""
    image, types, offsets = b"", [], []
    for number, (kind, codec_id, payload) in enumerate(sections):
        types.append(kind)
        offsets.append(len(image))
        image += seal_section(number, kind, codec_id, payload) + payload
    return image + section_index(types, offsets, len(image))


def _compress(block: bytes, codec: str) -> tuple[int, bytes]:
    found = parse_codec(codec)
    payload = found.compress(block)
    return (0, block) if payload is None else (found.codec_id, payload)
