"""The tables of images before version 2.3, brought into the later form.

DwarFS format, "Images <= 2.2". There, `inodes` are directory entries: each has its
attributes, its name and an inode number, and `entry_table_v2_2` names one entry for
each number, whose attributes are the inode's. Files of equal content have the same
number: duplicates look like hard links.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.dwarfs.metadata import DirEntries, Inodes, Metadata
from dwarfsmith.engine.errors import FormatError

U4 = npt.NDArray[np.uint32]


def upgrade(metadata: Metadata) -> Metadata:
    """Return metadata with directory entries apart from inodes.

    Its directories lack their parent and own entries.

    Raises:
        FormatError: Entries and inodes do not refer to each other.
    """
    inode_num = metadata.inodes.inode_v2_2
    entry_table = metadata.entry_table_v2_2
    _check_entry_table(inode_num, entry_table)
    directories = metadata.directories
    return replace(
        metadata,
        inodes=_take(metadata.inodes, entry_table),
        dir_entries=DirEntries(
            name_index=metadata.inodes.name_index_v2_2, inode_num=inode_num
        ),
        directories=replace(
            directories, parent_entry=np.zeros(len(directories), np.uint32)
        ),
        entry_table_v2_2=np.empty(0, np.uint32),
        chunk_inode_offset=0,
        link_inode_offset=0,
    )


def _check_entry_table(inode_num: U4, entry_table: U4) -> None:
    if not len(entry_table) or entry_table.max() >= len(inode_num):
        raise FormatError(
            f"expected entries below {len(inode_num)}, found "
            f"{entry_table.max() if len(entry_table) else 'none'}, in the entry table"
        )
    wrong = inode_num[entry_table] != np.arange(len(entry_table))
    if wrong.any():
        inode = int(np.argmax(wrong))
        raise FormatError(
            f"expected an entry of inode {inode}, found one of inode "
            f"{inode_num[entry_table[inode]]}, in the entry table"
        )
    if entry_table[0] != 0:
        raise FormatError(
            f"expected the root as entry 0, found it as entry {entry_table[0]}, "
            "in the entry table"
        )


def _take(inodes: Inodes, entries: U4) -> Inodes:
    columns = {
        column.name: getattr(inodes, column.name)
        for column in fields(Inodes)
        if not column.name.endswith("_v2_2")
    }
    return Inodes.of(
        len(entries),
        **{name: column[entries] for name, column in columns.items() if column.any()},
    )
