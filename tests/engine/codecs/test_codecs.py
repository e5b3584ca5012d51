"""Every codec: round trips, the no-gain rule, limits, and refusals."""

import lzma
import os
import random
import subprocess
import sys
import threading

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.codecs import (
    CODECS,
    CodecId,
    codec_name,
    decompress,
    metadata_of,
    parse_codec,
    uncompressed_size,
)
from dwarfsmith.engine.codecs.base import split_varint, varint
from dwarfsmith.engine.errors import CodecError, NotAvailableError, UsageError

TEXT = b"".join(b"%d green bottles, " % (n * n % 9973) for n in range(5000))
NOISE = random.Random(1).randbytes(3000)

SPECS = {
    "lz4": "lz4",
    "lz4hc": "lz4hc [level=9]",
    "lz4hc:level=0": "lz4hc [level=0]",
    "lz4hc:level=12": "lz4hc [level=12]",
    "zstd": "zstd [level=22]",
    "zstd:level=-5": "zstd [level=-5]",
    "zstd:level=3:long": "zstd [level=3, long]",
    "zstd:strat=5:wlog=27:hlog=20:clog=20:slog=3:mml=4:tlen=64:level=9": (
        "zstd [level=9, wlog=27, hlog=20, clog=20, slog=3, mml=4, tlen=64, strat=5]"
    ),
    "zstd:level=1:long:lhlog=20:lmml=64:lblog=3:lhrlog=4": (
        "zstd [level=1, long, lhlog=20, lmml=64, lblog=3, lhrlog=4]"
    ),
    "lzma": "lzma [level=9]",
    "lzma:level=1:extreme": "lzma [level=1, extreme]",
    "lzma:level=9:extreme:binary=x86": "lzma [level=9, extreme, binary=x86]",
    "lzma:level=0:dict_size=12:mode=fast:mf=hc4:nice=64:depth=10": (
        "lzma [level=0, dict_size=12, mode=fast, mf=hc4, nice=64, depth=10]"
    ),
    "lzma:depth=4294967295": "lzma [level=9, depth=4294967295]",
    "brotli": "brotli [quality=11, lgwin=22]",
    "brotli:quality=0:lgwin=10": "brotli [quality=0, lgwin=10]",
    "brotli:lgwin=24:quality=5": "brotli [quality=5, lgwin=24]",
}
SAMPLES = ("lz4", "lz4hc", "zstd:level=3", "lzma:level=1", "brotli:quality=5")


@pytest.mark.parametrize(("spec", "described"), SPECS.items())
def test_round_trip_and_description(spec, described):
    codec = parse_codec(spec)
    assert codec.describe() == described
    assert codec.granularity == 1
    for data in (TEXT, bytearray(TEXT), memoryview(TEXT)[100:]):
        payload = codec.compress(data)
        assert payload is not None
        assert len(payload) < len(data)
        assert uncompressed_size(codec.codec_id, payload) == len(data)
        assert decompress(codec.codec_id, payload, len(data)) == data
        assert decompress(codec.codec_id, memoryview(payload), 1 << 30) == data


def test_null_never_gains():
    codec = parse_codec("null")
    assert codec.describe() == "null"
    assert codec.codec_id == CodecId.NONE
    assert codec.compress(TEXT) is None
    assert decompress(0, memoryview(TEXT), len(TEXT)) == TEXT
    assert uncompressed_size(0, TEXT) == len(TEXT)
    with pytest.raises(CodecError, match="at most 3 bytes"):
        decompress(0, b"four", 3)


@pytest.mark.parametrize("spec", SAMPLES)
@pytest.mark.parametrize("data", [b"", b"x", NOISE])
def test_no_gain(spec, data):
    assert parse_codec(spec).compress(data) is None


@pytest.mark.parametrize("spec", SAMPLES)
def test_no_gain_is_decided_to_the_byte(spec):
    """A payload must be smaller than the data, with its size prefix counted."""
    codec = parse_codec(spec)
    gains = set()
    for size in range(1, 200):
        data = b"ab" * (size // 2) + b"c" * (size % 2)
        payload = codec.compress(data)
        gains.add(payload is not None)
        assert payload is None or len(payload) < len(data)
        if payload is None:
            assert raw_size(codec.name, data) >= len(data)
    assert gains == {True, False}


def raw_size(name, data):
    """The size of a payload by the libraries alone."""
    if name == "brotli":
        return len(varint(len(data)) + brotli.compress(data, quality=5))
    if name == "zstd":
        return len(zstandard.ZstdCompressor(3).compress(data))
    if name == "lzma":
        return len(lzma.compress(data, check=lzma.CHECK_CRC64, preset=1))
    import lz4.block

    mode = "high_compression" if name == "lz4hc" else "default"
    return len(lz4.block.compress(data, mode=mode))


@pytest.mark.parametrize("spec", SAMPLES)
@given(data=st.binary(max_size=2000), repeat=st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_whatever_gains_comes_back(spec, data, repeat):
    data *= repeat
    codec = parse_codec(spec)
    payload = codec.compress(data)
    if payload is not None:
        assert len(payload) < len(data)
        assert decompress(codec.codec_id, payload, len(data)) == data


@pytest.mark.parametrize("spec", SAMPLES)
def test_too_large_is_refused(spec):
    codec = parse_codec(spec)
    payload = codec.compress(TEXT)
    with pytest.raises(CodecError, match=f"at most {len(TEXT) - 1} bytes"):
        decompress(codec.codec_id, payload, len(TEXT) - 1)


@pytest.mark.parametrize("spec", SAMPLES)
def test_truncated_or_extended_is_refused(spec):
    codec = parse_codec(spec)
    payload = codec.compress(TEXT)
    for size in (0, 1, 3, 4, 5, 10, 20, len(payload) // 2, len(payload) - 1):
        with pytest.raises(CodecError):
            decompress(codec.codec_id, payload[:size], 1 << 20)
    with pytest.raises(CodecError):
        decompress(codec.codec_id, payload + b"xyz", 1 << 20)


@pytest.mark.parametrize("spec", SAMPLES)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_corrupt_raises_nothing_else_and_stays_within_bounds(spec, data):
    codec = parse_codec(spec)
    payload = bytearray(codec.compress(TEXT[:3000]))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(
            st.integers(0, 255)
        )
    try:
        found = decompress(codec.codec_id, bytes(payload), 4000)
    except CodecError:
        return
    assert len(found) <= 4000


@pytest.mark.parametrize("codec_id", range(1, 8))
@given(payload=st.binary(max_size=100))
def test_noise_raises_nothing_else(codec_id, payload):
    for call in (
        lambda: decompress(codec_id, payload, 1000),
        lambda: uncompressed_size(codec_id, payload),
    ):
        try:
            call()
        except CodecError:
            continue


def test_bombs_are_not_unpacked():
    """A small payload of very much data is refused by its size, or on the way."""
    zeros = bytes(1 << 24)
    for spec in SAMPLES:
        codec = parse_codec(spec)
        payload = codec.compress(zeros)
        with pytest.raises(CodecError, match="at most 1000 bytes"):
            decompress(codec.codec_id, payload, 1000)
    stream = split_varint(parse_codec("brotli:quality=1").compress(zeros), "")[1]
    with pytest.raises(CodecError, match="found more"):
        decompress(CodecId.BROTLI, varint(500) + bytes(stream), 1000)
    with pytest.raises(CodecError, match="found 4294967295"):
        decompress(CodecId.LZ4, b"\xff\xff\xff\xff\0", 1 << 30)


def test_zstd_needs_a_content_size():
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)
    with pytest.raises(CodecError, match="content size"):
        decompress(CodecId.ZSTD, frame, 1 << 20)


def test_zstd_frames_carry_the_content_size_and_no_checksum():
    frame = zstandard.get_frame_parameters(parse_codec("zstd:long").compress(TEXT))
    assert frame.content_size == len(TEXT)
    assert not frame.has_checksum
    assert frame.dict_id == 0


def test_zstd_long_opens_the_window_to_the_size_of_the_data():
    """A repeat at the far end of a block is found only with `long`."""
    data = NOISE + random.Random(2).randbytes(1 << 21) + NOISE
    plain = parse_codec("zstd:level=1").compress(data)
    far = parse_codec("zstd:level=1:long").compress(data)
    assert plain is None
    assert far is not None
    assert len(data) - len(far) > 2500


def test_zstd_two_frames_are_refused():
    frame = parse_codec("zstd:level=1").compress(TEXT)
    with pytest.raises(CodecError, match="unused"):
        decompress(CodecId.ZSTD, frame + frame, 1 << 20)


def test_lz4hc_blocks_read_under_both_ids():
    payload = parse_codec("lz4hc").compress(TEXT)
    assert parse_codec("lz4hc").codec_id == CodecId.LZ4
    assert decompress(CodecId.LZ4, payload, 1 << 20) == TEXT
    assert decompress(CodecId.LZ4HC, payload, 1 << 20) == TEXT


def test_lzma_is_one_xz_stream_with_crc64():
    payload = parse_codec("lzma:level=1").compress(TEXT)
    assert payload[:6] == b"\xfd7zXZ\0"
    assert payload[7] == lzma.CHECK_CRC64
    assert lzma.decompress(payload, format=lzma.FORMAT_XZ) == TEXT


def test_lzma_keeps_the_smaller_of_two_streams():
    """Calls with relative targets shrink with the x86 filter, text does not."""
    plain = parse_codec("lzma:level=6")
    x86 = parse_codec("lzma:level=6:binary=x86")
    assert x86.compress(TEXT) == plain.compress(TEXT)
    noise = random.Random(3)
    code = bytearray()
    for _ in range(2000):
        code += b"\xe8" + (0x4000 - len(code) - 5).to_bytes(4, "little", signed=True)
        code += noise.randbytes(noise.randrange(3, 9))
    filtered, unfiltered = x86.compress(code), plain.compress(code)
    assert len(filtered) < len(unfiltered)
    assert decompress(CodecId.LZMA, filtered, len(code)) == code


def test_lzma_dictionary_is_no_larger_than_the_data():
    """The header of the only block ends with the LZMA2 filter's dictionary size."""

    def dictionary(spec):
        payload = parse_codec(spec).compress(TEXT)
        assert payload[14:16] == b"\x21\x01"
        return payload[16]

    assert len(TEXT) > 1 << 16
    assert dictionary("lzma:level=9") == 2 * (17 - 12)
    assert dictionary("lzma:level=9:dict_size=26") == 2 * (26 - 12)


def test_lzma_streams_may_follow_each_other_with_padding():
    stream = parse_codec("lzma:level=0").compress(TEXT)
    payload = stream + bytes(8) + stream + bytes(4)
    assert decompress(CodecId.LZMA, payload, 1 << 20) == TEXT * 2
    assert uncompressed_size(CodecId.LZMA, payload) == 2 * len(TEXT)
    with pytest.raises(CodecError, match="padding"):
        decompress(CodecId.LZMA, stream + bytes(3), 1 << 20)


def test_lzma_streams_are_not_endless():
    empty = lzma.compress(b"")
    with pytest.raises(CodecError, match="at most 64"):
        decompress(CodecId.LZMA, empty * 65, 1 << 20)
    with pytest.raises(CodecError, match="at most 64"):
        uncompressed_size(CodecId.LZMA, empty * 65)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "unknown compressor ''"),
        ("gzip", "unknown compressor 'gzip'"),
        ("ZSTD", "unknown compressor 'ZSTD'"),
        ("null:level=1", "has no option 'level'"),
        ("lz4:level=1", "has no option 'level'"),
        ("zstd:", "has no option ''"),
        ("zstd:level=1:level=2", "given twice"),
        ("zstd:level", "needs a value"),
        ("zstd:long=1", "takes no value, found '1'"),
        ("zstd:long=", "takes no value, found ''"),
        ("zstd:level=", "from -131072 to 22, found ''"),
        ("zstd:level=23", "from -131072 to 22, found '23'"),
        ("zstd:level=-131073", "found '-131073'"),
        ("zstd:level=+3", "found '+3'"),
        ("zstd:level=--3", "found '--3'"),
        ("zstd:level=³", "found '³'"),
        ("zstd:wlog=9", "found '9'"),
        ("zstd:strat=10", "from 1 to 9"),
        ("lz4hc:level=13", "from 0 to 12"),
        ("lzma:level=10", "from 0 to 9"),
        ("lzma:extreme=yes", "takes no value"),
        ("lzma:binary=mips", "expects one of x86, powerpc"),
        ("lzma:mf=bt5", "expects one of hc3"),
        ("lzma:mode=slow", "expects one of fast, normal"),
        ("lzma:nice=1", "refuses its options"),
        ("lzma:dict_size=11", "from 12 to 30"),
        ("brotli:quality=12", "from 0 to 11"),
        ("brotli:lgwin=31", "from 10 to 30"),
        ("flac:level=9", "from 0 to 8"),
        ("flac:exhaustive=1", "takes no value"),
        ("ricepp:block_size=15", "from 16 to 512"),
        ("ricepp:level=1", "has no option 'level'"),
    ],
)
def test_what_cannot_be_parsed_is_refused(spec, message):
    with pytest.raises(UsageError) as caught:
        parse_codec(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_known_but_not_there_says_so():
    with pytest.raises(NotAvailableError, match="in this release"):
        parse_codec("brotli:lgwin=25")


@pytest.mark.parametrize("codec_id", [8, 65535])
def test_blocks_of_other_codecs_are_refused(codec_id):
    for call in (
        lambda: decompress(codec_id, b"\x80\x02rest", 1 << 20),
        lambda: uncompressed_size(codec_id, b"\x80\x02rest"),
        lambda: metadata_of(codec_id, b"\x80\x02rest"),
    ):
        with pytest.raises(CodecError, match="cannot be decoded in this release"):
            call()


@pytest.mark.parametrize("spec", ["null", *SAMPLES])
def test_most_codecs_know_no_data_better_than_other(spec):
    codec = parse_codec(spec)
    assert codec.requirements == {}
    assert codec.bind({}) is codec
    assert codec.bind({"endianness": "big"}) is codec
    assert metadata_of(codec.codec_id, codec.compress(TEXT) or TEXT) is None


def test_brotli_with_a_wide_window_is_refused_by_name():
    """The beginning of a block that mkdwarfs made with lgwin=26."""
    payload = bytes.fromhex("daa0e701 119afe7f020080d4")
    with pytest.raises(CodecError, match="window of more than 24 bits"):
        decompress(CodecId.BROTLI, payload, 1 << 23)


def test_names():
    assert codec_name(2) == "ZSTD"
    assert codec_name(77) == "unknown (77)"
    assert CODECS[:6] == ("null", "lzma", "zstd", "lz4", "lz4hc", "brotli")
    assert CODECS[6:] == ("flac", "ricepp")


@given(st.integers(0, 2**64 - 1), st.binary(max_size=5))
def test_varint(number, rest):
    assert split_varint(varint(number) + rest, "x") == (number, rest)


def test_an_endless_varint_is_refused():
    with pytest.raises(CodecError):
        split_varint(b"\x80" * 20, "x")


@pytest.mark.parametrize("spec", SAMPLES)
def test_one_codec_serves_many_threads(spec):
    codec = parse_codec(spec)
    blocks = [os.urandom(100) + TEXT[: 1000 * n] for n in range(1, 9)]
    wrong = []

    def work(block):
        for _ in range(5):
            payload = codec.compress(block)
            if decompress(codec.codec_id, payload, len(block)) != block:
                wrong.append(block)

    threads = [threading.Thread(target=work, args=(block,)) for block in blocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_libraries_are_imported_when_needed():
    code = (
        "import sys; import dwarfsmith.engine.codecs as c;"
        "kernels = 'dwarfsmith.engine.kernels.';"
        "libraries = ['zstandard', 'lz4', 'brotli', 'lzma', kernels + 'flac_encoder',"
        " kernels + 'flac_decoder', kernels + 'ricepp'];"
        "print([n for n in libraries if n in sys.modules]);"
        "c.parse_codec('zstd'); print('zstandard' in sys.modules, 'lz4' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.split("\n")[:2] == ["[]", "True False"]
