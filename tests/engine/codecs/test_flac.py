"""FLAC blocks: known bytes, golden blocks, all formats, what is refused."""

import hashlib
import itertools
import math
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
from reference import flac, pcm

CD = {
    "bits_per_sample": 16,
    "bytes_per_sample": 2,
    "endianness": "little",
    "number_of_channels": 2,
    "padding": "lsb",
    "signedness": "signed",
}


def metadata_for(
    bits: int, width: int, channels: int, order: str, sign: str, padding: str
) -> dict[str, int | str]:
    return {
        "bits_per_sample": bits,
        "bytes_per_sample": width,
        "endianness": order,
        "number_of_channels": channels,
        "padding": padding,
        "signedness": sign,
    }


def layout_of(metadata: dict) -> pcm.Layout:
    return pcm.Layout(
        metadata["bytes_per_sample"],
        metadata["bits_per_sample"],
        metadata["endianness"] == "big",
        metadata["signedness"] == "signed",
        metadata["padding"] == "lsb",
    )


def tones(metadata: dict, size: int) -> bytes:
    """Samples of a sine, each channel a little behind the one before."""
    channels = metadata["number_of_channels"]
    loud = 0.7 * (1 << (metadata["bits_per_sample"] - 1))
    values = [
        int(loud * math.sin(0.03 * i + 0.1 * channel))
        for i in range(size)
        for channel in range(channels)
    ]
    return pcm.pack(values, layout_of(metadata))


@pytest.mark.parametrize(
    ("metadata", "header"),
    [
        (CD, "14 04 13 10 13 61 00"),
        (metadata_for(24, 3, 2, "little", "signed", "lsb"), "14 04 13 18 13 62 00"),
        (metadata_for(8, 1, 1, "little", "unsigned", "lsb"), "14 02 13 08 13 20 00"),
        (metadata_for(20, 4, 1, "big", "signed", "lsb"), "14 02 13 14 13 e3 00"),
        (metadata_for(32, 4, 8, "little", "signed", "msb"), "14 10 13 20 13 43 00"),
    ],
)
def test_known_headers(metadata, header):
    data = tones(metadata, 600)
    codec = parse_codec("flac").bind(metadata)
    payload = codec.compress(data)
    assert payload.startswith(varint(len(data)) + bytes.fromhex(header) + b"fLaC")
    assert (
        codec.granularity
        == metadata["number_of_channels"] * metadata["bytes_per_sample"]
    )
    assert uncompressed_size(CodecId.FLAC, payload) == len(data)
    assert metadata_of(CodecId.FLAC, payload) == metadata
    assert decompress(CodecId.FLAC, payload, len(data)) == data
    assert decompress(CodecId.FLAC, memoryview(payload), 1 << 30) == data


@pytest.mark.parametrize(
    "name", ["l7-categorize.dwarfs", "categorize-fragments.dwarfs"]
)
def test_golden_blocks(golden, name):
    """Blocks made by libFLAC, which has a comment in each, are the source's samples."""
    wavs = [
        make_tree.wav(*form)[44:]
        for form in ((2, 16, 6000), (1, 24, 4000), (1, 8, 4000))
    ]
    with ImageFile.open(str(golden / "dwarfs" / name).encode()) as image:
        payloads = [
            bytes(image.payload(section))
            for section in image.of_type(SectionType.BLOCK)
            if section.codec_id == CodecId.FLAC
        ]
    blocks = [decompress(CodecId.FLAC, payload, 1 << 24) for payload in payloads]
    assert sorted(blocks) == sorted(wavs)
    for payload, block in zip(payloads, blocks, strict=True):
        metadata = metadata_of(CodecId.FLAC, payload)
        again = parse_codec("flac:level=8").bind(metadata).compress(block)
        assert len(again) < 1.2 * len(payload)
        assert decompress(CodecId.FLAC, again, 1 << 24) == block


FORMATS = [
    (8 * width - spare, width, order, sign, padding)
    for width, spare, order, sign, padding in itertools.product(
        range(1, 5),
        (0, 3, 4, 8),
        ("big", "little"),
        ("signed", "unsigned"),
        ("msb", "lsb"),
    )
    if 8 * width - spare >= 8
]


@pytest.mark.parametrize(("bits", "width", "order", "sign", "padding"), FORMATS)
def test_every_format(bits, width, order, sign, padding):
    metadata = metadata_for(bits, width, 3, order, sign, padding)
    data = tones(metadata, 500)
    payload = parse_codec("flac:level=2").bind(metadata).compress(data)
    assert len(payload) < len(data)
    assert metadata_of(CodecId.FLAC, payload) == metadata
    assert decompress(CodecId.FLAC, payload, len(data)) == data


@pytest.mark.parametrize("channels", range(1, 9))
def test_every_number_of_channels(channels):
    metadata = {**CD, "number_of_channels": channels}
    data = tones(metadata, 700)
    payload = parse_codec("flac").bind(metadata).compress(data)
    assert decompress(CodecId.FLAC, payload, len(data)) == data


def test_levels_grow_smaller():
    data = tones(CD, 9000)
    noise = random.Random(0)
    data = bytes(
        byte ^ noise.getrandbits(4) * (i % 2 == 0) for i, byte in enumerate(data)
    )
    specs = [f"flac:level={level}" for level in (0, 2, 4, 5, 8)]
    specs.append("flac:level=8:exhaustive")
    codecs = [parse_codec(spec).bind(CD) for spec in specs]
    assert codecs[-1].describe() == "flac [level=8, exhaustive]"
    assert codecs[0].describe() == "flac [level=0]"
    payloads = [codec.compress(data) for codec in codecs]
    sizes = [len(payload) for payload in payloads]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[-2] < sizes[0]
    assert all(decompress(CodecId.FLAC, p, len(data)) == data for p in payloads)


def test_the_default_level_is_5():
    data = tones(CD, 5000)
    assert parse_codec("flac").describe() == "flac [level=5]"
    assert parse_codec("flac").bind(CD).compress(data) == parse_codec(
        "flac:level=5"
    ).bind(CD).compress(data)


@pytest.mark.parametrize(
    ("bits", "width", "padding"), [(16, 2, "msb"), (20, 3, "lsb"), (12, 4, "msb")]
)
def test_the_sum_of_the_samples_is_right(bits, width, padding):
    """Over samples in whole bytes, little endian, signed, whatever they lie in here."""
    metadata = metadata_for(bits, width, 1, "big", "unsigned", padding)
    data = tones(metadata, 500)
    payload = parse_codec("flac").bind(metadata).compress(data)
    plain = pcm.Layout((bits + 7) // 8, bits, False, True, False)
    samples = pcm.pack(pcm.unpack(data, layout_of(metadata)), plain)
    start = payload.index(b"fLaC")
    assert payload[start + 26 : start + 42] == hashlib.md5(samples).digest()


def test_noise_is_no_gain():
    codec = parse_codec("flac").bind(CD)
    assert codec.compress(random.Random(1).randbytes(10_000)) is None
    assert codec.compress(b"") is None


@pytest.mark.parametrize("padding", ["msb", "lsb"])
def test_padding_that_would_be_lost_is_no_gain(padding):
    metadata = metadata_for(20, 3, 1, "big", "signed", padding)
    codec = parse_codec("flac").bind(metadata)
    data = bytearray(tones(metadata, 1000))
    assert codec.compress(data) is not None
    data[600 if padding == "msb" else 602] ^= 0x01 if padding == "lsb" else 0x80
    assert codec.compress(data) is None


def test_frames_are_whole():
    with pytest.raises(CodecError, match="a multiple of 4 bytes of samples, found 402"):
        parse_codec("flac").bind(CD).compress(bytes(402))
    with pytest.raises(CodecError, match="whole samples of 2 bytes, found 401"):
        parse_codec("flac").bind(CD).compress(bytes(401))


def test_a_category_is_needed():
    codec = parse_codec("flac:level=3:exhaustive")
    message = r"'flac \[level=3, exhaustive\]' cannot be used without a category"
    with pytest.raises(UsageError, match=message):
        codec.bind({})
    with pytest.raises(UsageError, match=message):
        codec.compress(b"data")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("endianness", "mixed", "'endianness' of big or little, found 'mixed'"),
        ("signedness", None, "'signedness' of signed or unsigned, found none"),
        ("padding", 1, "'padding' of msb or lsb, found 1"),
        ("bytes_per_sample", 5, "'bytes_per_sample' from 1 to 4, found 5"),
        ("bits_per_sample", 7, "'bits_per_sample' from 8 to 32, found 7"),
        ("bits_per_sample", 17, "'bits_per_sample' up to 16 in 2 bytes, found 17"),
        ("number_of_channels", 9, "'number_of_channels' from 1 to 8, found 9"),
        ("number_of_channels", "2", "'number_of_channels' from 1 to 8, found '2'"),
    ],
)
def test_requirements(key, value, message):
    with pytest.raises(UsageError, match=message):
        parse_codec("flac").bind({**CD, key: value})


def test_other_keys_are_no_harm():
    codec = parse_codec("flac").bind({**CD, "later": 1})
    assert metadata_of(CodecId.FLAC, codec.compress(tones(CD, 500))) == CD


GOOD = {1: (Kind.I16, 2), 2: (Kind.BYTE, 16), 3: (Kind.BYTE, 0x61)}
DATA = tones(CD, 500)


def with_header(**changes: tuple) -> bytes:
    """A payload whose header has other fields."""
    payload = parse_codec("flac").bind(CD).compress(DATA)
    fields = GOOD | {int(field[1:]): value for field, value in changes.items()}
    return varint(len(DATA)) + thrift.encode(fields) + payload[payload.index(b"fLaC") :]


def test_fields_of_later_releases_are_skipped():
    payload = with_header(_4=(Kind.I64, 1), _300=(Kind.BINARY, b"new"))
    assert decompress(CodecId.FLAC, payload, len(DATA)) == DATA


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_1": (Kind.I16, 0)}, "1 to 8 channels in the flac header, found 0"),
        ({"_1": (Kind.I64, 1 << 60)}, "1 to 8 channels in the flac header"),
        ({"_1": (Kind.BOOL, True)}, "found BOOL, at field 1 of the flac header"),
        (
            {"_2": (Kind.BYTE, 7)},
            "8 to 16 bits of a sample in the flac header, found 7",
        ),
        ({"_2": (Kind.BYTE, 17)}, "8 to 16 bits of a sample"),
        ({"_3": (Kind.BYTE, 0x60)}, "expected 8 bits of a sample"),
        ({"_1": (Kind.I16, 1)}, "corrupt flac data: .* a stream of 1 channels"),
        (
            {"_2": (Kind.BYTE, 15)},
            "corrupt flac data: .* a stream of 2 channels with 15",
        ),
    ],
)
def test_bad_headers_are_refused(change, message):
    with pytest.raises(CodecError, match=message):
        decompress(CodecId.FLAC, with_header(**change), 1 << 20)


def test_long_headers_are_refused():
    payload = with_header(_4=(Kind.BINARY, bytes(2000)))
    with pytest.raises(CodecError, match="of the flac header"):
        decompress(CodecId.FLAC, payload, 1 << 20)


def test_sizes_are_limited_and_must_be_right():
    payload = with_header()
    with pytest.raises(CodecError, match="at most 1999 bytes of flac data, found 2000"):
        decompress(CodecId.FLAC, payload, 1999)
    rest = payload[2:]
    for size, message in (
        (1996, "no more samples than the data has"),
        (2004, "more of the stream"),
        (1999, "a multiple of 4 bytes"),
        (0, "the end of the stream, found more"),
    ):
        with pytest.raises(CodecError, match=f"corrupt flac data: .*{message}"):
            decompress(CodecId.FLAC, varint(size) + rest, 1 << 20)


def test_a_small_stream_of_very_many_samples_is_not_unpacked():
    """Eight still channels of frames of 65535 samples: 200 KB for 4 GB of samples."""
    frame = flac.Frame(0, 7, [[0] * 65535] * 8, [flac.Coding("constant")] * 8)
    stream = flac.write_stream([], 8, 32, []) + flac.write_frame(frame, 32) * 2000
    header = {1: (Kind.I16, 8), 2: (Kind.BYTE, 32), 3: (Kind.BYTE, 0x43)}
    payload = varint(1 << 20) + thrift.encode(header) + stream
    with pytest.raises(CodecError, match="no more samples than the data has"):
        decompress(CodecId.FLAC, payload, 1 << 20)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_corrupt_raises_nothing_else(data):
    payload = bytearray(with_header())
    if data.draw(st.booleans()):
        del payload[data.draw(st.integers(0, len(payload))) :]
    for _ in range(data.draw(st.integers(0, 3)) if payload else 0):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(
            st.integers(0, 255)
        )
    for call in (
        lambda: decompress(CodecId.FLAC, bytes(payload), 4000),
        lambda: metadata_of(CodecId.FLAC, bytes(payload)),
    ):
        try:
            call()
        except CodecError:
            continue
