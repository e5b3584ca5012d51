"""The file kernel: what it reads is what Python reads; bad arguments are refused."""

import os

import numpy as np
import pytest

from dwarfsmith.engine.job import Job
from dwarfsmith.engine.kernels import files as kernel
from dwarfsmith.engine.source.walk import walk


@pytest.fixture
def source(tmp_path):
    for name, data in (("a", b"first"), ("b", b""), ("c", b"third")):
        (tmp_path / name).write_bytes(data)
    tree = walk(os.fsencode(tmp_path), Job())
    root = os.open(tmp_path, os.O_RDONLY)
    columns = tree.parent, tree.name_start, tree.name_size, tree.text
    yield tree, kernel.Source(root, *columns)
    os.close(root)


def read(source: kernel.Source, entries, starts, sizes, room: int):
    buffer = memoryview(bytearray(b"." * room))
    status = np.full(len(entries), 99, np.uint8)
    source.read_batch(
        np.array(entries, np.int32),
        np.array(starts, np.int64),
        np.array(sizes, np.int64),
        buffer,
        status,
    )
    return bytes(buffer), status.tolist()


def test_files_go_where_they_belong(source) -> None:
    tree, reader = source
    a, b, c = (
        next(i for i in range(1, 4) if tree.name(i) == name)
        for name in (b"a", b"b", b"c")
    )
    assert read(reader, [c, b, a], [1, 6, 7], [5, 0, 5], 13) == (
        b".third.first.",
        [kernel.OK] * 3,
    )
    assert read(reader, [a], [0], [4], 6)[1] == [kernel.SIZE_CHANGED]


def test_open(source) -> None:
    tree, reader = source
    status, descriptor = reader.open(1, int(tree.size[1]))
    assert status == kernel.OK
    with open(tree.full_path(1), "rb") as file:
        assert os.read(descriptor, 100) == file.read()
    os.close(descriptor)
    assert reader.open(1, 77) == (kernel.SIZE_CHANGED, -1)


def test_a_stopped_source_reads_nothing(source) -> None:
    _, reader = source
    reader.stop()
    data, status = read(reader, [1], [0], [5], 5)
    assert data == b"....."
    assert status != [kernel.OK]


def test_bad_arguments_are_refused(source) -> None:
    _, reader = source
    for entry in (0, -1, 4):
        with pytest.raises(IndexError, match="expected an entry below 4"):
            read(reader, [entry], [0], [1], 5)
        with pytest.raises(IndexError, match="expected an entry below 4"):
            reader.open(entry, 1)
    for start, size in ((-1, 1), (0, 6), (6, 0), (1, -1)):
        with pytest.raises(ValueError, match="room for each file"):
            read(reader, [1], [start], [size], 5)
    with pytest.raises(ValueError, match="one length"):
        read(reader, [1, 2], [0], [1], 5)
