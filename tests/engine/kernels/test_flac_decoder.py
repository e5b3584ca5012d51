"""The FLAC decoder: streams of every kind against the slow reference, and bad ones."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.kernels import flac_decoder
from reference import flac, pcm
from reference.flac import Coding, Frame, Partition
from reference.pcm import Layout


def layout_of(bits: int) -> Layout:
    return Layout((bits + 7) // 8, bits, False, True, False)


def packed(channels: list[list[int]], layout: Layout) -> bytes:
    interleaved = [value for frame in zip(*channels, strict=True) for value in frame]
    return pcm.pack(interleaved, layout)


def decode(stream: bytes, channels: list[list[int]], bits: int) -> bytes:
    layout = layout_of(bits)
    size = layout.width * len(channels) * len(channels[0])
    return flac_decoder.decode(stream, size, len(channels), layout)


class Maker:
    """Makes up samples, and subframes that code them in any way the format knows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def samples(self, size: int, bits: int) -> list[int]:
        """A wave, noise, steps or silence; sometimes with low bits that are zero."""
        pick, most = self.random, 1 << (bits - 1)
        loud = 1 << pick.randint(0, bits - 1)
        value = pick.randint(-loud, loud)
        kind = pick.choice(["wave", "noise", "steps", "still", "extremes"])
        out = []
        for _ in range(size):
            if kind == "wave":
                value += pick.randint(-(loud >> 4) - 1, (loud >> 4) + 1)
            elif kind == "noise" or (kind == "steps" and pick.random() < 0.1):
                value = pick.randint(-loud, loud)
            elif kind == "extremes":
                value = pick.choice([-most, most - 1])
            value = max(-most, min(value, most - 1))
            out.append(value)
        zeros = pick.choice([0, 0, pick.randint(1, bits - 1)])
        return [value >> zeros << zeros for value in out]

    def coding(self, samples: list[int], width: int) -> Coding:
        pick = self.random
        used = 0
        for sample in samples:
            used |= sample & ((1 << width) - 1)
        zeros = (used & -used).bit_length() - 1 if used else width - 1
        wasted = pick.choice([0, zeros, pick.randint(0, zeros)])
        coding = Coding("verbatim", wasted=wasted)
        if len(set(samples)) == 1 and pick.random() < 0.7:
            coding.kind = "constant"
        elif pick.random() < 0.9:
            self.predict(coding, [sample >> wasted for sample in samples])
        return coding

    def predict(self, coding: Coding, samples: list[int]) -> None:
        """Choose a predictor; leave the coding as it is if the residual is too large."""
        pick, size = self.random, len(samples)
        made = Coding("fixed", wasted=coding.wasted)
        if pick.random() < 0.5:
            made.order = pick.randint(0, min(4, size))
            made.coefficients = flac.FIXED[made.order]
        else:
            made.kind = "lpc"
            made.order = pick.choice(
                [1, 2, min(8, size), pick.randint(1, min(32, size))]
            )
            made.order = min(made.order, size)
            made.precision = pick.randint(1, 15)
            made.shift = pick.randint(0, 15)
            most = 1 << (made.precision - 1)
            made.coefficients = [
                pick.randint(-most, most - 1) for _ in range(made.order)
            ]
        residual = flac.residual_of(made, samples)
        if any(not -(1 << 31) < value < 1 << 31 for value in residual):
            return
        made.method = pick.randint(0, 1)
        made.partitions = self.partitions(residual, made, size)
        vars(coding).update(vars(made))

    def partitions(
        self, residual: list[int], coding: Coding, size: int
    ) -> list[Partition]:
        orders = [
            o
            for o in range(16)
            if size % (1 << o) == 0 and size >> o >= max(1, coding.order)
        ]
        count = 1 << self.random.choice(orders)
        parts, start = [], 0
        for i in range(1, count + 1):
            end = size * i // count - coding.order
            parts.append(self.partition(residual[start:end], coding.method))
            start = end
        return parts

    def partition(self, residual: list[int], method: int) -> Partition:
        escape = 31 if method else 15
        folded = max((abs(2 * value) + 1 for value in residual), default=0)
        least = max(0, folded.bit_length() - 9)  # no endless runs
        raw_bits = max((v.bit_length() + 1 for v in residual if v), default=0)
        if raw_bits < 32 and (least >= escape or self.random.random() < 0.3):
            spare = self.random.choice([0, 0, 31 - raw_bits])
            return Partition(escape, raw_bits + spare)
        top = min(escape - 1, max(least, folded.bit_length() + 1))
        return Partition(self.random.randint(min(least, top), top))

    def frames(
        self, channels: int, bits: int, sizes: list[int]
    ) -> tuple[list[list[int]], list[Frame]]:
        audio: list[list[int]] = [[] for _ in range(channels)]
        frames = []
        for size in sizes:
            samples = [self.samples(size, bits) for _ in range(channels)]
            for channel, more in zip(audio, samples, strict=True):
                channel += more
            assignment = channels - 1
            if channels == 2 and self.random.random() < 0.8:
                assignment = self.random.randint(8, 10)
                samples = flac.apart(assignment, *samples)
            side = flac.side_channel(assignment)
            codings = [
                self.coding(signal, bits + (i == side))
                for i, signal in enumerate(samples)
            ]
            number = self.random.getrandbits(self.random.randint(1, 36))
            frames.append(Frame(number, assignment, samples, codings))
        return audio, frames


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    channels=st.sampled_from([1, 2, 2, 2, 3, 5]),
    bits=st.integers(8, 32),
    sizes=st.lists(st.sampled_from([1, 2, 5, 16, 33, 64]), max_size=2),
    variable=st.integers(0, 1),
    rate_code=st.integers(0, 14),
    metadata=st.lists(
        st.tuples(st.integers(1, 126), st.binary(max_size=40)), max_size=3
    ),
)
def test_streams_of_every_kind(
    seed, channels, bits, sizes, variable, rate_code, metadata
):
    audio, frames = Maker(seed).frames(channels, bits, sizes)
    stream = flac.write_stream(
        frames, channels, bits, metadata, variable=variable, rate_code=rate_code
    )
    assert flac.decode(stream) == (channels, bits, audio)
    assert decode(stream, audio, bits) == packed(audio, layout_of(bits))


@pytest.mark.parametrize("bits", [8, 12, 16, 20, 24, 27, 32])
@pytest.mark.parametrize("is_signed", [True, False])
def test_samples_become_bytes_of_any_layout(bits, is_signed):
    audio, frames = Maker(bits).frames(2, bits, [50])
    stream = flac.write_stream(frames, 2, bits, [])
    for width in range((bits + 7) // 8, 5):
        for big_endian in (False, True):
            for lsb in (False, True):
                layout = Layout(width, bits, big_endian, is_signed, lsb)
                found = flac_decoder.decode(stream, 100 * width, 2, layout)
                assert found == packed(audio, layout)


@pytest.mark.parametrize(
    ("code", "size"),
    [(1, 192), (2, 576), (5, 4608), (6, 256), (7, 65535), (8, 256), (15, 32768)],
)
def test_every_way_to_say_the_size_of_a_frame(code, size):
    frame = Frame(0, 0, [[-7] * size], [Coding("constant")])
    stream = flac.write_stream([frame], 1, 16, [], size_code=code)
    assert decode(stream, frame.samples, 16) == packed(frame.samples, layout_of(16))


def test_a_residual_of_32_bits_in_one_code():
    """The longest code there is: a run of zeros that only the stream bounds."""
    coding = Coding("fixed", 0, method=1, partitions=[Partition(16)])
    samples = [[0, -(1 << 31) + 1, 5, (1 << 31) - 1]]
    stream = flac.write_stream([Frame(0, 0, samples, [coding])], 1, 32, [])
    assert decode(stream, samples, 32) == packed(samples, layout_of(32))


def test_an_empty_stream_has_no_samples():
    stream = flac.write_stream([], 2, 16, [])
    assert flac_decoder.decode(stream, 0, 2, layout_of(16)) == b""


# Bad streams -----------------------------------------------------------------------


def simple(bits: int = 16) -> bytes:
    frames = Maker(1).frames(1, bits, [16, 16])[1]
    return flac.write_stream(frames, 1, bits, [(4, b"comment")])


HEADER = 4 + 4 + 34
FIRST = HEADER + 4 + 7
"""Where the first frame of `simple()` is."""


@pytest.mark.parametrize(
    ("size", "channels", "layout", "message"),
    [
        (64, 0, layout_of(16), "1 to 8 channels, found 0"),
        (64, 9, layout_of(16), "1 to 8 channels, found 9"),
        (63, 1, layout_of(16), "a multiple of 2 bytes of samples, found 63"),
        (-2, 1, layout_of(16), "a multiple of 2 bytes of samples, found -2"),
        (64, 1, Layout(5, 16, True, True, True), "samples of 1 to 4 bytes"),
        (64, 1, Layout(1, 16, True, True, True), "samples of 8 to 8 bits"),
        (64, 2, layout_of(16), "a stream of 2 channels with 16 bits, found another"),
        (64, 1, Layout(2, 15, True, True, True), "a stream of 1 channels with 15 bits"),
        (62, 1, layout_of(16), "no more samples than the data has"),
        (32, 1, layout_of(16), "the end of the stream, found more"),
        (66, 1, layout_of(16), "more of the stream, found its end"),
    ],
)
def test_what_does_not_fit_is_refused(size, channels, layout, message):
    with pytest.raises(ValueError, match=message):
        flac_decoder.decode(simple(), size, channels, layout)


def changed(at: int, mask: int) -> bytes:
    stream = bytearray(simple())
    stream[at] ^= mask
    return bytes(stream)


@pytest.mark.parametrize(
    ("at", "mask", "message"),
    [
        (0, 1, "'fLaC' and stream information"),
        (4, 1, "'fLaC' and stream information"),
        (7, 1, "'fLaC' and stream information"),
        (HEADER + 1, 0xFF, "more of the stream, found its end"),
        (FIRST, 1, "a frame, found something else"),
        (FIRST + 1, 2, "a frame, found something else"),
        (FIRST + 2, 0x70, "a frame header, found reserved codes"),
        (FIRST + 2, 0x0F, "a frame header, found reserved codes"),
        (FIRST + 3, 0xF0, "a frame header, found reserved codes"),
        (FIRST + 3, 0x01, "a frame header, found reserved codes"),
        (FIRST + 3, 0x02, "a frame header with the right checksum"),
        (FIRST + 6, 0x01, "a frame header with the right checksum"),
        (-1, 0x10, "a frame with the right checksum, found a wrong one"),
    ],
)
def test_changed_bits_are_found(at, mask, message):
    with pytest.raises(ValueError, match=f"expected .*{message}.*, at byte"):
        flac_decoder.decode(changed(at, mask), 64, 1, layout_of(16))


def test_every_cut_and_every_flip_is_refused():
    stream = simple()
    for end in range(len(stream)):
        with pytest.raises(ValueError, match="expected"):
            flac_decoder.decode(stream[:end], 64, 1, layout_of(16))
    for at in range(FIRST, len(stream)):
        for bit in range(8):
            with pytest.raises(ValueError, match="expected"):
                flac_decoder.decode(changed(at, 1 << bit), 64, 1, layout_of(16))


def with_body(body: str, *, size: int = 16, bits: int = 16) -> bytes:
    """A stream of one frame of one channel whose checksums are right."""
    frame = Frame(0, 0, [[0] * size], [Coding("constant")])
    data = flac.write_frame(frame, bits)
    header = data[: -2 - (8 + bits) // 8 - bool(bits % 8)]
    data = header + flac.to_bytes(body + "0" * (-len(body) % 8))
    stream = flac.write_stream([], 1, bits, [])
    return stream + data + flac.crc16(data).to_bytes(2, "big")


N = flac.number


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("1" + N(0, 7), "a subframe, found reserved codes"),
        ("0" + N(2, 6) + "0", "a subframe, found reserved codes"),
        ("0" + N(13, 6) + "0", "a subframe, found reserved codes"),
        ("0" + N(31, 6) + "0", "a subframe, found reserved codes"),
        ("0" + N(0, 6) + "1" + "0" * 15 + "1", "a subframe, found reserved codes"),
        ("0" + N(32 + 16, 6) + "0" + "0" * 400, "a subframe, found reserved codes"),
        ("0" + N(32, 6) + "0" + N(1, 16) + "1111" + "0" * 99, "a subframe"),
        ("0" + N(32, 6) + "0" + N(1, 16) + "0001" + "11111" + "0" * 99, "a subframe"),
        ("0" + N(8, 6) + "0" + "10" + "0" * 99, "a residual, found one that cannot"),
        ("0" + N(8, 6) + "0" + "00" + N(5, 4) + "0" * 99, "a residual, found one"),
        ("0" + N(12, 6) + "0" + "0" * 64 + "00" + N(3, 4), "a residual, found one"),
        ("0" + N(1, 6) + "0" + N(3, 16) * 15, "more of the stream, found its end"),
        ("0" + N(0, 6) + "0" + N(3, 16) + "1", "the right checksum"),
        (
            "0" + N(9, 6) + "0" + N(32767, 16) + "000000" + N(0, 4) + "001" * 15,
            "samples of 16 bits, found larger ones",
        ),
    ],
)
def test_bad_subframes_with_good_checksums(body, message):
    with pytest.raises(ValueError, match=message):
        flac_decoder.decode(with_body(body), 32, 1, layout_of(16))


def test_bits_behind_a_frame_must_be_zero():
    body = "0" + N(0, 6) + "0" + N(-3, 13)
    good = flac_decoder.decode(with_body(body, bits=13), 32, 1, layout_of(13))
    assert good == b"\xfd\xff" * 16
    with pytest.raises(ValueError, match="zeros to the end of a byte"):
        flac_decoder.decode(with_body(body + "001", bits=13), 32, 1, layout_of(13))


def test_a_run_longer_than_any_residual_ends():
    body = "0" + N(8, 6) + "0" + "01" + N(0, 4) + N(30, 5) + "0" * (1 << 17) + "1"
    with pytest.raises(ValueError, match="a residual, found one that cannot be"):
        flac_decoder.decode(with_body(body), 32, 1, layout_of(16))


def test_hostile_predictors_only_give_wrong_samples():
    """The largest coefficients and samples overflow whatever holds them."""
    coefficients = N(-(1 << 14), 15) * 32
    head = "0" + N(63, 6) + "0" + N(-(1 << 31), 32) * 32
    tail = "01" + N(0, 4) + N(31, 5) + N(31, 5) + N(-(1 << 30), 31) * 160
    body = head + N(14, 4) + N(0, 5) + coefficients + tail
    with pytest.raises(ValueError, match="samples of 32 bits, found larger ones"):
        flac_decoder.decode(with_body(body, size=192, bits=32), 768, 1, layout_of(32))


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32), bits=st.sampled_from([8, 16, 20, 32]), data=st.data()
)
def test_corrupt_bodies_raise_nothing_else(seed, bits, data):
    """Bits change where the checksum is made to fit again."""
    audio, frames = Maker(seed).frames(2, bits, [32])
    stream = flac.write_stream([], 2, bits, [])
    frame = bytearray(flac.write_frame(frames[0], bits)[:-2])
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << data.draw(
            st.integers(0, 7)
        )
    stream += bytes(frame) + flac.crc16(bytes(frame)).to_bytes(2, "big")
    try:
        found = decode(stream, audio, bits)
    except ValueError as error:
        assert str(error).startswith("expected ")
        return
    assert found == packed(flac.decode(stream).samples, layout_of(bits))


@given(st.binary(max_size=300))
def test_noise_behind_a_good_start_raises_nothing_else(noise):
    for stream in (noise, flac.write_stream([], 1, 16, []) + noise):
        with pytest.raises(ValueError, match="expected"):
            flac_decoder.decode(stream, 1 << 20, 1, layout_of(16))


def test_threads_do_not_disturb_each_other():
    audio, frames = Maker(3).frames(2, 16, [192] * 20)
    stream = flac.write_stream(frames, 2, 16, [])
    expected = packed(audio, layout_of(16))
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(decode, stream, audio, 16) for _ in range(100)]
    assert all(call.result() == expected for call in calls)
