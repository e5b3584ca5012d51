"""Checking sections and verifying whole images."""

import pytest
from crafted import BLOCK, join_sections, make_image, make_metadata, u4

from dwarfsmith.engine.dwarfs import check
from dwarfsmith.engine.dwarfs import metadata as tables
from dwarfsmith.engine.dwarfs.container import (
    HEADER_BYTES,
    ImageFile,
    SectionType,
    seal_section,
)
from dwarfsmith.engine.dwarfs.metadata import Chunks
from dwarfsmith.engine.errors import (
    CancelledError,
    ChecksumError,
    CodecError,
    DwarfsmithError,
    FormatError,
    InputError,
)
from dwarfsmith.engine.events import StageFinished, Verified
from dwarfsmith.engine.job import Job

GOOD = ["l0", "l7", "l9", "brotli", "lz4-small-blocks", "no-index-no-history"]


def check_file(file, checksum="xxh3"):
    return check.check_sections(file, Job(), checksum=checksum, workers=2)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("checksum", ["xxh3", "digest"])
def test_good_images(golden, name, checksum):
    with ImageFile.open(golden / f"dwarfs/{name}.dwarfs") as file:
        checks = check_file(file, checksum)
        assert [found.position for found in checks] == list(range(len(file.sections)))
        assert all(found.intact for found in checks)
        assert all(found.size is not None for found in checks)
        assert check.find_errors(checks) == []


def test_uncompressed_sizes_are_known_even_where_the_data_is_not(golden):
    with ImageFile.open(golden / "dwarfs/categorize-fragments.dwarfs") as file:
        sizes = [row.size for row in check_file(file) if row.section.type == 0]
    assert sizes == [172498, 114780, 132, 24000, 12000, 4000]


def test_without_checking_only_stored_sizes_are_known(golden):
    with ImageFile.open(golden / "dwarfs/l1.dwarfs") as file:
        found = check.list_sections(file)
        assert all(row.intact is None for row in found)
        assert {row.section.type for row in found if row.size is not None} == {
            SectionType.METADATA_V2,
            SectionType.SECTION_INDEX,
        }


@pytest.mark.parametrize("checksum", ["xxh3", "digest"])
def test_every_section_is_checked(golden, checksum):
    whole = (golden / "dwarfs/l1.dwarfs").read_bytes()
    sections = list(ImageFile.over(whole).sections)
    for section in sections[:-1]:
        damaged = bytearray(whole)
        damaged[section.payload_offset + section.length // 2] ^= 0x40
        checks = check_file(ImageFile.over(bytes(damaged)), checksum)
        assert [found.position for found in checks if not found.intact] == [
            section.number
        ]
        (error,) = check.find_errors(checks)
        assert f"section {section.number} ({section.type_name})" in error


def test_images_without_checksums_are_neither_good_nor_bad(shared_golden):
    with ImageFile.open(shared_golden / "compat/compat-v0.2.0.dwarfs") as file:
        assert {found.intact for found in check_file(file)} == {None}


def test_duplicate_sections_are_errors():
    schema, data = tables.encode(make_metadata())
    image = join_sections(
        [
            (SectionType.BLOCK, 0, BLOCK),
            (SectionType.BLOCK, 0, BLOCK),
            (SectionType.METADATA_V2_SCHEMA, 0, schema),
            (SectionType.METADATA_V2, 0, data),
            (SectionType.METADATA_V2, 0, data),
        ]
    )
    errors = check.find_errors(check_file(ImageFile.over(image)))
    assert errors == ["duplicate section: METADATA_V2 (2 times)"]


# Verifying


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("workers", [None, 1, 3])
def test_verifying_good_images(golden, name, workers):
    events = []
    path = golden / f"dwarfs/{name}.dwarfs"
    done = check.verify_image(path, Job(events.append), workers=workers)
    with ImageFile.open(path) as file:
        assert done.sections == len(file.sections)
    assert done.entries in (97, 100)
    told = [event for event in events if isinstance(event, Verified)]
    assert [(e.sections, e.entries) for e in told] == [(done.sections, done.entries)]
    assert any(isinstance(event, StageFinished) for event in events)


def verify(tmp_path, image):
    path = tmp_path / "image"
    path.write_bytes(image)
    return check.verify_image(path, Job())


def test_verifying_finds_damage_in_any_section(golden, tmp_path):
    whole = (golden / "dwarfs/l1.dwarfs").read_bytes()
    for section in ImageFile.over(whole).sections:
        for place in (
            section.payload_offset + section.length // 2,
            section.offset + 8,  # the digest
            section.offset + 40,  # the XXH3 checksum
        ):
            damaged = bytearray(whole)
            damaged[place] ^= 1
            with pytest.raises(DwarfsmithError) as caught:
                verify(tmp_path, damaged)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 10, 63, 64, 100, 1000, -1, -8, -64, -100])
def test_verifying_truncated_images(golden, tmp_path, size):
    whole = (golden / "dwarfs/l1.dwarfs").read_bytes()
    with pytest.raises(FormatError):
        verify(tmp_path, whole[:size])


def test_verifying_finds_chunks_outside_their_block(tmp_path):
    metadata = make_metadata(
        chunks=Chunks(block=u4(0, 0), offset=u4(0, 7), size=u4(5, 5))
    )
    with pytest.raises(
        FormatError, match="expected 12 bytes at 0, found a block of 11"
    ):
        verify(tmp_path, make_image(metadata))


def test_verifying_finds_a_wrong_digest_under_a_right_checksum(tmp_path):
    image = bytearray(make_image(make_metadata()))
    image[8] ^= 1
    with pytest.raises(ChecksumError, match="SHA-512/256"):
        verify(tmp_path, image)


def test_verifying_decompresses(tmp_path):
    """A payload with right checksums that is no zstd frame."""
    schema, data = tables.encode(make_metadata())
    image = join_sections(
        [
            (SectionType.BLOCK, 2, b"not zstd"),
            (SectionType.METADATA_V2_SCHEMA, 0, schema),
            (SectionType.METADATA_V2, 0, data),
        ]
    )
    with pytest.raises(CodecError, match="at block 0"):
        verify(tmp_path, image)


def test_verifying_an_index_that_lies(tmp_path):
    image = make_image(make_metadata())
    last = list(ImageFile.over(image).sections)[-1]
    payload = bytearray(image[last.payload_offset :])
    payload[8] ^= 1
    header = seal_section(last.number, last.type, 0, payload)
    assert len(header) == HEADER_BYTES
    with pytest.raises(FormatError):
        verify(tmp_path, image[: last.offset] + header + payload)


def test_verifying_what_is_not_there(tmp_path):
    with pytest.raises(InputError):
        check.verify_image(tmp_path / "missing", Job())


def test_cancelling(golden):
    job = Job()
    job.cancel()
    with pytest.raises(CancelledError):
        check.verify_image(golden / "dwarfs/l7.dwarfs", job)
