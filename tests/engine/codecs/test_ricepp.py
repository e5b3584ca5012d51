"""Rice++ blocks: known bytes, golden blocks, what is refused, and metadata."""

import random

import pytest
from golden import make_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine import thrift
from dwarfsmith.engine.codecs import (
    CodecId,
    decompress,
    metadata_of,
    parse_codec,
    uncompressed_size,
)
from dwarfsmith.engine.codecs.base import varint
from dwarfsmith.engine.dwarfs.container import ImageFile, SectionType
from dwarfsmith.engine.errors import CodecError, UsageError
from dwarfsmith.engine.thrift import Kind

FORMAT = {
    "bytes_per_sample": 2,
    "component_count": 1,
    "endianness": "big",
    "unused_lsb_count": 0,
}
HEADER = bytes.fromhex("15 80 02 14 02 13 02 13 00 11 14 02 00")
"""Of blocks of 128 pixels of `FORMAT`."""


def sky(size: int, shift: int = 0, order: str = "big", seed: int = 0) -> bytes:
    pick = random.Random(seed)
    return b"".join(
        ((1000 + pick.randrange(64)) << shift).to_bytes(2, order) for _ in range(size)
    )


def test_known_header():
    data = sky(1000)
    payload = parse_codec("ricepp").bind(FORMAT).compress(data)
    assert payload.startswith(varint(2000) + HEADER)
    assert uncompressed_size(CodecId.RICEPP, payload) == 2000
    assert metadata_of(CodecId.RICEPP, payload) == FORMAT
    assert decompress(CodecId.RICEPP, payload, 2000) == data
    assert decompress(CodecId.RICEPP, memoryview(payload), 1 << 30) == data


def test_golden_block(golden):
    """A block made by the reference is the source's pixels, and is made again."""
    with ImageFile.open(str(golden / "dwarfs/l7-categorize.dwarfs").encode()) as image:
        (section,) = (
            section
            for section in image.of_type(SectionType.BLOCK)
            if section.codec_id == CodecId.RICEPP
        )
        payload = bytes(image.payload(section))
    data = decompress(CodecId.RICEPP, payload, 1 << 24)
    assert data == make_tree.fits(120, 80)[2880 : 2880 + 2 * 120 * 80]
    metadata = metadata_of(CodecId.RICEPP, payload)
    assert metadata == {**FORMAT, "unused_lsb_count": 2}
    assert parse_codec("ricepp").bind(metadata).compress(data) == payload


@settings(deadline=None)
@given(
    count=st.integers(0, 300),
    block_size=st.integers(16, 512),
    components=st.integers(1, 2),
    shift=st.integers(0, 8),
    order=st.sampled_from(["big", "little"]),
)
def test_whatever_gains_comes_back(count, block_size, components, shift, order):
    metadata = {
        "bytes_per_sample": 2,
        "component_count": components,
        "endianness": order,
        "unused_lsb_count": min(shift, 5),
    }
    codec = parse_codec(f"ricepp:block_size={block_size}").bind(metadata)
    assert codec.describe() == f"ricepp [block_size={block_size}]"
    assert codec.granularity == 2 * components
    data = sky(count * components, min(shift, 5), order)
    payload = codec.compress(data)
    if payload is None:
        assert len(data) < 60
        return
    assert len(payload) < len(data)
    assert metadata_of(CodecId.RICEPP, payload) == metadata
    assert decompress(CodecId.RICEPP, payload, len(data)) == data


def test_noise_is_no_gain():
    codec = parse_codec("ricepp").bind(FORMAT)
    assert codec.compress(random.Random(1).randbytes(10_000)) is None
    assert codec.compress(b"") is None


def test_bits_that_would_be_lost_are_no_gain():
    codec = parse_codec("ricepp").bind({**FORMAT, "unused_lsb_count": 2})
    data = bytearray(sky(1000, 2))
    assert codec.compress(data) is not None
    data[777] |= 2
    assert codec.compress(data) is None


def test_pixels_are_whole():
    codec = parse_codec("ricepp").bind({**FORMAT, "component_count": 2})
    with pytest.raises(CodecError, match="a multiple of 4 bytes of pixels, found 2002"):
        codec.compress(bytes(2002))
    with pytest.raises(CodecError, match="whole pixels, found 2001 bytes"):
        codec.compress(bytes(2001))


def test_a_category_is_needed():
    codec = parse_codec("ricepp")
    message = r"'ricepp \[block_size=128\]' cannot be used without a category"
    with pytest.raises(UsageError, match=message):
        codec.bind({})
    with pytest.raises(UsageError, match=message):
        codec.compress(b"data")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("endianness", None, "'endianness' of big or little, found none"),
        ("endianness", "middle", "'endianness' of big or little, found 'middle'"),
        ("bytes_per_sample", 4, "'bytes_per_sample' of 2, found 4"),
        ("component_count", 3, "'component_count' from 1 to 2, found 3"),
        ("component_count", True, "'component_count' from 1 to 2, found True"),
        ("unused_lsb_count", 9, "'unused_lsb_count' from 0 to 8, found 9"),
        ("unused_lsb_count", "2", "'unused_lsb_count' from 0 to 8, found '2'"),
    ],
)
def test_requirements(key, value, message):
    with pytest.raises(UsageError, match=message):
        parse_codec("ricepp").bind({**FORMAT, key: value})


GOOD = {
    1: (Kind.I32, 128),
    2: (Kind.I16, 1),
    3: (Kind.BYTE, 2),
    4: (Kind.BYTE, 0),
    5: (Kind.BOOL, True),
    6: (Kind.I16, 1),
}


def with_header(**changes: tuple) -> bytes:
    """A payload of 1000 pixels whose header has other fields."""
    stream = parse_codec("ricepp").bind(FORMAT).compress(sky(1000))[2 + len(HEADER) :]
    fields = GOOD | {int(field[1:]): value for field, value in changes.items()}
    return varint(2000) + thrift.encode(fields) + stream


def test_fields_of_later_releases_are_skipped():
    payload = with_header(_9=(Kind.BINARY, b"new"), _7=(Kind.I64, 1))
    assert decompress(CodecId.RICEPP, payload, 2000) == sky(1000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"_1": (Kind.I32, 0)},
            "1 to 512 pixels a block in the ricepp header, found 0",
        ),
        ({"_1": (Kind.I64, 1 << 60)}, "1 to 512 pixels a block"),
        ({"_1": (Kind.BINARY, b"")}, "found BINARY, at field 1 of the ricepp header"),
        ({"_2": (Kind.I16, 3)}, "1 to 2 components in the ricepp header, found 3"),
        ({"_3": (Kind.BYTE, 4)}, "2 bytes a sample in the ricepp header, found 4"),
        ({"_4": (Kind.BYTE, 16)}, "0 to 15 unused bits in the ricepp header, found 16"),
        ({"_5": (Kind.BYTE, 1)}, "found BYTE, at field 5 of the ricepp header"),
        ({"_6": (Kind.I16, 2)}, "a ricepp version up to 1, found 2"),
    ],
)
def test_bad_headers_are_refused(change, message):
    with pytest.raises(CodecError, match=message):
        decompress(CodecId.RICEPP, with_header(**change), 2000)


def test_sizes_are_limited():
    payload = with_header()
    with pytest.raises(
        CodecError, match="at most 1999 bytes of ricepp data, found 2000"
    ):
        decompress(CodecId.RICEPP, payload, 1999)
    huge = varint(1 << 62) + HEADER + bytes(100)
    with pytest.raises(CodecError, match="at most 1000"):
        decompress(CodecId.RICEPP, huge, 1000)
    with pytest.raises(
        CodecError, match=r"corrupt ricepp data: expected .* bytes of stream or more"
    ):
        decompress(CodecId.RICEPP, varint(1 << 30) + HEADER + bytes(100), 1 << 40)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_corrupt_raises_nothing_else(data):
    payload = bytearray(with_header())
    if data.draw(st.booleans()):
        del payload[data.draw(st.integers(0, len(payload))) :]
    for _ in range(data.draw(st.integers(0, 3)) if payload else 0):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(
            st.integers(0, 255)
        )
    for call in (
        lambda: decompress(CodecId.RICEPP, bytes(payload), 4000),
        lambda: metadata_of(CodecId.RICEPP, bytes(payload)),
    ):
        try:
            call()
        except CodecError:
            continue
