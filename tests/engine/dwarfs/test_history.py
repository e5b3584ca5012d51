"""The history section."""

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dwarfsmith
from dwarfsmith.engine.codecs import decompress
from dwarfsmith.engine.dwarfs import history
from dwarfsmith.engine.dwarfs.container import ImageFile, SectionType
from dwarfsmith.engine.dwarfs.history import HistoryEntry, Version
from dwarfsmith.engine.errors import FormatError

GOLDEN = pathlib.Path(__file__).parents[2] / "golden/dwarfs"


def payloads(path: pathlib.Path) -> list[bytes]:
    with ImageFile.open(path) as image:
        return [
            bytes(decompress(found.codec_id, image.payload(found), 1 << 16))
            for found in image.of_type(SectionType.HISTORY)
        ]


@pytest.mark.parametrize("path", GOLDEN.glob("*.dwarfs"), ids=lambda path: path.stem)
def test_histories_encode_to_the_same_bytes(path):
    found = payloads(path)
    assert len(found) == (path.stem not in ("no-index-no-history", "repro"))
    for payload in found:
        assert history.encode(history.decode(payload)) == payload


def test_a_history_by_the_reference(shared_golden):
    (payload,) = payloads(shared_golden / "compat/compat-v0.9.10.dwarfs")
    (entry,) = history.decode(payload)
    assert entry.version == Version(
        major=0,
        minor=9,
        patch=10,
        is_release=True,
        git_rev=b"276f11bc34",
        git_branch=b"HEAD",
        git_desc=b"v0.9.10",
    )
    assert entry.system_id == b"Linux-5.15.0-107-generic [x86_64]"
    assert entry.compiler_id == b"Clang 18.1.3"
    assert entry.arguments[-2:] == (b"-W5", b"--order=similarity")
    assert entry.timestamp == 1724530462
    assert b"zstd-1.5.5" in entry.library_versions
    assert history.encode([entry]) == payload


TEXTS = st.binary(max_size=20)
VERSIONS = st.builds(
    Version,
    major=st.integers(-32768, 32767),
    minor=st.integers(0, 32767),
    patch=st.integers(0, 32767),
    is_release=st.booleans(),
    git_rev=st.none() | TEXTS,
    git_branch=st.none() | TEXTS,
    git_desc=st.none() | TEXTS,
)
LISTS = st.none() | st.lists(TEXTS, max_size=20).map(tuple)
ENTRIES = st.lists(
    st.builds(
        HistoryEntry,
        version=VERSIONS,
        system_id=TEXTS,
        compiler_id=TEXTS,
        arguments=LISTS,
        timestamp=st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
        library_versions=LISTS,
    ),
    max_size=20,
)


@given(ENTRIES)
def test_round_trip(entries):
    assert history.decode(history.encode(entries)) == entries


@given(st.binary(max_size=60))
def test_noise_raises_nothing_else(noise):
    try:
        entries = history.decode(noise)
    except FormatError:
        return
    assert len(entries) <= len(noise)


def test_what_we_record():
    entry = history.new_entry(arguments=["mkdwarfs", "-i", "\udcff"], timestamp=17)
    numbers = entry.version.major, entry.version.minor, entry.version.patch
    assert ".".join(map(str, numbers)) == dwarfsmith.__version__
    assert entry.version.git_desc == f"dwarfsmith v{dwarfsmith.__version__}".encode()
    assert entry.arguments == (b"mkdwarfs", b"-i", b"\xff")
    assert entry.timestamp == 17
    assert list(entry.library_versions) == sorted(entry.library_versions)
    assert any(text.startswith(b"zstd-1.") for text in entry.library_versions)
    assert b"[" in entry.system_id
    silent = history.new_entry(arguments=None, timestamp=None)
    assert silent.arguments is silent.timestamp is None
    assert history.encode([silent]) == history.encode([silent])
