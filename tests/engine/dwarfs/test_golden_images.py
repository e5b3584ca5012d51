"""Images of the reference tools, entry by entry against the tree they were made of."""

import hashlib
import json
import os
import stat

import pytest
from conftest import GOLDEN

from dwarfsmith.engine.dwarfs.reader import Image

IMAGES = json.loads((GOLDEN / "dwarfs/manifest.json").read_text())["images"]
TREE = json.loads((GOLDEN / "tree.json").read_text())
FILTERED = {
    ".",
    "names",
    "names/ünïcödé-ナマエ.txt",
    "readme.txt",
    "text",
    *(f"text/{name}.txt" for name in ("base", "copy", "edited", "half", "prefix")),
}
"""What `+ *.txt`, `+ names/`, `- *` and removing empty directories leave."""


def expected_rows(options):
    """Return the tree as an image made with these options holds it, by path."""
    rows = {}
    for source in TREE:
        row = dict(source)
        mode = int(row["mode"], 8)
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            if "--with-devices" not in options:
                continue
        elif stat.S_ISFIFO(mode) and "--with-specials" not in options:
            continue
        if "--remove-empty-dirs" in options and row["path"] not in FILTERED:
            continue
        if "--set-owner=0" in options:
            row |= {"uid": 0, "gid": 100, "mtime": 1580644800}
        if "--time-resolution=min" in options:
            row["mtime"] -= row["mtime"] % 60
        if "--chmod=norm" in options:
            runs = not stat.S_ISREG(mode) or mode & 0o111
            mode = stat.S_IFMT(mode) | (0o555 if runs else 0o444)
        row["mode"] = mode
        rows[row.pop("path")] = row
    return rows


def found_rows(image):
    """Return all entries of an image in the form of `expected_rows`."""
    entries = image.entries
    rows = {}
    for entry in entries.walk.tolist():
        path = os.fsdecode(entries.path(entry)) or "."
        inode = int(entries.inode[entry])
        found = image.stat(inode)
        row = {
            "mode": found.mode,
            "uid": found.uid,
            "gid": found.gid,
            "mtime": found.mtime_ns // 10**9,
        }
        if stat.S_ISREG(found.mode):
            row |= {"size": found.size, "nlink": found.nlink}
            row["sha256"] = hashlib.sha256(image.read(inode)).hexdigest()
        elif stat.S_ISLNK(found.mode):
            row["target"] = os.fsdecode(image.readlink(inode))
        elif stat.S_ISCHR(found.mode) or stat.S_ISBLK(found.mode):
            row["rdev"] = [os.major(found.rdev), os.minor(found.rdev)]
        rows[path] = row
    return rows


@pytest.mark.parametrize("image_row", IMAGES, ids=lambda row: row["image"])
def test_every_entry_is_as_in_the_tree(golden, image_row):
    expected = expected_rows(image_row["options"])
    with Image.open(golden / "dwarfs" / image_row["image"]) as image:
        found = found_rows(image)
        check_links(image, expected)
    for row in expected.values():
        row.pop("hardlink_group", None)
    assert found == expected


def check_links(image, expected):
    """Hard links share an inode, and nothing else does."""
    groups: dict[object, set[int]] = {}
    for path, row in expected.items():
        entry = image.entries.find(os.fsencode(path))
        assert entry is not None
        key = row.get("hardlink_group", path)
        groups.setdefault(key, set()).add(int(image.entries.inode[entry]))
    assert all(len(inodes) == 1 for inodes in groups.values())
    assert len(set.union(*groups.values())) == len(groups)


def test_other_times_are_those_of_modification_unless_they_are_kept(golden):
    """Everything in the tree was given a modification time of the past."""
    for name, kept in (("all-times", True), ("l3", False)):
        with Image.open(golden / f"dwarfs/{name}.dwarfs") as image:
            for inode in range(len(image.inodes)):
                found = image.stat(inode)
                assert (found.ctime_ns > found.mtime_ns) == kept
                assert found.atime_ns >= found.mtime_ns
                assert kept or found.atime_ns == found.mtime_ns


def test_directories_come_before_what_they_contain_and_names_ascend(golden):
    with Image.open(golden / "dwarfs/pack-all.dwarfs") as image:
        paths = list(image.entries.paths(image.entries.walk))
        assert paths[0] == b""
        seen = {b""}
        for path in paths[1:]:
            assert path.rpartition(b"/")[0] in seen
            seen.add(path)
        keys = [path.split(b"/") for path in paths[1:]]
        assert keys == sorted(keys)


COMPAT = ["v0.2.0", "v0.3.0", "v0.5.6", "v0.6.2", "v0.9.10"]
COMPAT_IMAGES = [*(f"compat-{version}" for version in COMPAT), "data", "catdata"]


@pytest.mark.parametrize("name", COMPAT_IMAGES)
def test_images_of_older_releases(shared_golden, name):
    folder = shared_golden / "compat"
    expected = json.loads((folder / f"{name}.json").read_text())
    with Image.open(folder / f"{name}.dwarfs") as image:
        found = found_rows(image)
        old = image.file.minor < 3
    assert len(found) == len(expected)
    for row in expected:
        path, group = row.pop("path"), row.pop("hardlink_group", None)
        row["mode"] = int(row["mode"], 8)
        if path == ".":  # the list was made by extracting into another directory
            row = {"mode": row["mode"]}
        if old and group is not None:
            # Equal files look like hard links there; which of their times counts
            # is anyone's guess.
            del row["mtime"]
        assert row.items() <= found[path].items(), path
