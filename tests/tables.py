"""Metadata for tests: out of images, compared, and made up."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dwarfsmith.engine.codecs import decompress
from dwarfsmith.engine.dwarfs import frozen
from dwarfsmith.engine.dwarfs.container import ImageFile, SectionType
from dwarfsmith.engine.dwarfs.metadata import Metadata
from dwarfsmith.engine.dwarfs.strings import Strings

MAX_BYTES = 1 << 20


def metadata_sections(path: os.PathLike[str]) -> tuple[bytes, bytes]:
    """Return the schema and the metadata of an image, decompressed."""
    with ImageFile.open(path) as image:
        schema, data = (
            decompress(section.codec_id, image.payload(section), MAX_BYTES)
            for section in map(
                image.only, (SectionType.METADATA_V2_SCHEMA, SectionType.METADATA_V2)
            )
        )
        return bytes(schema), bytes(data)


def plain(value: Any) -> Any:
    """Return tables and columns as dictionaries and lists that can be compared."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Strings):
        return list(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
    return value


def integers(kind: frozen.UInt) -> st.SearchStrategy[int]:
    """Integers of any width up to the kind's, small ones often."""
    widths = st.one_of(st.just(0), st.integers(0, kind.max_bits))
    return widths.flatmap(lambda width: st.integers(0, (1 << width) - 1))


def columns(kind: frozen.UInt, count: int) -> st.SearchStrategy[Any]:
    return st.lists(integers(kind), min_size=count, max_size=count).map(
        lambda values: np.array(values, kind.dtype)
    )


def values(kind: frozen.Kind[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a kind, whatever it is."""
    match kind:
        case frozen.UInt():
            return integers(kind)
        case frozen.Bool():
            return st.booleans()
        case frozen.Text():
            return st.binary(max_size=20)
        case frozen.Array():
            return st.integers(0, 8).flatmap(lambda n: columns(kind.item, n))
        case frozen.TextTable():
            return st.lists(st.binary(max_size=9), max_size=8).map(Strings.of)
        case frozen.ListOf():
            return st.lists(values(kind.item), max_size=4)
        case frozen.Maybe():
            return st.none() | values(kind.kind)
        case frozen.Table():
            return st.integers(0, 8).flatmap(
                lambda n: st.builds(
                    kind.row.make,
                    **{f.name: columns(f.kind, n) for f in kind.row.fields},
                )
            )
        case frozen.Struct():
            return st.builds(kind.make, **{f.name: values(f.kind) for f in kind.fields})
    raise TypeError(kind)


# Changes to tables, named for the ids of tests --------------------------------------

Change = Callable[[Metadata], None]


def column(table: str, name: str, row: int, value: int) -> Change:
    """Return what sets one element of a table."""

    def change(made: Metadata) -> None:
        found = getattr(made, table)
        changed = getattr(found, name).copy()
        changed[row] = value
        setattr(made, table, dataclasses.replace(found, **{name: changed}))

    change.__name__ = f"{table}.{name}[{row}]={value}"
    return change


def element(table: str, row: int, value: int) -> Change:
    def change(made: Metadata) -> None:
        changed = getattr(made, table).copy()
        changed[row] = value
        setattr(made, table, changed)

    change.__name__ = f"{table}[{row}]={value}"
    return change


def replaced(name: str, value: object) -> Change:
    def change(made: Metadata) -> None:
        setattr(made, name, value)

    change.__name__ = f"{name}={type(value).__name__}"
    return change


def both(*changes: Change) -> Change:
    def change(made: Metadata) -> None:
        for step in changes:
            step(made)

    change.__name__ = "+".join(step.__name__ for step in changes)
    return change
