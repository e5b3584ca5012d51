"""The FLAC encoder: what it makes is read back by the slow reference and the decoder."""

import hashlib
import itertools
import math
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.kernels import flac_decoder, flac_encoder
from reference import flac, pcm
from reference.pcm import Layout

FRAME = flac_encoder.FRAME_SAMPLES
FAST = (1, 2, 1, 3, False)
FULL = (2, 12, 3, 6, False)
MD5 = bytes(range(16))

SEARCHES = st.tuples(
    st.integers(0, 2),
    st.integers(0, 15),
    st.integers(1, 8),
    st.integers(0, 8),
    st.booleans(),
)


def layout_of(bits: int) -> Layout:
    return Layout((bits + 7) // 8, bits, False, True, False)


def interleaved(channels: list[list[int]]) -> list[int]:
    return [value for frame in zip(*channels, strict=True) for value in frame]


def tone(size: int, bits: int, seed: int = 0, noise: float = 0.001) -> list[int]:
    """A few sines with a little noise, as loud as the bits allow."""
    pick = random.Random(seed)
    waves = [(pick.uniform(0.002, 0.5), pick.uniform(0.1, 0.3)) for _ in range(3)]
    most = (1 << (bits - 1)) - 1
    return [
        int(
            most
            * (sum(a * math.sin(i * f) for f, a in waves) + noise * pick.uniform(-1, 1))
        )
        for i in range(size)
    ]


def encoded(channels: list[list[int]], bits: int, search: tuple = FULL) -> bytes:
    """The stream, after making sure that it is right."""
    layout = layout_of(bits)
    data = pcm.pack(interleaved(channels), layout)
    stream = flac_encoder.encode(data, len(channels), layout, MD5, search)
    assert flac_decoder.decode(stream, len(data), len(channels), layout) == data
    return stream


@st.composite
def audio(draw: st.DrawFn) -> tuple[list[list[int]], int]:
    """Channels that are alike, unlike, loud, soft, still, or short of bits."""
    bits = draw(st.integers(8, 32))
    count = draw(st.sampled_from([1, 2, 2, 2, 3, 8]))
    size = draw(st.integers(0, 150))
    pick = random.Random(draw(st.integers(0, 2**32)))
    most = 1 << (bits - 1)
    common = tone(size, bits, pick.random())
    channels = []
    for _ in range(count):
        kind = pick.choice(["common", "tone", "noise", "extremes", "still", "soft"])
        loud = 1 << pick.randint(0, bits - 1)
        channel = {
            "common": lambda loud: [v + pick.randint(-2, 2) for v in common],
            "tone": lambda loud: tone(size, bits, pick.random()),
            "noise": lambda loud: [pick.randint(-loud, loud) for _ in range(size)],
            "extremes": lambda loud: [pick.choice([-most, most]) for _ in range(size)],
            "still": lambda loud: [loud] * size,
            "soft": lambda loud: [pick.choice([-1, 0, 0, 0, 1]) for _ in range(size)],
        }[kind](loud)
        zeros = pick.choice([0, 0, 0, pick.randint(1, bits - 1)])
        channels.append(
            [max(-most, min(v, most - 1)) >> zeros << zeros for v in channel]
        )
    return channels, bits


@settings(max_examples=200, deadline=None)
@given(audio(), SEARCHES)
def test_streams_are_read_by_the_reference(case, search):
    channels, bits = case
    stream = encoded(channels, bits, search)
    assert flac.decode(stream) == (len(channels), bits, channels)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), is_signed=st.booleans(), big=st.booleans(), lsb=st.booleans())
def test_every_layout_of_bytes(data, is_signed, big, lsb):
    width = data.draw(st.integers(1, 4))
    bits = data.draw(st.integers(8, 8 * width))
    layout = Layout(width, bits, big, is_signed, lsb)
    half = 1 << (bits - 1)
    values = data.draw(st.lists(st.integers(-half, half - 1), max_size=60))
    packed = pcm.pack(values, layout)
    stream = flac_encoder.encode(packed, 1, layout, MD5, FAST)
    assert flac.decode(stream).samples == [values]
    assert flac_decoder.decode(stream, len(packed), 1, layout) == packed


@pytest.mark.parametrize("size", [1, 15, 16, 256, 257, FRAME - 1, FRAME, FRAME + 1])
def test_frames_of_every_size(size):
    channels = [tone(size, 16)]
    stream = encoded(channels, 16, FAST)
    assert flac.decode(stream).samples == channels


def test_stream_information():
    stream = encoded([tone(2 * FRAME + 100, 20), tone(2 * FRAME + 100, 20, 1)], 20)
    assert stream[:8] == b"fLaC\x80\0\0\x22"
    info = flac.Reader(stream[8 : 8 + 34])
    assert (info.take(16), info.take(16)) == (FRAME, FRAME)
    least, most = info.take(24), info.take(24)
    assert (info.take(20), info.take(3) + 1, info.take(5) + 1) == (48000, 2, 20)
    assert info.take(36) == 2 * FRAME + 100
    assert stream[26:42] == MD5
    starts = [42]
    for _ in range(2):
        starts.append(stream.index(stream[42:44], starts[-1] + least))
    ends = [*starts[1:], len(stream)]
    sizes = [end - start for start, end in zip(starts, ends, strict=True)]
    assert (min(sizes), max(sizes)) == (least, most)


def test_an_empty_stream_is_only_information():
    stream = encoded([[]], 16)
    assert len(stream) == 42
    assert stream[12:18] == bytes(6)


def test_frames_are_numbered():
    """Numbers of one byte, and of more."""
    stream = flac_encoder.encode(bytes(FRAME * 2100), 1, layout_of(8), MD5, FAST)
    position = 42
    for number in range(2100):
        header = b"\xff\xf8\xca\x02" + flac.coded_number(number)
        assert stream.startswith(header, position)
        position += len(header) + 5  # checksums, and a constant
    assert position == len(stream)


def test_noise_is_stored_verbatim():
    """No stream is larger than the samples and what frames need around them."""
    pick = random.Random(1)
    for bits, count in itertools.product((8, 13, 16, 24, 32), (1, 2, 8)):
        most = 1 << (bits - 1)
        size = 1000
        channels = [
            [pick.randint(-most, most - 1) for _ in range(size)] for _ in range(count)
        ]
        stream = encoded(channels, bits)
        assert len(stream) <= 42 + 12 + (count * (8 + bits * size) + 7) // 8


def test_extremes_of_32_bits():
    """The difference of the channels has 33 bits; residuals do not fit 32."""
    low, high = -(1 << 31), (1 << 31) - 1
    for left, right in (
        ([low, high] * 100, [high, low] * 100),
        ([low] * 200, [high] * 200),
        ([low, low, high, high] * 50, [0] * 200),
        ([low] * 100 + [high] * 100, [low] * 200),
    ):
        for search in (FULL, (2, 4, 1, 3, True), (0, 0, 1, 0, False)):
            stream = encoded([left, right], 32, search)
            assert flac.decode(stream).samples == [left, right]


@pytest.mark.parametrize("bits", [8, 12, 16, 20, 24, 32])
def test_each_means_saves_bits(bits):
    """Every part of the search finds what it is there for."""
    left = tone(FRAME, bits)
    near = [min(max(v + 1, -(1 << (bits - 1))), (1 << (bits - 1)) - 1) for v in left]
    plain = len(encoded([left], bits, (0, 0, 1, 0, False)))
    assert len(encoded([left], bits, (0, 8, 1, 0, False))) < plain
    alone = len(encoded([left, near], bits, (0, 8, 1, 5, False)))
    for stereo in (1, 2):
        assert len(encoded([left, near], bits, (stereo, 8, 1, 5, False))) < 0.6 * alone
    changing = left[: FRAME // 2] + [v >> 5 for v in left[FRAME // 2 :]]
    whole = len(encoded([changing], bits, (0, 8, 1, 0, False)))
    assert len(encoded([changing], bits, (0, 8, 1, 5, False))) < whole
    assert len(encoded([changing], bits, (0, 8, 3, 0, False))) <= whole
    some = len(encoded([changing], bits, FULL))
    assert len(encoded([changing], bits, (*FULL[:4], True))) <= some


def test_zero_bits_at_the_low_end_cost_nothing():
    soft = tone(FRAME, 16)
    shifted = [v << 16 for v in soft]
    assert len(encoded([shifted], 32)) < len(encoded([soft], 16)) + 100


def test_stillness_costs_next_to_nothing():
    assert len(encoded([[77] * 3 * FRAME] * 8, 24)) < 42 + 3 * 50


DIGEST = "6bf0f6878dc42d304d7af8fe8366645e25bcf1ac322d49d74c454e66fe06288f"


def test_the_same_bytes_everywhere():
    """A digest over streams of many kinds, made with all parts of the search.

    If it differs on some machine, so do images made there. If it changes with a
    change of the encoder, two releases make different images: say so in the changelog.
    """
    digest = hashlib.sha256()
    channels = [
        [
            (i * i * (7 + k) // 900 + (i * 1103515245 >> 7) % 97) % 40000 - 20000
            for i in range(9000)
        ]
        for k in range(2)
    ]
    for stereo, order, parts, exhaustive in itertools.product(
        range(3), (0, 1, 8, 15), (1, 3), (False, True)
    ):
        for bits in (16, 24):
            search = (stereo, order, parts, 6, exhaustive)
            digest.update(encoded(channels, bits, search))
    assert digest.hexdigest() == DIGEST


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((b"abcd", 0, layout_of(16), MD5, FAST), "1 to 8 channels, found 0"),
        ((b"abcd", 9, layout_of(16), MD5, FAST), "1 to 8 channels, found 9"),
        ((b"abcd", 3, layout_of(16), MD5, FAST), "multiple of 6 bytes of samples"),
        ((b"abcd", 1, Layout(2, 7, 0, 0, 0), MD5, FAST), "samples of 8 to 16 bits"),
        ((b"abcd", 1, layout_of(16), b"", FAST), "16 bytes of MD5, found 0"),
        ((b"abcd", 1, layout_of(16), MD5, (3, 0, 1, 0, False)), "within its limits"),
        ((b"abcd", 1, layout_of(16), MD5, (0, 16, 1, 0, False)), "within its limits"),
        ((b"abcd", 1, layout_of(16), MD5, (0, 0, 0, 0, False)), "within its limits"),
        ((b"abcd", 1, layout_of(16), MD5, (0, 0, 9, 0, False)), "within its limits"),
        ((b"abcd", 1, layout_of(16), MD5, (0, 0, 1, 9, False)), "within its limits"),
    ],
)
def test_parameters_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        flac_encoder.encode(*arguments)


def test_threads_do_not_disturb_each_other():
    audio = [pcm.pack(tone(6000, 16, seed), layout_of(16)) for seed in range(4)]

    def work(data: bytes) -> bytes:
        return flac_encoder.encode(data, 1, layout_of(16), MD5, FULL)

    with ThreadPoolExecutor(4) as pool:
        streams = list(pool.map(work, audio * 5))
    assert streams == [work(data) for data in audio] * 5
