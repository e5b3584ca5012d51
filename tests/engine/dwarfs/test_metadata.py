"""Metadata of real images decodes, encodes to the same bytes, and survives damage."""

import dataclasses
import pathlib
import random

import numpy as np
import pytest
from tables import metadata_sections, plain

from dwarfsmith.engine.dwarfs import frozen, packing
from dwarfsmith.engine.dwarfs.frozen import Struct, Table
from dwarfsmith.engine.dwarfs.metadata import (
    METADATA,
    Chunks,
    Directories,
    DirEntries,
    Inodes,
    Metadata,
    Options,
    decode,
    encode,
)
from dwarfsmith.engine.dwarfs.schema import decode_schema, encode_schema
from dwarfsmith.engine.dwarfs.strings import StringTable
from dwarfsmith.engine.errors import FormatError

GOLDEN = pathlib.Path(__file__).parents[2] / "golden/dwarfs"
IMAGES = sorted(path.name for path in GOLDEN.glob("*.dwarfs"))
COMPAT = ["data", "catdata", *(f"compat-v{v}" for v in ("0.5.6", "0.6.2", "0.9.10"))]
LEGACY = ["compat-v0.2.0", "compat-v0.3.0"]


def u4(*values: int) -> np.ndarray:
    return np.array(values, np.uint32)


def ascends(schema: bytes) -> bool:
    """Whether the outer struct of a schema has its fields by id, as from 0.15 on."""
    return not schema.startswith(b"\x45")


# The description's example ---------------------------------------------------------


def example() -> Metadata:
    """A root directory with one file, `hi`, of 3 bytes."""
    return Metadata(
        chunks=Chunks(block=u4(0), offset=u4(0), size=u4(3)),
        directories=Directories(
            parent_entry=u4(0, 0), first_entry=u4(1, 2), self_entry=u4(0, 0)
        ),
        inodes=Inodes.of(
            2, mode_index=u4(0, 1), mtime_offset=np.array([0, 5], np.uint64)
        ),
        chunk_table=u4(0, 1),
        uids=u4(1000),
        gids=u4(100),
        modes=u4(0o40755, 0o100644),
        timestamp_base=1700000000,
        block_size=1 << 20,
        total_fs_size=3,
        devices=np.empty(0, np.uint64),
        options=Options(mtime_only=True),
        dir_entries=DirEntries(name_index=u4(0, 0), inode_num=u4(0, 1)),
        shared_files_table=u4(),
        total_hardlink_size=0,
        dwarfs_version=b"x 1",
        compact_names=StringTable(buffer=b"hi", index=u4(0, 2)),
        compact_symlinks=StringTable(),
        preferred_path_separator=47,
        features=[],
    )


def test_the_example_byte_for_byte():
    schema, data = encode(example())
    assert data == bytes.fromhex(
        "a7 d4 aa 7d 67 35 40 fc 54 19 00 00 fe fa ff 8b 4a fe 0d"
        "03 09 b0 02 e8 03 64 ed 41 a4 81 02 78 20 31 68 69 08"
        "00 00 00 00 00 00 00 00"
    )
    assert len(schema) == 830
    assert schema.startswith(
        bytes.fromhex(
            "45 02 01 02 1b 23 4c 00 15 00 14 0a 1b 00 18 00 00 02 15 00 14 02"
        )
    )
    assert schema.endswith(bytes.fromhex("14 44 00"))
    layouts = decode_schema(schema).layouts
    assert (len(layouts), layouts[-1].size, layouts[-1].bits) == (35, 19, 148)
    assert len(layouts[-1].fields) == 20
    assert plain(decode(schema, data)) == plain(example())


# Real images -----------------------------------------------------------------------


@pytest.mark.parametrize("name", IMAGES)
def test_images_encode_to_the_same_bytes(name):
    schema, data = metadata_sections(GOLDEN / name)
    # All of these were made by release 0.15, which orders and aligns differently.
    encoded = encode(decode(schema, data), ascending_schema_ids=True, align_maps=True)
    assert encoded == (schema, data)


@pytest.mark.parametrize("name", IMAGES)
def test_our_own_order_is_the_older_one(name):
    schema, data = metadata_sections(GOLDEN / name)
    metadata = decode(schema, data)
    older, unaligned = encode(metadata)
    assert not ascends(older)
    assert plain(decode(older, unaligned)) == plain(metadata)
    if metadata.block_category_metadata is None and not metadata.reg_file_size_cache:
        assert unaligned == data


@pytest.mark.parametrize("name", COMPAT)
def test_older_images_encode_to_the_same_bytes(name, shared_golden):
    schema, data = metadata_sections(shared_golden / f"compat/{name}.dwarfs")
    metadata = decode(schema, data)
    assert encode(metadata, ascending_schema_ids=ascends(schema)) == (schema, data)


def legacy_kind() -> Struct[Metadata]:
    """The tables as releases up to 0.4 declared them.

    The inodes' fields were ordered by id, and tables aligned to their widest integer.
    """
    aligned = {"chunks": 4, "directories": 4, "inodes": 8}
    fields = []
    for field in METADATA.fields:
        if field.name in aligned:
            row = field.kind.row
            by_id = dataclasses.replace(row, fields=tuple(sorted(row.fields)))
            field = field._replace(kind=Table(by_id, align=aligned[field.name]))
        fields.append(field)
    return Struct(Metadata, tuple(fields))


@pytest.mark.parametrize("name", LEGACY)
def test_the_oldest_images_encode_to_the_same_bytes(name, shared_golden):
    schema, data = metadata_sections(shared_golden / f"compat/{name}.dwarfs")
    metadata = decode(schema, data)
    found, encoded = frozen.encode(legacy_kind(), metadata, align=True)
    assert (encode_schema(found), encoded) == (schema, data)


def test_what_an_image_says():
    metadata = decode(*metadata_sections(GOLDEN / "l4.dwarfs"))
    assert metadata.dwarfs_version.startswith(b"libdwarfs v0.15.3")
    assert metadata.options == Options(mtime_only=True, inodes_have_nlink=True)
    assert metadata.features == []
    assert metadata.category_names is None
    assert metadata.hole_block_index is None
    assert metadata.chunks.block.dtype == np.uint32
    assert metadata.inodes.mtime_offset.dtype == np.uint64
    assert len(metadata.inodes.btime_subsec) == len(metadata.inodes)
    assert metadata.reg_file_size_cache.min_chunk_count == 128
    assert len(metadata.names) == 0
    assert metadata.compact_names.symtab is not None


def test_absent_is_not_empty():
    metadata = example()
    metadata.category_names = []
    metadata.large_hole_size = np.empty(0, np.uint64)
    found = decode(*encode(metadata))
    assert found.category_names == []
    assert len(found.large_hole_size) == 0
    assert found.block_categories is found.reg_file_size_cache is None
    assert found.create_timestamp is found.total_allocated_fs_size is None
    assert found.total_hardlink_size == 0


def test_a_million_inodes():
    count = 1_000_000
    numbers = np.arange(count, dtype=np.uint32)
    metadata = Metadata(
        inodes=Inodes.of(count, mtime_offset=numbers.astype(np.uint64) * 977),
        dir_entries=DirEntries(name_index=numbers[::-1].copy(), inode_num=numbers),
        devices=np.array([(1 << 64) - 1], np.uint64),
    )
    schema, data = encode(metadata)
    assert len(data) < count * (30 + 20 + 20) // 8 + 100
    found = decode(schema, data)
    assert (found.inodes.mtime_offset == metadata.inodes.mtime_offset).all()
    assert (found.dir_entries.name_index == numbers[::-1]).all()
    assert found.inodes.nlink_minus_one.strides == (0,)
    assert found.devices.tolist() == [(1 << 64) - 1]


# Hostile input ---------------------------------------------------------------------


def mutate(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5])):
        at = chance.randrange(len(changed))
        match chance.randrange(5):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at] = chance.choice([0, 127, 128, 255, chance.randrange(256)])
            case 2:
                del changed[at : at + chance.randrange(1, 5)]
            case 3:
                changed[at:at] = chance.randbytes(chance.randrange(1, 5))
            case 4:
                other = chance.randrange(len(changed))
                changed[at : at + 4] = changed[other : other + 4]
        changed = changed or bytearray(1)
    return bytes(changed)


def memory(value: object) -> int:
    """Return the bytes of all columns that take any."""
    if isinstance(value, np.ndarray):
        return value.nbytes if all(value.strides) else 0
    if dataclasses.is_dataclass(value):
        return sum(memory(getattr(value, f.name)) for f in dataclasses.fields(value))
    return 0


@pytest.mark.parametrize("name", ["l4", "pack-all", "pack-plain", "lz4-small-blocks"])
def test_mutated_metadata_raises_nothing_else(name):
    schema, data = metadata_sections(GOLDEN / f"{name}.dwarfs")
    chance = random.Random(name)
    outcomes = {"decoded": 0, "valid": 0, "refused": 0}
    for number in range(200):
        changed = [schema, data]
        changed[number % 2] = mutate(chance, changed[number % 2])
        try:
            metadata = decode(*changed)
            outcomes["decoded"] += 1
            assert memory(metadata) < 80 * len(changed[1])
            unpacked = packing.unpack_metadata(metadata)
            packing.check_invariants(unpacked)
            outcomes["valid"] += 1
        except FormatError:
            outcomes["refused"] += 1
    assert all(outcomes.values()), outcomes


@pytest.mark.parametrize("byte", [0x00, 0x01, 0x55, 0xAA, 0xFF])
@pytest.mark.parametrize("name", ["l4", "lz4-small-blocks"])
def test_metadata_of_one_byte_repeated(name, byte):
    """Every count, distance and width at its extreme."""
    schema, data = metadata_sections(GOLDEN / f"{name}.dwarfs")
    try:
        found = decode(schema, bytes([byte]) * len(data))
    except FormatError:
        assert byte != 0
    else:
        assert memory(found) < 80 * len(data)


@pytest.mark.parametrize("size", [0, 1, 10, 40, 80, 100, 400])
def test_metadata_cut_short(size):
    schema, data = metadata_sections(GOLDEN / "l4.dwarfs")
    with pytest.raises(FormatError, match=f"found the end after {size} bytes"):
        decode(schema, data[:size])
    with pytest.raises(FormatError):
        decode(schema[:size], data)
