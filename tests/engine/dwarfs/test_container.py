"""The container: known bytes, the index, versions, headers, damage."""

import io
import json
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.dwarfs import container, section
from dwarfsmith.engine.dwarfs.container import (
    HEADER_BYTES,
    ImageFile,
    SectionType,
    seal_section,
    section_index,
)
from dwarfsmith.engine.errors import (
    ChecksumError,
    FormatError,
    InputError,
    NotAvailableError,
    UnsupportedError,
)

BLOCK, SCHEMA = SectionType.BLOCK, SectionType.METADATA_V2_SCHEMA
METADATA, INDEX = SectionType.METADATA_V2, SectionType.SECTION_INDEX
HISTORY = SectionType.HISTORY

PAYLOADS = [
    (BLOCK, b"one block"),
    (BLOCK, b"two"),
    (SCHEMA, b"s"),
    (METADATA, b"m" * 99),
]


def make_image(
    parts=PAYLOADS, *, index: bool = True, minor: int = section.MINOR
) -> bytes:
    out, types, offsets = bytearray(), [], []
    for number, (section_type, payload) in enumerate(parts):
        types.append(section_type)
        offsets.append(len(out))
        out += seal_section(number, section_type, 0, payload) + payload
    if index:
        out += section_index(types, offsets, len(out))
    out[7] = minor
    return bytes(out)


def make_v1_image(parts=PAYLOADS, minor: int = 1) -> bytes:
    return (
        b"DWARFS\x02"
        + bytes([minor])
        + b"".join(
            struct.pack("<HBxI", section_type, 0, len(payload)) + payload
            for section_type, payload in parts
        )
    )


def contents(image: ImageFile) -> list[tuple[int, bytes]]:
    return [(found.type, bytes(image.payload(found))) for found in image.sections]


# Writing ---------------------------------------------------------------------------


def test_a_section_byte_for_byte():
    """The first section of an image whose only file is `hi` and a newline."""
    expected = bytes.fromhex(
        "44 57 41 52 46 53 02 05"
        "b8 4e 8d b8 4a 20 23 c5 21 06 8b ba 91 16 a8 7f"
        "fe 28 23 a8 75 f1 21 de 37 06 9b 69 d3 9f f7 c1"
        "ac e9 09 e5 46 ec 26 02 00 00 00 00 00 00 00 00"
        "03 00 00 00 00 00 00 00"
    )
    assert seal_section(0, BLOCK, 0, b"hi\n") == expected
    assert seal_section(0, BLOCK, 0, memoryview(bytearray(b"hi\n"))) == expected


def test_an_index_byte_for_byte():
    types = [BLOCK, SCHEMA, METADATA, HISTORY]
    data = section_index(types, [0, 356, 927, 1402], 1759)
    entries = struct.unpack("<5Q", data[HEADER_BYTES:])
    assert [(entry >> 48, entry & (1 << 48) - 1) for entry in entries] == [
        (0, 0),
        (7, 356),
        (8, 927),
        (10, 1402),
        (9, 1759),
    ]
    assert data[:HEADER_BYTES] == seal_section(4, INDEX, 0, data[HEADER_BYTES:])


def test_images_by_the_reference_are_sealed_alike(golden):
    for entry in json.loads((golden / "dwarfs/manifest.json").read_text())["images"]:
        data = (golden / "dwarfs" / entry["image"]).read_bytes()
        image = ImageFile.over(data)
        for number, found in enumerate(image.sections):
            payload = image.payload(found)
            header = seal_section(number, found.type, found.codec_id, payload)
            assert header == data[found.offset : found.payload_offset]
        if image.has_index:
            *rest, _ = image.sections
            end = rest[-1].end
            types = [found.type for found in rest]
            assert section_index(types, [s.offset for s in rest], end) == data[end:]


def test_without_the_digest_the_reason_is_given(monkeypatch):
    def missing(name):
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(section.hashlib, "new", missing)
    with pytest.raises(NotAvailableError, match="expected SHA-512/256"):
        seal_section(0, BLOCK, 0, b"")


# Reading ---------------------------------------------------------------------------


@pytest.mark.parametrize("index", [False, True])
def test_sections_are_listed(index):
    image = ImageFile.over(make_image(index=index))
    assert (image.major, image.minor, image.offset) == (2, 5, 0)
    assert image.has_index == index
    expected = PAYLOADS if not index else [*PAYLOADS, (INDEX, make_image()[-40:])]
    assert contents(image) == expected
    assert [found.number for found in image.sections] == list(range(len(expected)))
    assert [bytes(image.payload(found)) for found in image.of_type(BLOCK)] == [
        b"one block",
        b"two",
    ]
    assert image.sections[-1].number == len(expected) - 1
    assert [found.type for found in image.sections[1:3]] == [BLOCK, SCHEMA]
    for found in image.sections:
        image.check_xxh3(found)
        image.check_digest(found)


def test_files_objects_and_memory_read_alike(tmp_path):
    data = b"#!/bin/sh\n" + make_image()
    path = tmp_path / "image"
    path.write_bytes(data)
    with ImageFile.open(path) as by_path, ImageFile.open(bytes(path)) as by_bytes:
        expected = contents(by_path)
        assert contents(by_bytes) == expected
    file = io.BytesIO(data)
    with ImageFile.over(file) as of_object:
        assert contents(of_object) == expected
    assert not file.closed
    assert contents(ImageFile.over(bytearray(data))) == expected
    assert contents(ImageFile.over(memoryview(data))) == expected


def test_one_of_a_type():
    image = ImageFile.over(make_image([*PAYLOADS, (SCHEMA, b"again")]))
    assert image.payload(image.only(METADATA)) == b"m" * 99
    with pytest.raises(FormatError, match="one section METADATA_V2_SCHEMA, found 2"):
        image.only(SCHEMA)
    with pytest.raises(FormatError, match="one section HISTORY, found 0"):
        image.only(HISTORY)


def test_unknown_types_are_listed_by_number():
    image = ImageFile.over(make_image([(99, b"?"), *PAYLOADS]))
    assert image.sections[0].type_name == "UNKNOWN (99)"
    assert image.sections[1].type_name == "BLOCK"


@pytest.mark.parametrize("minor", [0, 1])
def test_headers_without_checksums(minor):
    image = ImageFile.over(make_v1_image(minor=minor))
    assert image.minor == minor
    assert not image.has_index
    assert contents(image) == PAYLOADS
    assert [found.number for found in image.sections] == [0, 1, 2, 3]
    for found in image.sections:
        assert found.header_bytes == 8
        assert found.xxh3 is found.digest is None
        image.check_xxh3(found)
        image.check_digest(found)


@pytest.mark.parametrize(
    ("version", "minor", "sections", "indexed"),
    [
        ("0.2.0", 0, 5, False),
        ("0.3.0", 2, 5, False),
        ("0.5.6", 3, 4, False),
        ("0.6.2", 4, 5, True),
        ("0.9.10", 5, 6, True),
    ],
)
def test_images_of_older_releases(version, minor, sections, indexed, shared_golden):
    with ImageFile.open(shared_golden / f"compat/compat-v{version}.dwarfs") as image:
        assert (image.minor, image.has_index) == (minor, indexed)
        assert len(image.sections) == sections
        for found in image.sections:
            assert len(image.payload(found)) == found.length
            image.check_digest(found)
            assert (found.xxh3 is None) == (minor == 0)


@pytest.mark.parametrize(
    ("section_type", "codec_id", "length"),
    [(9999, 0, 1), (BLOCK, 5, 1), (BLOCK, 0, 0), (BLOCK, 0, 2)],
)
def test_bad_headers_without_checksums(section_type, codec_id, length):
    bad = struct.pack("<HBxI", section_type, codec_id, length) + b"x"
    with pytest.raises(FormatError):
        ImageFile.over(make_v1_image() + bad)


@pytest.mark.parametrize("minor", [2, 3, 4, 5, 6])
def test_versions_that_are_read(minor):
    image = ImageFile.over(make_image(minor=minor))
    assert image.minor == minor
    assert image.has_index == (minor >= 4)
    assert len(image.sections) == len(PAYLOADS) + 1


@pytest.mark.parametrize(
    ("major", "minor", "message"),
    [
        (2, 7, "a minor version up to 6, found 7"),
        (2, 255, "a minor version up to 6, found 255"),
        (3, 0, "major version 2, found 3"),
    ],
)
def test_versions_that_are_not_read(major, minor, message):
    data = bytearray(make_image(minor=minor))
    data[6] = major
    with pytest.raises(UnsupportedError, match=message):
        ImageFile.over(bytes(data), offset=0)


def test_only_the_first_version_counts():
    data = bytearray(make_image(index=False))
    second = ImageFile.over(bytes(data)).sections[1].offset
    data[second + 6 : second + 8] = b"\xff\xff"
    assert contents(ImageFile.over(bytes(data), offset=0)) == PAYLOADS


# Damage ----------------------------------------------------------------------------


@pytest.mark.parametrize("where", [8, 40, 48, 54, 64, 66])
def test_damage_is_found(where):
    """In the digest, the checksum, the number, the compression, the payload."""
    data = bytearray(make_image([(BLOCK, b"abc"), *PAYLOADS]))
    data[where] ^= 1
    image = ImageFile.over(bytes(data), offset=0)
    damaged = image.sections[0]
    with pytest.raises(ChecksumError, match=r"expected SHA-512/256 [0-9a-f]{64}"):
        image.check_digest(damaged)
    if where >= 40:
        with pytest.raises(ChecksumError, match=r"found [0-9a-f]{16}, at section \d"):
            image.payload(damaged)
        with pytest.raises(ChecksumError, match="expected XXH3"):
            image.check_xxh3(damaged)
    assert len(image.payload(damaged, verify=False)) == 3
    image.check_digest(image.sections[1])


@pytest.mark.parametrize("cut", [1, 39, 40, 63, 64, 100, 150, 300])
@pytest.mark.parametrize("index", [False, True])
def test_images_cut_short(cut, index):
    data = make_image(index=index)[:-cut]
    sections = ImageFile.over(make_image(index=False)).sections
    ends = {found.end for found in sections}
    if len(data) in ends:
        assert len(ImageFile.over(data, offset=0).sections) < len(PAYLOADS) + index
        return
    with pytest.raises(FormatError, match=r"at the end|a section header of 64 bytes"):
        ImageFile.over(data, offset=0)


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(make_image())
    with ImageFile.open(path) as image:
        found = image.sections[3]
        path.write_bytes(make_image()[: found.end - 1])
        with pytest.raises(
            FormatError, match=r"expected 163 bytes, found 162, at offset"
        ):
            image.payload(found)
        with pytest.raises(FormatError, match="expected 123 bytes, found 122"):
            image.check_digest(found)


def broken_indexes():
    """Images whose index must be ignored, and why."""
    data = make_image()
    start = len(data) - HEADER_BYTES - 40
    rest, entries = (
        data[:start],
        list(struct.unpack("<5Q", data[start + HEADER_BYTES :])),
    )

    def with_entries(entries, number=4, section_type=INDEX, codec_id=0, tail=b""):
        payload = struct.pack(f"<{len(entries)}Q", *entries) + tail
        return rest + seal_section(number, section_type, codec_id, payload) + payload

    yield "as it should be", data, True
    yield "unsorted", with_entries([entries[1], entries[0], *entries[2:]]), False
    yield "first not at 0", with_entries([entries[0] + 1, *entries[1:]]), False
    yield "overlapping", with_entries([entries[0], 63, *entries[2:]]), False
    yield "compressed", with_entries(entries, codec_id=2), False
    yield "of another type", with_entries(entries, section_type=HISTORY), False
    yield (
        "odd size",
        with_entries(entries, tail=entries[-1].to_bytes(8, "little")[:4]),
        False,
    )
    yield "last entry elsewhere", with_entries([*entries[:-1], entries[-1] - 64]), False
    yield (
        "last entry outside",
        with_entries([*entries[:-1], entries[-1] | 1 << 40]),
        False,
    )
    damaged = bytearray(data)
    damaged[-10] ^= 1
    yield "damaged", bytes(damaged), False


@pytest.mark.parametrize(
    ("data", "valid"),
    [pytest.param(data, valid, id=name) for name, data, valid in broken_indexes()],
)
def test_a_bad_index_is_ignored(data, valid):
    image = ImageFile.over(data)
    assert image.has_index == valid
    assert [bytes(image.payload(found)) for found in image.sections[:4]] == [
        payload for _, payload in PAYLOADS
    ]


def test_a_short_index_is_ignored():
    image = ImageFile.over(make_image([(METADATA, b"m")]), offset=0)
    assert not image.has_index
    assert len(image.sections) == 2


def test_an_index_that_lies_is_found_out():
    data = make_image(index=False)
    offsets = [found.offset for found in ImageFile.over(data).sections]
    index = section_index([BLOCK, BLOCK, SCHEMA, HISTORY], offsets, len(data))
    image = ImageFile.over(data + index)
    assert image.has_index
    with pytest.raises(
        FormatError, match=r"a section of type 10 .* as listed, found type 8"
    ):
        image.of_type(HISTORY)


@pytest.mark.parametrize("length", [1 << 20, 1 << 40, (1 << 64) - 1])
def test_lengths_are_checked_before_they_are_used(length):
    data = bytearray(make_image(index=False))
    data[56:64] = length.to_bytes(8, "little")
    with pytest.raises(FormatError, match=f"expected {length} bytes in section 0"):
        ImageFile.over(bytes(data), offset=0)


def test_implausible_payloads_are_not_read(tmp_path):
    """A sparse file may claim any size."""
    path = tmp_path / "image"
    size = 1 << 33
    with path.open("wb") as file:
        header = bytearray(seal_section(0, SCHEMA, 0, b""))
        header[56:64] = (size - HEADER_BYTES).to_bytes(8, "little")
        file.write(header)
        file.truncate(size)
    with (
        ImageFile.open(path, offset=0) as image,
        pytest.raises(FormatError, match="expected at most 1048576 bytes, found 85899"),
    ):
        image.payload(image.sections[0])


@given(st.binary(max_size=300))
def test_noise_raises_nothing_else(noise):
    for data in (noise, b"DWARFS\x02" + noise, make_v1_image() + noise):
        try:
            image = ImageFile.over(data)
            for found in image.sections:
                image.payload(found)
        except FormatError:
            pass


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=4))
def test_damaged_images_raise_nothing_else(damage):
    data = bytearray(make_image())
    for position, value in damage:
        data[position % len(data)] = value
    try:
        image = ImageFile.over(bytes(data))
        for found in image.sections:
            image.payload(found)
            image.check_digest(found)
    except FormatError:
        pass


# Opening ---------------------------------------------------------------------------


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match=r"cannot open image .*absent: No such file"):
        ImageFile.open(tmp_path / "absent")
    with pytest.raises(InputError, match="Is a directory"):
        ImageFile.open(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"cannot open image .*pipe: Illegal seek"):
        ImageFile.open(tmp_path / "pipe")


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty"
    path.touch()
    with pytest.raises(FormatError, match="expected a DwarFS image, found none"):
        ImageFile.open(path)
    with pytest.raises(FormatError, match="expected b'DWARFS', found b''"):
        ImageFile.open(path, offset=0)


# Headers ---------------------------------------------------------------------------

SEARCHED = 1 << 20


@pytest.mark.parametrize("make", [make_image, make_v1_image])
@pytest.mark.parametrize(
    "size", [1, 7, 1000, *range(SEARCHED - 8, SEARCHED + 2), 2 * SEARCHED + 3]
)
def test_the_image_is_found_after_any_header(make, size):
    header = bytes(range(256)) * (size // 256) + bytes(size % 256)
    image = ImageFile.over(header + make())
    assert image.offset == size
    assert contents(image)[:4] == PAYLOADS
    assert b"".join(image.header_parts()) == header


def test_headers_that_look_like_images():
    section_1 = seal_section(1, BLOCK, 0, b"x") + b"x"
    first = seal_section(0, BLOCK, 0, b"x") + b"x"
    for header in (
        b"DWARFS\x02",
        b"DWARFS\x02" * 9,
        b"DWARFS\x02\x05" + bytes(200),
        b"DWARFS\x02\x01" + struct.pack("<HBxI", 0, 0, 1) + b"x",
        section_1 + section_1,
        first + b"y" + section_1,
        make_v1_image([(METADATA, b"m"), (SCHEMA, b"s")]),
        make_v1_image([(SCHEMA, b"s"), (SCHEMA, b"s")]),
    ):
        image = ImageFile.over(header + make_image())
        assert image.offset == len(header), header
        assert contents(image)[:4] == PAYLOADS


def test_no_image_at_all():
    for data in (
        b"",
        b"x" * 100,
        b"DWARFS\x02",
        make_image()[:70],
        make_v1_image()[:15],
    ):
        with pytest.raises(FormatError, match="expected a DwarFS image, found none"):
            ImageFile.over(data)


def test_a_given_offset_is_not_searched():
    data = b"head" + make_image()
    assert ImageFile.over(data, offset=4).offset == 4
    for offset in (0, 3, len(data), len(data) + 5):
        with pytest.raises(FormatError, match="expected b'DWARFS'"):
            ImageFile.over(data, offset=offset)


def test_the_size_may_be_given():
    data = b"head" + make_image() + b"what follows"
    image = ImageFile.over(data, image_size=len(make_image()))
    assert image.has_index
    assert len(image.sections) == len(PAYLOADS) + 1
    with pytest.raises(FormatError, match="a section header of 64 bytes, found 12"):
        ImageFile.over(data)


def test_holes_of_a_header_are_skipped(tmp_path, monkeypatch):
    path = tmp_path / "image"
    hole = 1 << 30
    with path.open("wb") as file:
        file.seek(hole)
        file.write(make_image())
    read = 0
    real = container.FileSource.read_at

    def counted(self, offset, length):
        nonlocal read
        read += length
        return real(self, offset, length)

    monkeypatch.setattr(container.FileSource, "read_at", counted)
    if path.stat().st_blocks * 512 >= hole:
        pytest.skip("the file system has no holes")
    with ImageFile.open(path) as image:
        assert image.offset == hole
    assert read < 1 << 22
