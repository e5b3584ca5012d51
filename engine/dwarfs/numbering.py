"""Inode and directory-entry numbers for a tree, in the order the format demands.

Inodes are ranked: directories, symlinks, regular files with unique content, regular
files that share their content, devices, then FIFOs and sockets. Inside a rank the
numbers follow a depth-first walk with names sorted bytewise. That makes images
independent of the order in which folders were read, and neighbouring entries get
neighbouring numbers, which compresses well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.content.identity import Contents
from dwarfsmith.engine.source.tree import NameTable, Tree

I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the `n` entries of a tree are numbered in an image."""

    names: NameTable
    walk: I8
    """i8[n]: the entries in depth-first order, names sorted."""
    inode: I8
    """i8[n]: each entry's inode number; hard links share theirs."""
    owner: I8
    """i8[inodes]: the entry each inode takes its attributes from."""
    listing: I8
    """i8[n]: the entries in the order of the directory-entry table."""
    position: I8
    """i8[n]: each entry's index in that table."""
    directories: I8
    """i8[d]: directory entries in inode order."""
    symlinks: I8
    devices: I8
    unique: I8
    """i8[u]: regular files with a content of their own, in inode order."""
    shared: I8
    """i8[s]: regular files that share a content, in inode order."""
    content_index: I8
    """i8[m]: each content's row in the chunk table."""

    @property
    def file_offset(self) -> int:
        """The first regular file's inode number."""
        return len(self.directories) + len(self.symlinks)


def number(tree: Tree, contents: Contents) -> Numbering:
    """Number all entries of `tree`."""
    names = tree.name_table()
    place = tree.preorder(names.rank).astype(np.int64)
    count = len(tree)
    walk = np.empty(count, np.int64)
    walk[place] = np.arange(count)

    leads = contents.leader[walk] == walk
    kinds = _kinds(tree, walk)
    files = walk[(kinds == _FILE) & leads]
    lonely = contents.files[contents.content_of[files]] == 1
    unique, shared = files[lonely], files[~lonely]
    content_index = _content_index(contents, unique, shared)
    # Groups of sharing files stand together, in the order of their contents.
    shared = shared[
        np.argsort(content_index[contents.content_of[shared]], kind="stable")
    ]
    directories = walk[kinds == _DIRECTORY]
    symlinks = walk[kinds == _SYMLINK]
    devices = walk[kinds == _DEVICE]
    others = walk[kinds == _OTHER]
    owner = np.concatenate([directories, symlinks, unique, shared, devices, others])
    inode = np.full(count, -1, np.int64)
    inode[owner] = np.arange(len(owner))
    inode = inode[contents.leader]

    listing = np.lexsort((names.rank, inode[tree.parent]))
    # The root is its own parent, but stands before its children.
    listing = np.concatenate([[0], listing[listing != 0]])
    position = np.empty(count, np.int64)
    position[listing] = np.arange(count)
    return Numbering(
        names=names,
        walk=walk,
        inode=inode,
        owner=owner,
        listing=listing,
        position=position,
        directories=directories,
        symlinks=symlinks,
        devices=devices,
        unique=unique,
        shared=shared,
        content_index=content_index,
    )


_DIRECTORY, _SYMLINK, _FILE, _DEVICE, _OTHER = range(5)


def _kinds(tree: Tree, walk: I8) -> npt.NDArray[np.uint8]:
    kinds = np.full(len(tree), _OTHER, np.uint8)
    kinds[tree.is_directory] = _DIRECTORY
    kinds[tree.is_symlink] = _SYMLINK
    kinds[tree.is_regular] = _FILE
    kinds[tree.is_device] = _DEVICE
    return kinds[walk]


def _content_index(contents: Contents, unique: I8, shared: I8) -> I8:
    """Return each content's row in the chunk table: unique ones first."""
    index = np.full(len(contents.size), -1, np.int64)
    index[contents.content_of[unique]] = np.arange(len(unique))
    groups, first = np.unique(contents.content_of[shared], return_index=True)
    groups = groups[np.argsort(first)]
    index[groups] = len(unique) + np.arange(len(groups))
    return index
