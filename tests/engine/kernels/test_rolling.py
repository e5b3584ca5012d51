"""The rolling-hash segmenter against its reference, and what it promises."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.kernels import rolling
from dwarfsmith.engine.kernels.rolling import RollingSegmenter
from reference.rolling import MAX_CANDIDATES, ReferenceSegmenter


@dataclass(frozen=True)
class Setting:
    block_bits: int
    window_bits: int
    window_step: int
    lookback: int
    granularity: int
    bloom_bits: int = 4
    horizon: int = 16

    @property
    def capacity(self) -> int:
        return (1 << self.block_bits) // self.granularity * self.granularity

    @property
    def window(self) -> int:
        return 1 << self.window_bits if self.window_bits else 0

    @property
    def step(self) -> int:
        return max(1, self.window >> self.window_step)


class Native:
    """The kernel, its blocks collected."""

    def __init__(self, setting: Setting) -> None:
        self.blocks: list[bytes] = []
        self.granularity = setting.granularity
        self.kernel = RollingSegmenter(
            setting.capacity,
            setting.window,
            setting.step,
            setting.lookback,
            setting.bloom_bits,
            setting.granularity,
            lambda block: self.blocks.append(bytes(block)),
            horizon=setting.horizon,
        )

    def add_batch(self, first: int, contents: list[bytes]) -> None:
        sizes = np.array([len(data) for data in contents], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        numbers = np.arange(first, first + len(contents), dtype=np.int32)
        self.kernel.add_batch(numbers, b"".join(contents), starts, sizes)

    def add_windows(self, content: int, data: bytes, cuts: list[int]) -> None:
        """Present `data` in windows that grow by the sizes in `cuts`, in turn."""
        start = end = turn = 0
        while end < len(data):
            end = min(len(data), end + cuts[turn % len(cuts)])
            start += self.kernel.add_window(content, data[start:end], False)
            turn += 1
        assert self.kernel.add_window(content, data[start:], True) == len(data) - start

    @property
    def chunks(self) -> list[tuple[int, ...]]:
        rows = np.frombuffer(self.kernel.chunks(), dtype="i4,u4,u4,u4")
        return [tuple(int(value) for value in row) for row in rows.tolist()]


def rebuilt(native: Native, count: int) -> list[bytes]:
    parts: list[list[bytes]] = [[] for _ in range(count)]
    for content, block, offset, size in native.chunks:
        stretch = native.blocks[block][offset : offset + size]
        assert len(stretch) == size > 0
        parts[content].append(stretch)
    return [b"".join(part) for part in parts]


@st.composite
def datasets(draw: st.DrawFn, granularity: int) -> list[bytes]:
    """Contents made of few pieces over and over, so that much is repeated."""
    seed = draw(st.integers(0, 2**32 - 1))
    letters = draw(st.sampled_from([1, 2, 3, 256]))
    random = np.random.default_rng(seed)
    pieces = [
        random.integers(0, letters, random.integers(1, 600), dtype=np.uint8).tobytes()
        for _ in range(draw(st.integers(1, 6)))
    ]
    contents = []
    for _ in range(draw(st.integers(1, 5))):
        data = b""
        for _ in range(random.integers(0, 7)):
            piece = pieces[random.integers(len(pieces))]
            start, end = sorted(random.integers(0, len(piece) + 1, 2))
            data += piece[start:end]
        contents.append(data[: len(data) // granularity * granularity])
    return contents


@st.composite
def cases(draw: st.DrawFn) -> tuple[Setting, list[bytes]]:
    setting = Setting(
        block_bits=draw(st.integers(10, 12)),
        window_bits=draw(st.integers(0, 8)),
        window_step=draw(st.integers(0, 8)),
        lookback=draw(st.integers(0, 4)),
        granularity=draw(st.integers(1, 4)),
        bloom_bits=draw(st.sampled_from([0, 4, 10])),
        horizon=draw(st.sampled_from([0, 1, 16, 1 << 20])),
    )
    return setting, draw(datasets(setting.granularity))


def reference_result(setting: Setting, contents: list[bytes]) -> ReferenceSegmenter:
    reference = ReferenceSegmenter(
        setting.capacity,
        setting.window,
        setting.step,
        setting.lookback,
        setting.granularity,
        setting.horizon,
    )
    for number, data in enumerate(contents):
        reference.add(number, data)
    return reference


@settings(max_examples=300, deadline=None)
@given(cases(), st.data())
def test_agrees_with_the_reference(
    case: tuple[Setting, list[bytes]], data: st.DataObject
) -> None:
    setting, contents = case
    expected = reference_result(setting, contents)
    native = Native(setting)
    for number, content in enumerate(contents):
        if data.draw(st.booleans(), label="in windows"):
            cuts = data.draw(st.lists(st.integers(1, 700), min_size=1, max_size=4))
            native.add_windows(number, content, cuts)
        else:
            native.add_batch(number, [content])
    native.kernel.finish()
    assert native.chunks == expected.chunks
    assert native.blocks == expected.block_data()
    assert native.kernel.matched_bytes == expected.matched
    assert native.kernel.segmented_bytes == sum(map(len, contents))
    assert native.kernel.block_count == len(expected.blocks)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_chunks_give_the_data_back(case: tuple[Setting, list[bytes]]) -> None:
    setting, contents = case
    native = Native(setting)
    native.add_batch(0, contents)
    native.kernel.finish()
    assert rebuilt(native, len(contents)) == contents
    assert all(len(block) == setting.capacity for block in native.blocks[:-1])


@settings(max_examples=100, deadline=None)
@given(
    st.integers(4, 7),
    st.integers(0, 8),
    st.integers(1, 3),
    st.integers(0, 500),
    st.integers(0, 500),
    st.integers(0, 200),
    st.integers(0, 2**32 - 1),
)
def test_finds_every_repeat_of_a_window_and_a_step(
    window_bits: int,
    window_step: int,
    granularity: int,
    before: int,
    between: int,
    beyond: int,
    seed: int,
) -> None:
    """Stretches of at least that length inside an active block are not stored twice.

    Windows are long enough that random data does not match by chance, which might
    leave over less than a window and a step.
    """
    setting = Setting(14, window_bits, window_step, 1, granularity)
    random = np.random.default_rng(seed)

    def noise(frames: int) -> bytes:
        return random.integers(0, 256, frames * granularity, dtype=np.uint8).tobytes()

    stretch = noise(setting.window + setting.step + beyond)
    native = Native(setting)
    native.add_batch(0, [noise(before) + stretch + noise(50), noise(between) + stretch])
    native.kernel.finish()
    assert native.kernel.matched_bytes >= len(stretch)  # more by chance


def test_a_long_repeat_in_windows_is_one_chunk() -> None:
    setting = Setting(20, 6, 2, 1, 1, horizon=rolling.HORIZON)
    data = np.random.default_rng(1).bytes(200_000)
    native = Native(setting)
    native.add_batch(0, [data])
    native.add_windows(1, data, [1_000])
    assert native.chunks == [(0, 0, 0, 200_000), (1, 0, 0, 200_000)]


def test_a_match_goes_on_in_a_block_that_was_dropped() -> None:
    """What is before the match fills the block, so that its own is active no more."""
    setting = Setting(12, 6, 0, 1, 1, horizon=0)
    noise = np.random.default_rng(2).bytes
    first = noise(4_090)
    native = Native(setting)
    native.add_batch(0, [first])
    native.add_windows(1, noise(10) + first, [500])
    native.kernel.finish()
    assert rebuilt(native, 2)[1][10:] == first
    assert native.chunks[-1] == (1, 0, 0, 4_090)
    assert len(native.blocks) == 2


def test_tail_is_bounded() -> None:
    """What a window leaves over does not grow with what has been presented."""
    setting = Setting(16, 6, 1, 4, 1, horizon=256)
    limit = 2 * setting.window + 2 * setting.step + setting.horizon
    piece = np.random.default_rng(3).bytes(3_000)
    data = piece + piece[1_000:] + b"\0" * 9_000 + piece * 3 + b"ab" * 4_000
    native = Native(setting)
    start = 0
    for end in range(100, len(data), 100):
        start += native.kernel.add_window(0, data[start:end], False)
        assert end - start < limit


@pytest.mark.parametrize(
    ("others", "found"), [(MAX_CANDIDATES - 1, True), (MAX_CANDIDATES, False)]
)
def test_only_the_newest_of_equal_windows_are_tried(others: int, found: bool) -> None:
    """The one with the longest match is the oldest; none of them is found again."""
    setting = Setting(16, 4, 4, 1, 1)
    random = np.random.default_rng(8)
    start = random.bytes(15)
    ends = [b"." + random.bytes(10) for _ in range(others + 1)]
    contents = [part for end in ends for part in (start, end)]
    contents.append(start + ends[0])
    native = Native(setting)
    native.add_batch(0, contents)
    last = native.chunks[-1]
    assert (last == (len(contents) - 1, 0, 0, 26)) == found
    assert native.chunks == reference_result(setting, contents).chunks


def test_blocks_are_read_only_and_stay() -> None:
    blocks: list[memoryview] = []
    kernel = RollingSegmenter(1024, 16, 4, 1, 4, 1, blocks.append)
    data = np.random.default_rng(4).bytes(5_000)
    assert kernel.add_window(0, data, True) == 5_000
    kernel.finish()
    assert [len(block) for block in blocks] == [1024] * 4 + [904]
    assert all(block.readonly for block in blocks)
    assert b"".join(blocks) == data


def test_index_grows_with_what_is_stored() -> None:
    """More windows than the first room of the index holds are all found."""
    setting = Setting(18, 3, 3, 2, 1, bloom_bits=1)
    data = np.random.default_rng(5).bytes(200_000)
    native = Native(setting)
    native.add_batch(0, [data, data[100:], b"x" + data[1_234:]])
    assert native.chunks == [
        (0, 0, 0, 200_000),
        (1, 0, 100, 199_900),
        (2, 0, 200_000, 1),
        (2, 0, 1_234, 198_766),
    ]


class TestDrop:
    def test_forgets_a_finished_content(self) -> None:
        native = Native(Setting(10, 4, 0, 1, 1))
        native.add_batch(0, [b"a" * 700, b"b" * 700, b"c" * 700])
        native.kernel.drop(1)
        native.kernel.finish()
        assert {row[0] for row in native.chunks} == {0, 2}
        assert sum(map(len, native.blocks)) > 0

    def test_forgets_an_unfinished_content(self) -> None:
        native = Native(Setting(10, 4, 0, 1, 1))
        data = np.random.default_rng(6).bytes(900)
        native.add_batch(0, [data])
        assert native.kernel.add_window(1, data[:500], False) > 0
        native.kernel.drop(1)
        native.add_batch(2, [data])
        native.kernel.finish()
        assert rebuilt(native, 3) == [data, b"", data]


class TestMisuse:
    def test_parameters(self) -> None:
        for arguments in [
            (1000, 16, 4, 1, 4, 3),
            (1024, 16, 0, 1, 4, 1),
            (1024, 16, 5, 1, 4, 1),
            (1024, 16, 4, 1, 11, 1),
            (1 << 31, 16, 4, 1, 4, 1),
        ]:
            with pytest.raises(ValueError, match="expected"):
                RollingSegmenter(*arguments, print)

    def test_contents_do_not_mix(self) -> None:
        native = Native(Setting(10, 4, 0, 1, 1))
        native.kernel.add_window(0, b"x" * 100, False)
        with pytest.raises(ValueError, match="content 1 comes before the end of 0"):
            native.add_batch(1, [b"y"])
        with pytest.raises(ValueError, match="content 0 is unfinished"):
            native.kernel.finish()

    def test_nothing_after_the_end(self) -> None:
        native = Native(Setting(10, 4, 0, 1, 1))
        native.kernel.finish()
        with pytest.raises(ValueError, match="content 0 comes after the end"):
            native.add_batch(0, [b"y"])

    def test_divided_frames(self) -> None:
        native = Native(Setting(10, 4, 0, 1, 4))
        with pytest.raises(ValueError, match="frames of 4 bytes, found 3 bytes"):
            native.add_batch(0, [b"abc"])
        with pytest.raises(ValueError, match="frames of 4 bytes, found 5 bytes"):
            native.kernel.add_window(0, b"abcde", True)

    def test_ranges_out_of_the_buffer(self) -> None:
        native = Native(Setting(10, 4, 0, 1, 1))
        number = np.zeros(1, dtype=np.int32)
        for start, size in [(0, 5), (4, 1), (-1, 2), (1, -1), (2**62, 2**62)]:
            with pytest.raises(ValueError, match="out of its buffer"):
                native.kernel.add_batch(
                    number, b"abcd", np.array([start]), np.array([size])
                )

    def test_what_on_block_raises_is_passed_on(self) -> None:
        def fail(block: memoryview) -> None:
            raise OSError("disk full")

        kernel = RollingSegmenter(1024, 16, 4, 1, 4, 1, fail)
        with pytest.raises(OSError, match="disk full"):
            kernel.add_window(0, np.random.default_rng(7).bytes(2_000), True)
