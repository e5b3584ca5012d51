"""String tables: columns, the compact forms, FSST, order."""

import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import metadata_sections

from dwarfsmith.engine.dwarfs import metadata, strings
from dwarfsmith.engine.dwarfs.strings import (
    Strings,
    StringTable,
    decode_symtab,
    encode_symtab,
    pack,
    precedes,
    unpack,
)
from dwarfsmith.engine.errors import FormatError, OutputError, UnsupportedError

GOLDEN = pathlib.Path(__file__).parents[2] / "golden/dwarfs"

TEXTS = st.lists(
    st.one_of(st.binary(max_size=20), st.text("ab\0", max_size=30).map(str.encode)),
    max_size=20,
)


def names(count: int) -> list[bytes]:
    return [f"file_{number:03}.txt".encode() for number in range(count)]


# Columns ---------------------------------------------------------------------------


@given(TEXTS)
def test_columns_are_a_sequence(texts):
    columns = Strings.of(texts)
    assert list(columns) == texts
    assert len(columns) == len(texts)
    assert columns[:] == texts
    assert columns[1:-1] == texts[1:-1]
    assert [columns[i] for i in range(-len(texts), len(texts))] == texts * 2
    assert columns.sizes.tolist() == [len(text) for text in texts]
    with pytest.raises(IndexError):
        columns[len(texts)]


def test_order_of_strings_alike_for_long():
    base = b"x" * 500
    texts = [base, base + b"\0", base + b"\0\0", base + b"a", base[:-1] + b"\xff"]
    columns = Strings.of(texts)
    for left in range(5):
        found = precedes(columns, np.full(5, left), np.arange(5))
        assert found.tolist() == [left < right for right in range(5)]


# The compact forms -----------------------------------------------------------------


@given(texts=TEXTS, compress=st.booleans(), force=st.booleans(), packed=st.booleans())
def test_round_trip(texts, compress, force, packed):
    table = pack(Strings.of(texts), compress=compress, force=force, packed_index=packed)
    assert table.packed_index == packed
    assert len(table.index) == len(texts) + (not packed)
    if force and any(texts):
        assert table.symtab is not None
    if not compress and not force:
        assert table.symtab is None
        assert table.buffer == b"".join(texts)
    if table.symtab is not None and not force:
        stored = len(table.symtab) + len(table.buffer)
        assert stored < sum(map(len, texts))
    assert list(unpack(table, "names", 1 << 20)) == texts


def test_without_packing():
    table = pack(Strings.of([b"ab", b"", b"c"]))
    assert (table.buffer, table.symtab) == (b"abc", None)
    assert table.index.tolist() == [0, 2, 2, 3]
    assert table.index.dtype == np.uint32


def test_with_a_packed_index():
    table = pack(Strings.of([b"ab", b"", b"c"]), packed_index=True)
    assert table.buffer == b"abc"
    assert table.index.tolist() == [2, 0, 1]


def test_empty_tables():
    for force in (False, True):
        table = pack(Strings.of([]), compress=True, force=force)
        assert (table.buffer, table.symtab) == (b"", None)
        assert table.index.tolist() == [0]
        packed = pack(Strings.of([]), force=force, packed_index=True)
        assert packed.index.tolist() == []
        for form in (table, packed, StringTable(index=np.empty(0, np.uint32))):
            assert list(unpack(form, "names", 0)) == []


def test_compression_is_used_only_if_it_pays():
    few, many = Strings.of([b"a", b"bc"]), Strings.of(names(200))
    assert pack(few, compress=True).symtab is None
    assert pack(few, compress=True, force=True).symtab is not None
    table = pack(many, compress=True)
    assert len(table.symtab) + len(table.buffer) < 0.5 * len(many.text)
    assert pack(many).symtab is None


def test_the_same_table_every_time():
    first, second = (pack(Strings.of(names(500)), compress=True) for _ in range(2))
    assert first.symtab == second.symtab
    assert first.buffer == second.buffer


def test_tables_by_the_reference():
    """Ours are no larger than theirs."""
    for name in ("l4", "l3", "pack-all", "pack-all-force"):
        found = metadata.decode(*metadata_sections(GOLDEN / f"{name}.dwarfs"))
        theirs = found.compact_names
        texts = unpack(theirs, "names", strings.MAX_NAME_BYTES)
        assert b"readme.txt" in list(texts)
        ours = pack(texts, compress=True)
        assert len(ours.symtab) + len(ours.buffer) <= len(theirs.symtab) + len(
            theirs.buffer
        )
        assert list(unpack(ours, "names", strings.MAX_NAME_BYTES)) == list(texts)
    forced = unpack(found.compact_symlinks, "symlinks", strings.MAX_TARGET_BYTES)
    assert list(forced) == [b"../nowhere", b"text/base.txt"]


def test_more_than_offsets_can_say(monkeypatch):
    monkeypatch.setattr(strings, "_MAX_OFFSET", 5)
    assert pack(Strings.of([b"12345"])).buffer == b"12345"
    with pytest.raises(OutputError, match="expected at most 5 bytes of names"):
        pack(Strings.of([b"12345", b"6"]))


# Hostile tables --------------------------------------------------------------------


def u4(*values: int) -> np.ndarray:
    return np.array(values, np.uint32)


@pytest.mark.parametrize(
    "index", [u4(1, 3), u4(0, 2), u4(0, 4), u4(0, 2, 1, 3), u4(3), u4()]
)
def test_offsets_must_rise_to_the_end(index):
    with pytest.raises(
        FormatError, match=r"offsets that rise from 0 to 3, .* in the names"
    ):
        unpack(StringTable(buffer=b"abc", index=index), "names", 100)


@pytest.mark.parametrize("index", [u4(1, 1), u4(4), u4(0xFFFFFFFF, 4), u4()])
def test_sizes_must_add_up(index):
    table = StringTable(buffer=b"abc", index=index, packed_index=True)
    with pytest.raises(FormatError, match="offsets that rise from 0 to 3"):
        unpack(table, "names", 1 << 40)


def test_strings_must_not_be_too_long():
    table = pack(Strings.of([b"a" * 10, b"b" * 12, b"c"]))
    assert len(unpack(table, "names", 12)) == 3
    with pytest.raises(
        FormatError, match="at most 11 bytes, found 12, at string 1 of the"
    ):
        unpack(table, "names", 11)


SYMTAB = encode_symtab([b"ab", b"abc", b"12345678", b"x", b"y"])


def test_a_symbol_table_byte_for_byte():
    assert (
        bytes.fromhex("01 05 00 00 0a 14 34 01 00 02 01 01 00 00 00 00 01")
        + b"ab"
        + b"abc"
        + b"12345678"
        + b"x"
        + b"y"
    ) == SYMTAB
    assert decode_symtab(SYMTAB, "names") == [b"ab", b"abc", b"12345678", b"x", b"y"]
    table = StringTable(
        buffer=bytes([3, 0, 255, 0, 1, 2]), symtab=SYMTAB, index=u4(0, 4, 4, 6)
    )
    assert list(unpack(table, "names", 9)) == [b"xab\0", b"", b"abc12345678"]


def changed(at: int, value: int) -> bytes:
    return SYMTAB[:at] + bytes([value]) + SYMTAB[at + 1 :]


BAD_SYMTABS = {
    "empty": (b"", FormatError),
    "cut in the head": (SYMTAB[:16], FormatError),
    "cut": (SYMTAB[:-1], FormatError),
    "too long": (SYMTAB + b"z", FormatError),
    "wrong count": (changed(1, 6), FormatError),
    "wrong size": (changed(16, 3), FormatError),
    "wrong mark": (changed(0, 2), UnsupportedError),
    "wrong version": (changed(5, 0), UnsupportedError),
    "zero-terminated": (changed(8, 1), UnsupportedError),
}


@pytest.mark.parametrize(("symtab", "error"), BAD_SYMTABS.values(), ids=BAD_SYMTABS)
def test_bad_symbol_tables(symtab, error):
    with pytest.raises(error, match="in the names"):
        unpack(StringTable(symtab=symtab), "names", 100)


@pytest.mark.parametrize("buffer", [b"\x05", b"\xfe", b"\xff", b"\x00\xff"])
def test_bad_codes(buffer):
    table = StringTable(buffer=buffer, symtab=SYMTAB, index=u4(0, len(buffer)))
    with pytest.raises(FormatError, match="expected FSST codes, found that string 0"):
        unpack(table, "names", 100)


@given(symtab=st.binary(max_size=40), buffer=st.binary(max_size=20))
def test_noise_as_symbol_table(symtab, buffer):
    table = StringTable(
        buffer=buffer, symtab=SYMTAB[:9] + symtab, index=u4(0, len(buffer))
    )
    try:
        found = unpack(table, "names", 100)
    except FormatError:
        return
    assert len(found.text) <= 8 * len(buffer)
