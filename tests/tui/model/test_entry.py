"""One entry in words."""

import pytest

from dwarfsmith.tui.model.entry import describe, kind, suffix
from dwarfsmith.tui.model.tree_index import shape


@pytest.fixture
def described(tree):
    known = shape(tree)
    return {
        tree.path(entry): describe(tree, known, entry) for entry in range(len(tree))
    }


def test_a_file(described, fake_worker):
    entry = described[b"data/levels/world2.pak"]
    assert (entry.kind, entry.size_bytes, entry.links) == ("file", 48_235_730, 3)
    assert entry.mode == "-rw-r--r--"
    assert entry.owner == f"{fake_worker.NOBODY}:{fake_worker.NOBODY}"


def test_a_folder_counts_what_it_holds(described):
    entry = described[b"saves"]
    assert (entry.kind, entry.files, entry.entries) == ("folder", 2, 3)
    assert entry.size_bytes == 18 << 20


def test_a_link_says_where_it_points(described):
    entry = described[b"saves/latest"]
    assert (entry.kind, entry.target) == ("symbolic link", "slot2.sav")


def test_odd_names_are_printable_and_their_bytes_are_kept(described):
    for raw, entry in described.items():
        assert entry.path.isprintable()
        assert entry.raw_path == raw
    odd = described[b"odd/tab\tand\x1b[31mescape"]
    assert odd.path == r"odd/tab\tand\x1b[31mescape"
    assert described["odd/übergröße-日本語.txt".encode()].path.endswith("日本語.txt")


@pytest.mark.parametrize(
    ("mode", "word", "sign"),
    [
        (0o100644, "file", ""),
        (0o100755, "file", "*"),
        (0o040755, "folder", "/"),
        (0o120777, "symbolic link", "@"),
        (0o010644, "named pipe", "|"),
        (0o140755, "socket", "="),
        (0o020644, "character device", ""),
        (0o060644, "block device", ""),
        (0, "unknown kind", ""),
    ],
)
def test_every_kind_has_a_word(mode, word, sign):
    assert (kind(mode), suffix(mode)) == (word, sign)
