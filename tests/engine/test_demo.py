"""The demo tree: always the same, complete or refused."""

import hashlib
import os
import pathlib
from collections.abc import Iterator

import pytest
from trees import describe

from dwarfsmith.engine import demo
from dwarfsmith.engine.demo import Entry, write_demo
from dwarfsmith.engine.errors import OutputError

DIGEST = "b1b3de3efdab4fcedd16ce2713ba6607e34945e6e5443db79fb3d457b4f92d05"
"""Of all entries of version 1."""


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return list(demo.entries())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("demo") / "tree"
    write_demo(str(folder))
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """Replace the tree by one that is written in no time."""
    tree = [
        Entry(b"folder/file", b"data", mode=0o640),
        Entry(b"folder/again", b"folder/file", kind="hardlink"),
        Entry(b"link", b"nowhere", kind="symlink"),
        Entry(b"void/in void", kind="folder"),
    ]

    def entries() -> Iterator[Entry]:
        return iter(tree)

    monkeypatch.setattr(demo, "entries", entries)
    return tree


class TestTree:
    def test_bytes_are_the_same_everywhere(self, entries: list[Entry]) -> None:
        """If this fails by intention, raise `demo.VERSION` and set the digest anew."""
        digest = hashlib.sha256()
        for entry in entries:
            about = (entry.path, entry.kind, entry.mode, entry.mtime, len(entry.data))
            digest.update(repr(about).encode())
            digest.update(entry.data)
        assert (demo.VERSION, digest.hexdigest()) == (1, DIGEST)

    def test_is_about_60_megabytes(self, entries: list[Entry]) -> None:
        assert 55e6 < sum(len(entry.data) for entry in entries) < 65e6

    def test_every_path_is_there_once(self, entries: list[Entry]) -> None:
        paths = [entry.path for entry in entries]
        assert len(set(paths)) == len(paths)

    def test_is_on_disk_as_listed(
        self, entries: list[Entry], written: pathlib.Path
    ) -> None:
        found = describe(written)
        root = os.fsencode(written)
        for entry in entries:
            path = os.path.join(root, entry.path)
            if entry.odd and not os.path.lexists(path):
                continue
            if entry.kind == "hardlink":
                assert os.path.samefile(path, os.path.join(root, entry.data))
            else:
                state = os.lstat(path)
                assert state.st_mtime_ns == entry.mtime * 10**9
                if entry.kind == "symlink":
                    assert os.readlink(path) == entry.data
                elif entry.kind == "file":
                    assert state.st_mode & 0o7777 == entry.mode
                    digest = hashlib.sha256(entry.data).hexdigest()
                    assert digest in found[entry.path]
        listed = {entry.path for entry in entries}
        for path in list(listed):
            while path := os.path.dirname(path):
                listed.add(path)
        assert set(found) <= listed | {b"", demo.MARKER}


class TestWriting:
    def test_folders_have_their_times(
        self, small: list[Entry], tmp_path: pathlib.Path
    ) -> None:
        for name in ("one", "two"):
            write_demo(os.fsencode(tmp_path / name))
        assert describe(tmp_path / "one") == describe(tmp_path / "two")

    def test_complete_tree_is_left_alone(
        self, small: list[Entry], tmp_path: pathlib.Path
    ) -> None:
        write_demo(str(tmp_path))
        (tmp_path / "folder/file").write_bytes(b"changed")
        write_demo(str(tmp_path))
        assert (tmp_path / "folder/file").read_bytes() == b"changed"

    def test_incomplete_tree_is_completed(
        self,
        small: list[Entry],
        tmp_path: pathlib.Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        write_demo(str(tmp_path / "whole"))

        def breaks_off() -> Iterator[Entry]:
            yield from small[:3]
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(demo, "entries", breaks_off)
            write_demo(str(tmp_path / "half"))
        (tmp_path / "half/folder/file").write_bytes(b"half")
        write_demo(str(tmp_path / "half"))
        assert describe(tmp_path / "half") == describe(tmp_path / "whole")

    def test_names_a_file_system_refuses_are_left_out(
        self, small: list[Entry], tmp_path: pathlib.Path
    ) -> None:
        small += [
            Entry(b"odd/" + b"x" * 300, b"", odd=True),
            Entry(b"y" * 300 + b"/inside", b"", odd=True),
        ]
        write_demo(str(tmp_path))
        assert os.listdir(tmp_path / "odd") == []
        small.append(Entry(b"x" * 300, b""))
        (tmp_path / os.fsdecode(demo.MARKER)).unlink()
        with pytest.raises(OutputError):
            write_demo(str(tmp_path))

    def test_empty_folder_is_used(
        self, small: list[Entry], tmp_path: pathlib.Path
    ) -> None:
        write_demo(str(tmp_path))
        assert (tmp_path / "folder/file").read_bytes() == b"data"


class TestRefusal:
    def test_other_files(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "mine").write_text("dear to me")
        with pytest.raises(OutputError, match="expected an empty folder"):
            write_demo(str(tmp_path))
        assert os.listdir(tmp_path) == ["mine"]

    def test_another_release(self, tmp_path: pathlib.Path) -> None:
        marker = tmp_path / os.fsdecode(demo.MARKER)
        marker.write_text("dwarfsmith demo tree, version 0\n")
        with pytest.raises(OutputError, match="expected an empty folder"):
            write_demo(str(tmp_path))

    def test_a_file(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="cannot write the demo tree to"):
            write_demo(str(tmp_path / "file"))
        with pytest.raises(OutputError, match="Not a directory"):
            write_demo(str(tmp_path / "file" / "below"))
