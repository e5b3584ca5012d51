"""The segmenter as the build uses it: numpy columns in and out."""

import numpy as np
import pytest

from dwarfsmith.engine.blocks.segmenter import Segmenter


def random_bytes(seed: int, size: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def add(segmenter: Segmenter, contents: dict[int, bytes]) -> None:
    sizes = np.array([len(data) for data in contents.values()], dtype=np.int64)
    buffer = np.frombuffer(b"".join(contents.values()), dtype=np.uint8)
    segmenter.add_batch(
        np.array(list(contents), dtype=np.int32),
        buffer,
        np.cumsum(sizes) - sizes,
        sizes,
    )


def rows(segmenter: Segmenter) -> list[tuple[int, int, int, int]]:
    chunks = segmenter.chunks()
    columns = (chunks.content, chunks.block, chunks.offset, chunks.size)
    assert all(column.flags.c_contiguous for column in columns)
    assert len(chunks) == len(chunks.size)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_blocks_and_chunks() -> None:
    blocks: list[bytes] = []
    segmenter = Segmenter(10, 4, 2, 1, 4, on_block=lambda b: blocks.append(bytes(b)))
    first, second = random_bytes(1, 1_000), random_bytes(2, 100)
    add(segmenter, {7: first, 3: second, 5: b"", 4: first[200:900]})
    segmenter.finish()
    assert blocks == [first + second[:24], second[24:] + first[200:900]]
    assert rows(segmenter) == [
        (7, 0, 0, 1_000),
        (3, 0, 1_000, 24),
        (3, 1, 0, 76),
        (4, 1, 76, 700),
    ]
    assert segmenter.matched_bytes == 0
    assert segmenter.segmented_bytes == 1_800
    assert segmenter.block_count == 2


def test_lookback_reaches_older_blocks() -> None:
    first, second = random_bytes(1, 1_000), random_bytes(2, 100)
    segmenter = Segmenter(10, 4, 2, 2, 4, on_block=len)
    add(segmenter, {0: first, 1: second, 2: first[200:900]})
    segmenter.finish()
    assert rows(segmenter)[-1] == (2, 0, 200, 700)
    assert segmenter.matched_bytes == 700


@pytest.mark.parametrize(("window_bits", "lookback"), [(0, 1), (4, 0)])
def test_search_can_be_off(window_bits: int, lookback: int) -> None:
    blocks: list[bytes] = []
    segmenter = Segmenter(
        10, window_bits, 2, lookback, 4, on_block=lambda b: blocks.append(bytes(b))
    )
    data = random_bytes(1, 900)
    add(segmenter, {0: data, 1: data})
    segmenter.finish()
    assert b"".join(blocks) == data * 2
    assert rows(segmenter) == [(0, 0, 0, 900), (1, 0, 900, 124), (1, 1, 0, 776)]


def test_nothing_gives_no_block() -> None:
    segmenter = Segmenter(20, 12, 3, 1, 4, on_block=pytest.fail)
    add(segmenter, {0: b""})
    segmenter.finish()
    assert rows(segmenter) == []


def test_frames_are_not_divided() -> None:
    """A block holds whole frames, so it may be a little smaller than its size."""
    sizes: list[int] = []
    segmenter = Segmenter(
        10, 4, 2, 1, 4, granularity=6, on_block=lambda b: sizes.append(len(b))
    )
    add(segmenter, {0: random_bytes(1, 6 * 200)})
    segmenter.finish()
    assert sizes == [1_020, 180]


def test_windows_leave_over_what_they_must() -> None:
    """A repeat that goes on beyond a large window is followed, not kept waiting."""
    data = random_bytes(1, 3 << 20)
    segmenter = Segmenter(24, 12, 3, 1, 4, on_block=len)
    add(segmenter, {0: data})
    taken = segmenter.add_window(1, data[: 2 << 20], False)
    assert (2 << 20) - taken < segmenter.most_left_over
    assert segmenter.add_window(1, data[taken:], True) == len(data) - taken
    segmenter.finish()
    assert rows(segmenter) == [(0, 0, 0, 3 << 20), (1, 0, 0, 3 << 20)]


def test_dropped_contents_have_no_chunks() -> None:
    segmenter = Segmenter(10, 4, 2, 1, 4, on_block=len)
    add(segmenter, {0: b"a" * 10, 1: b"b" * 10})
    segmenter.drop(0)
    segmenter.finish()
    assert rows(segmenter) == [(1, 0, 10, 10)]


@pytest.mark.parametrize("bits", [(30, 24, 8), (30, 1, 0), (10, 24, 0)])
def test_extreme_sizes_cost_only_what_is_used(bits: tuple[int, int, int]) -> None:
    block_bits, window_bits, window_step = bits
    segmenter = Segmenter(block_bits, window_bits, window_step, 1, 10, on_block=len)
    data = random_bytes(1, 1_000)
    add(segmenter, {0: data})
    segmenter.finish()
    assert sum(row[3] for row in rows(segmenter)) == 1_000
