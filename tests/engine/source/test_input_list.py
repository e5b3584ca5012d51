"""Trees made of a list of paths."""

import os
import random
import stat

import numpy as np
import pytest

from dwarfsmith.engine.content.identity import identify
from dwarfsmith.engine.content.order import order
from dwarfsmith.engine.errors import CancelledError, InputError
from dwarfsmith.engine.events import LogLine, Problem, Scanned
from dwarfsmith.engine.job import Job
from dwarfsmith.engine.plan import OrderSpec
from dwarfsmith.engine.source.input_list import tree_from_list
from dwarfsmith.engine.source.tree import Tree
from dwarfsmith.engine.source.walk import walk
from reference.trees import all_paths, make_files, paths_in

FOLDER = {
    b"a": {b"f": b"1", b"b": {b"g": b"22", b"h": b"333"}, b"e": {}},
    b"c": {b"i": b"4444"},
    b"z": b"55555",
    b"n l": b"",
    b"#h": b"",
    b" x ": b"",
    b"\xff\r": b"",
}


@pytest.fixture
def root(tmp_path) -> bytes:
    path = os.path.realpath(os.fsencode(tmp_path / "input"))
    os.mkdir(path)
    make_files(path, FOLDER)
    os.symlink(b"a", os.path.join(path, b"to-a"))
    os.mkfifo(os.path.join(path, b"pipe"))
    return path


def read(root: bytes, content: bytes, **choices) -> tuple[list[bytes], list[str], Tree]:
    """Return what is in the tree in the order of the list, and what was said."""
    events: list = []
    tree = tree_from_list(root, content, Job(events.append), **choices)
    assert tree.listed is not None
    paths = all_paths(tree)
    said = [
        event.message
        for event in events
        if isinstance(event, LogLine | Problem)
        and event.message != "scanned input list"
    ]
    return [paths[entry] for entry in np.argsort(tree.listed)][1:], said, tree


SKIPPED = "skipping duplicate entry '{}' in input list"


@pytest.mark.parametrize(
    ("content", "expected", "skipped"),
    [
        (b"", [], []),
        (b"\n\n", [], []),
        (b"z\n", [b"z"], []),
        (b"z", [b"z"], []),
        (b"\n\nz\n\nc\n", [b"z", b"c"], []),
        # Directories above are added where they are needed, nothing below.
        (b"a/f\nz\n", [b"a", b"a/f", b"z"], []),
        (b"z\na/b/g\na/f\n", [b"z", b"a", b"a/b", b"a/b/g", b"a/f"], []),
        (b"a\n", [b"a"], []),
        (b"a/b\nc\n", [b"a", b"a/b", b"c"], []),
        (b"a/e\n", [b"a", b"a/e"], []),
        # Any bytes but line ends.
        (b"n l\n#h\n x \n\xff\r\n", [b"n l", b"#h", b" x ", b"\xff\r"], []),
        (b"to-a\npipe\n", [b"to-a", b"pipe"], []),
        # Detours.
        (b"./z\n./a/f\n", [b"z", b"a", b"a/f"], []),
        (b".//z\n././/c\n", [b"z", b"c"], []),
        (b"a//f\n", [b"a", b"a/f"], []),
        (b"a/./f\n", [b"a", b"a/f"], []),
        (b"a/b/../f\n", [b"a", b"a/f"], []),
        (b"no/../z\n", [b"z"], []),
        (b"a/\nz\n", [b"a", b"z"], []),
        # Repeated ones.
        (b"z\nz\n", [b"z"], ["z"]),
        (b"z\n./z\na/../z\n", [b"z"], ["z", "z"]),
        (b"a\na/f\na\n", [b"a", b"a/f"], ["a"]),
        (b"a/f\na\n", [b"a", b"a/f"], ["a"]),
        (b".\nz\n", [b"z"], ["."]),
        (b"a/..\n", [], ["."]),
    ],
)
def test_lines(root, content, expected, skipped) -> None:
    found, said, _ = read(root, content)
    assert found == expected
    assert said == [SKIPPED.format(path) for path in skipped]


def test_absolute_lines(root) -> None:
    content = b"\n".join(
        [
            root + b"/z",
            root,
            root + b"//a/./f",
            b"/" + root + b"/c",
            root + b"x/z",
            b"/",
        ]
    )
    found, said, _ = read(root, content)
    assert found == [b"z", b"a", b"a/f", b"c"]
    text = os.fsdecode(root)
    assert sorted(said) == sorted(
        [
            f"ignoring path '{text}x/z' not below input path '{text}'",
            f"ignoring path '/' not below input path '{text}'",
            SKIPPED.format("."),
        ]
    )


@pytest.mark.parametrize("line", [b"..", b"../x", b"a/../../z", b"../input"])
def test_lines_that_lead_out_are_ignored(root, line) -> None:
    found, said, _ = read(root, line + b"\nz\n")
    assert found == [b"z"]
    assert said == [
        f"ignoring path '{line.decode()}' not below input path '{os.fsdecode(root)}'"
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no", "No such file or directory"),
        (b"a/no", "No such file or directory"),
        (b"z\r", "No such file or directory"),
        (b"n" * 300, "File name too long"),
        (b"n/" * 40_000 + b"n", "File name too long"),
        (b"a\0b", "Invalid argument"),
    ],
)
def test_what_cannot_be_read_is_a_problem(root, line, reason) -> None:
    events: list = []
    tree = tree_from_list(root, b"c\n" + line + b"\nz\n", Job(events.append))
    assert set(all_paths(tree)) - {b"a"} == {b"", b"c", b"z"}
    (problem,) = [event for event in events if isinstance(event, Problem)]
    assert problem.message.startswith(f"error reading entry {os.fsdecode(root)}/")
    assert problem.message.endswith(f": {reason}")


@pytest.mark.parametrize(
    ("line", "invalid", "problems"),
    [
        (b"z/x", "z", []),
        (b"a/f/x/y", "a/f", []),
        (b"to-a/f", "to-a", []),
        (b"no/x", "no", ["no"]),
    ],
)
def test_a_line_through_no_directory_ends_it(root, line, invalid, problems) -> None:
    events: list = []
    with pytest.raises(InputError, match=f"invalid path '{invalid}' in input list"):
        tree_from_list(root, b"c\n" + line + b"\nmissing\n", Job(events.append))
    found = [event.path for event in events if isinstance(event, Problem)]
    assert found == [f"{os.fsdecode(root)}/{path}" for path in problems]


def test_the_input_must_be_a_directory(root) -> None:
    with pytest.raises(InputError, match="expected a directory as input"):
        tree_from_list(os.path.join(root, b"z"), b"z", Job())


def test_all_columns_are_those_of_a_walk(root) -> None:
    walked = walk(root, Job(), with_specials=True)
    lines = [*paths_in(root)]
    random.Random(1).shuffle(lines)
    _, said, listed = read(root, b"\n".join(lines))
    # Directories come before the first line that needs them, perhaps their own.
    assert {line.startswith("skipping duplicate") for line in said} <= {True}
    place = {path: entry for entry, path in enumerate(all_paths(walked))}
    same = [place[path] for path in all_paths(listed)]
    assert sorted(same) == [*range(len(walked))]
    for name in ("mode", "uid", "gid", "nlink", "size", "dev", "ino", "rdev", "mtime"):
        assert (getattr(listed, name) == getattr(walked, name)[same]).all(), name
    assert [listed.target(i) for i in range(len(listed))] == [
        walked.target(i) for i in same
    ]
    for entry in range(len(listed)):
        assert all(listed.parent[child] == entry for child in listed.children(entry))
    assert listed.child_count.sum() == len(listed) - 1
    assert stat.S_ISDIR(int(listed.mode[0]))


def test_children_stand_in_the_order_of_the_list(root) -> None:
    _, _, tree = read(root, b"z\na/f\nc/i\na/b/h\na/b/g\n")
    assert all_paths(tree) == [
        b"",
        *(b"z", b"a", b"c"),
        *(b"a/f", b"a/b", b"c/i"),
        *(b"a/b/h", b"a/b/g"),
    ]


def test_order_none_is_that_of_the_list(root) -> None:
    lines = [b"z", b"a/b/h", b"c/i", b"a/f", b"a/b/g"]
    for _ in range(3):
        random.Random(len(lines)).shuffle(lines)
        _, _, tree = read(root, b"\n".join(lines))
        contents = identify(tree, Job())
        found = order(tree, contents, Job(), OrderSpec("none"))
        assert [tree.path(int(contents.first[k])) for k in found] == lines
        lines.reverse()


def test_duplicates_stand_where_the_first_one_is_listed(root) -> None:
    with open(os.path.join(root, b"twin"), "wb") as file:
        file.write(FOLDER[b"z"])
    _, _, tree = read(root, b"twin\na/f\nz\n")
    contents = identify(tree, Job())
    found = order(tree, contents, Job(), OrderSpec("none"))
    assert contents.size[found].tolist() == [5, 1]


def test_summary_and_column_files(root, tmp_path) -> None:
    folder = tmp_path / "columns"
    folder.mkdir()
    events: list = []
    tree_from_list(
        root,
        b"to-a\npipe\na/f\nz\n",
        Job(events.append),
        tree=Tree.create(root, str(folder)),
    )
    (scanned,) = [event for event in events if isinstance(event, Scanned)]
    assert (scanned.entries, scanned.directories, scanned.files) == (6, 2, 2)
    assert (scanned.links, scanned.others, scanned.size_bytes) == (1, 1, 6)
    assert scanned.columns == str(folder)
    attached = Tree.attach(str(folder))
    assert all_paths(attached) == [b"", b"to-a", b"pipe", b"a", b"z", b"a/f"]
    assert attached.target(1) == b"a"


def test_leaves_out_one_file(root) -> None:
    status = os.stat(os.path.join(root, b"z"))
    found, said, tree = read(
        root, b"c\nz\na/f", leave_out=(status.st_dev, status.st_ino)
    )
    assert (found, said) == ([b"c", b"a", b"a/f"], [])
    assert len(tree) == 4


def test_many_lines(root) -> None:
    # More than one step of reading, and a few levels.
    folder = os.path.join(root, b"many")
    for number in range(20):
        os.makedirs(os.path.join(folder, b"%d" % number))
    lines = [b"many/%d/%d" % (k % 20, k) for k in range(9000)]
    for line in lines:
        os.symlink(line[::-1].replace(b"/", b"-"), os.path.join(root, line))
    found, said, tree = read(root, b"\n".join(b"./" + line for line in lines))
    assert said == []
    assert [path for path in found if path.count(b"/") == 2] == lines
    paths = all_paths(tree)
    for entry in range(len(tree)):
        if paths[entry].count(b"/") == 2:
            assert tree.target(entry) == paths[entry][::-1].replace(b"/", b"-")


def test_can_be_stopped(root) -> None:
    job = Job()
    job.cancel()
    with pytest.raises(CancelledError):
        tree_from_list(root, b"z", job)
