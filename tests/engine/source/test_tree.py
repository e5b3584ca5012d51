"""The tree: columns in memory and in files, paths, orders and sums."""

import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwarfsmith.engine.errors import InputError, OutputError
from dwarfsmith.engine.source.tree import ROW, Tree
from reference.trees import all_paths, entry_of, make_tree

NAME = st.binary(min_size=1, max_size=6).filter(
    lambda name: b"/" not in name and b"\0" not in name
)
FOLDERS = st.recursive(
    st.dictionaries(NAME, st.just(b"file"), max_size=4),
    lambda inner: st.dictionaries(NAME, inner | st.just(b"file"), max_size=5),
    max_leaves=25,
)
SAMPLE = {
    b"b": b"123",
    b"a": {b"x": b"1", b"b": {}, b"empty": b""},
    b"a-b": b"12",
    b"\xff\n": {b"b": {b"x": b"12345"}},
}


def test_an_entry_takes_at_most_110_bytes() -> None:
    assert ROW.itemsize <= 110


def test_rows_and_names() -> None:
    tree = make_tree(SAMPLE)
    assert len(tree) == 10
    assert tree.name(0) == tree.path(0) == b""
    assert [tree.name(child) for child in tree.children(0)] == list(SAMPLE)
    deep = entry_of(tree, b"\xff\n/b/x")
    assert tree.path(deep) == b"\xff\n/b/x"
    assert tree.full_path(deep) == b"/none/\xff\n/b/x"
    assert tree.full_path(0) == b"/none"
    assert len(tree.children(entry_of(tree, b"a/b"))) == 0


@given(FOLDERS)
def test_children_are_contiguous_and_come_after_their_parent(folder) -> None:
    tree = make_tree(folder)
    for entry in range(len(tree)):
        children = tree.children(entry)
        assert (tree.parent[children.start : children.stop] == entry).all()
        assert all(child > entry for child in children)
    counted = tree.child_count[tree.is_directory].sum()
    assert counted == len(tree) - 1


@given(FOLDERS)
def test_orders(folder) -> None:
    tree = make_tree(folder)
    paths = all_paths(tree)
    entries = range(len(tree))
    table = tree.name_table()

    def components(i: int) -> list[bytes]:
        return paths[i].split(b"/") if i else []

    def with_slash(i: int) -> bytes:
        return paths[i] + b"/" if i and tree.is_directory[i] else paths[i]

    def sorted_by(rank: np.ndarray) -> list[int]:
        return np.argsort(rank).tolist()

    assert [table[k] for k in range(len(table))] == sorted(
        {*map(tree.name, entries[1:])}
    )
    assert [table[table.rank[i]] for i in entries[1:]] == [*map(tree.name, entries[1:])]
    assert table.rank[0] == -1
    assert sorted_by(tree.preorder(table.rank)) == sorted(entries, key=components)
    assert sorted_by(tree.path_rank()) == sorted(entries, key=with_slash)
    assert sorted_by(tree.reverse_path_rank()) == sorted(
        entries, key=lambda i: components(i)[::-1]
    )


def test_reverse_path_rank_of_a_deep_tree() -> None:
    folder: dict[bytes, object] = {b"f": b""}
    for _ in range(100):
        folder = {b"d": folder, b"f": b""}
    tree = make_tree(folder)
    rank = tree.reverse_path_rank()
    assert sorted(rank.tolist()) == list(range(len(tree)))
    files = np.flatnonzero(tree.is_regular)
    depth = [tree.path(int(i)).count(b"/") for i in files[np.argsort(rank[files])]]
    assert depth == list(range(101))


def test_path_rank_of_files_is_bytewise() -> None:
    tree = make_tree({b"a": {b"z": b""}, b"a-b": b"", b"a.": b"", b"a0": b""})
    files = np.flatnonzero(tree.is_regular)
    in_order = files[np.argsort(tree.path_rank()[files])]
    assert [tree.path(int(i)) for i in in_order] == [b"a-b", b"a.", b"a/z", b"a0"]


def test_rollup_sums_what_is_below() -> None:
    tree = make_tree(SAMPLE)
    total = tree.rollup(tree.size)
    assert total[0] == 11
    assert total[entry_of(tree, b"a")] == 1
    assert total[entry_of(tree, b"\xff\n")] == 5
    assert tree.size[0] == 0, "the column itself stays"


def test_kinds() -> None:
    tree = Tree(b"/none")
    kinds = ("DIR", "REG", "LNK", "BLK", "CHR", "IFO", "SOCK")
    rows = np.zeros(len(kinds), ROW)
    rows["mode"] = [
        stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK, stat.S_IFBLK, stat.S_IFCHR,
        stat.S_IFIFO, stat.S_IFSOCK,
    ]  # fmt: skip
    rows["target_size"][2] = 3
    tree.append(rows, b"abc")
    assert np.flatnonzero(tree.is_directory).tolist() == [0]
    assert np.flatnonzero(tree.is_regular).tolist() == [1]
    assert np.flatnonzero(tree.is_symlink).tolist() == [2]
    assert np.flatnonzero(tree.is_device).tolist() == [3, 4]
    assert np.flatnonzero(tree.is_special).tolist() == [5, 6]
    assert tree.target(2) == b"abc"
    targets = tree.target_table()
    assert (len(targets), targets[0], targets.rank.tolist()) == (
        1,
        b"abc",
        [-1, -1, 0, -1, -1, -1, -1],
    )


def test_the_name_table_follows_new_rows() -> None:
    tree = make_tree({b"b": b""})
    assert len(tree.name_table()) == 1
    row = np.zeros(1, ROW)
    row["name_size"] = 1
    tree.append(row, b"a")
    assert tree.name_table().rank.tolist() == [-1, 1, 0]


def test_an_empty_tree() -> None:
    tree = Tree(b"/none")
    assert len(tree) == 0
    assert len(tree.name_table()) == 0
    assert len(tree.reverse_path_rank()) == 0
    assert len(tree.path_rank()) == 0
    assert len(tree.rollup(tree.size)) == 0


class TestFolder:
    """Columns in files."""

    def test_a_reader_sees_what_a_writer_adds(self, tmp_path) -> None:
        writer = Tree.create(b"/in\xffput", str(tmp_path))
        reader = Tree.attach(os.fsencode(tmp_path))
        assert reader.root == b"/in\xffput"
        assert len(reader) == 0
        assert not reader.refresh()
        make_tree(SAMPLE, writer)
        assert len(reader) == 0
        assert reader.refresh()
        assert not reader.refresh()
        assert all_paths(reader) == all_paths(writer)
        for name in ROW.names:
            assert np.array_equal(getattr(reader, name), getattr(writer, name))

    def test_a_reader_follows_files_that_grow(self, tmp_path) -> None:
        writer = Tree.create(b"/", tmp_path.__fspath__())
        reader = Tree.attach(str(tmp_path))
        rows = np.zeros(3000, ROW)
        rows["name_size"] = 30
        rows["name_start"] = np.arange(3000) * 30
        text = b"".join(b"%030d" % i for i in range(3000))
        for step in range(8):
            assert writer.append(rows, text) == 3000 * step
            assert reader.refresh()
            assert len(reader) == 3000 * (step + 1)
            assert reader.name(len(reader) - 1) == b"%030d" % 2999
        assert np.array_equal(reader.name_start, writer.name_start)
        assert np.array_equal(reader.text, writer.text)

    def test_a_reader_cannot_write(self, tmp_path) -> None:
        make_tree(SAMPLE, Tree.create(b"/", str(tmp_path)))
        reader = Tree.attach(str(tmp_path))
        with pytest.raises(ValueError, match="read-only"):
            reader.size[0] = 1

    def test_children_that_are_not_visible_yet_are_left_out(self, tmp_path) -> None:
        writer = Tree.create(b"/", str(tmp_path))
        make_tree({b"a": {b"b": b""}}, writer)
        reader = Tree.attach(str(tmp_path))
        row = np.zeros(1, ROW)
        row["parent"] = 1
        listing = np.zeros(
            1, [("directory", "i4"), ("first_child", "i4"), ("child_count", "i4")]
        )
        listing[0] = (1, 2, 2)
        writer.append(row, b"", listing)
        assert writer.children(1) == range(2, 4)
        assert reader.children(1) == range(2, 3)
        reader.refresh()
        assert reader.children(1) == range(2, 4)

    def test_another_process_can_attach(self, tmp_path) -> None:
        make_tree(SAMPLE, Tree.create(b"/", str(tmp_path)))
        code = (
            "import sys\n"
            "from dwarfsmith.engine.source.tree import Tree\n"
            "tree = Tree.attach(sys.argv[1])\n"
            "print([tree.path(i) for i in range(len(tree))])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True
        )
        tree = make_tree(SAMPLE)
        assert done.stdout.decode().strip() == str(all_paths(tree))

    def test_a_new_tree_leaves_readers_of_the_old_one_alone(self, tmp_path) -> None:
        make_tree(SAMPLE, Tree.create(b"/", str(tmp_path)))
        reader = Tree.attach(str(tmp_path))
        before = all_paths(reader)
        make_tree({b"other": b""}, Tree.create(b"/", str(tmp_path)))
        assert not reader.refresh()
        assert all_paths(reader) == before
        assert all_paths(Tree.attach(str(tmp_path))) == [b"", b"other"]

    def test_no_tree(self, tmp_path) -> None:
        with pytest.raises(InputError, match="expected the column files of a tree"):
            Tree.attach(str(tmp_path))
        Tree.create(b"/", str(tmp_path))
        (tmp_path / "header").write_bytes(b"something else")
        with pytest.raises(InputError, match="expected column files of kind"):
            Tree.attach(str(tmp_path))

    def test_no_folder(self, tmp_path) -> None:
        with pytest.raises(OutputError, match="cannot create column files"):
            Tree.create(b"/", str(tmp_path / "absent"))

    @pytest.mark.skipif(
        not hasattr(os, "posix_fallocate"), reason="blocks cannot be reserved here"
    )
    def test_a_full_disk_is_an_error(self, tmp_path, monkeypatch) -> None:
        tree = Tree.create(b"/", str(tmp_path))

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(
            OutputError, match=r"cannot grow column file .*No space left"
        ):
            tree.append(np.zeros(1, ROW), b"")
