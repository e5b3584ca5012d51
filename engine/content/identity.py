"""Which files are one: hard links by inode, duplicates by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
import xxhash
from numpy.typing import NDArray

from dwarfsmith.engine.errors import UsageError
from dwarfsmith.engine.events import Identified
from dwarfsmith.engine.job import Job, StageHandle
from dwarfsmith.engine.source.files import (
    LARGE_BYTES,
    Batch,
    FileReader,
    Status,
    Window,
    report,
)
from dwarfsmith.engine.source.tree import Int32s, Int64s, Tree

PREFIX_BYTES: Final = 4096
"""Large files are hashed completely only if they agree in this many bytes."""

Digests: TypeAlias = NDArray[np.uint8]


class _Hasher(Protocol):
    def update(self, data: memoryview, /) -> object: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class FileHash:
    """A way to take the digest of a file."""

    name: str
    digest_bytes: int
    whole: Callable[[memoryview], bytes]
    """Digest of data that is there completely."""
    start: Callable[[], _Hasher]
    """A hasher for data that comes in parts."""


@dataclass(slots=True)
class Contents:
    """The distinct byte strings among the files, numbered by their first file.

    "First" is by a depth-first walk with sorted names; nothing depends on the order
    in which directories were read.
    """

    content_of: Int32s
    """The content of each entry, i4[n]; -1: no regular file."""
    leader: Int32s
    """The entry that stands for each one's inode, i4[n]; hard links share it."""
    first: Int32s
    """The entry to read each content from, i4[m]."""
    size: Int64s
    """Bytes in each content, i8[m]; 0 if invalid."""
    files: Int32s
    """How many inodes share each content, i4[m]."""
    invalid: NDArray[np.bool_]
    """Contents that could not be read and are stored empty, bool[m]."""

    def __len__(self) -> int:
        return len(self.first)

    def members(self, content: int) -> Int32s:
        """Return the entries that lead the inodes of a content."""
        members = self.content_of == content
        members &= self.leader == np.arange(len(members))
        return np.flatnonzero(members).astype(np.int32)

    def invalidate(self, content: int) -> None:
        """Have a content stored empty."""
        self.invalid[content] = True
        self.size[content] = 0


def parse_file_hash(name: str) -> FileHash | None:
    """Return the digest a `--file-hash` value names, None for `none`.

    Names are xxh3-64, xxh3-128 and those of hashlib or OpenSSL, in any case.

    Raises:
        UsageError: There is no such digest, or it has no fixed length.
    """
    lower = name.lower()
    if lower == "none":
        return None
    if lower == "xxh3-64":
        return FileHash(lower, 8, xxhash.xxh3_64_digest, xxhash.xxh3_64)
    if lower == "xxh3-128":
        return FileHash(lower, 16, xxhash.xxh3_128_digest, xxhash.xxh3_128)
    for known in dict.fromkeys(
        (lower, lower.replace("-", "_"), lower.replace("_", "-"))
    ):
        try:
            digest_bytes = hashlib.new(known, usedforsecurity=False).digest_size
        except ValueError:
            continue
        if digest_bytes:
            return _from_hashlib(known, digest_bytes)
    raise UsageError(
        f"--file-hash expects 'none', 'xxh3-64', 'xxh3-128' or the name of a digest, "
        f"found '{name}'"
    )


def identify(tree: Tree, job: Job, *, file_hash: str = "xxh3-128") -> Contents:
    """Find hard links and duplicates.

    Files of one size are candidates; large ones only if their first 4 KiB agree as
    well. Equal size and digest count as equal content. A file that cannot be read is
    a problem and gets a content of its own, invalid and empty.

    Args:
        tree: A complete tree.
        job: Hears of progress and problems.
        file_hash: See `parse_file_hash`; `none`: every inode has its own content.

    Returns:
        The contents.

    Raises:
        UsageError: There is no such digest.
        CancelledError: The job was asked to stop.
    """
    digest = parse_file_hash(file_hash)
    with job.stage("identify", "bytes") as stage:
        position = tree.preorder(tree.name_table().rank)
        regular = np.flatnonzero(tree.is_regular).astype(np.int32)
        regular = regular[np.argsort(position[regular], kind="stable")]
        leader = _leaders(tree, regular)
        inodes = regular[leader[regular] == regular]
        with FileReader(tree, job) as reader:
            search = _Search(tree, job, stage, reader, inodes)
            search.run(digest)
        for k in np.flatnonzero(search.status):
            report(job, tree, int(inodes[k]), int(search.status[k]))
        contents = _number(tree, regular, leader, inodes, search)
        stage.detail = f"{len(contents)} contents"
    job.emit(_summary(tree, contents, regular, inodes, search))
    return contents


def _leaders(tree: Tree, regular: Int32s) -> Int32s:
    """Return for each entry the first regular file, by `regular`, with its inode."""
    leader = np.arange(len(tree), dtype=np.int32)
    linked = regular[tree.nlink[regular] > 1]
    dev, ino = tree.dev[linked], tree.ino[linked]
    order = np.lexsort((ino, dev))  # stable: `regular` decides among links
    linked, dev, ino = linked[order], dev[order], ino[order]
    leader[linked] = linked[_group_starts(dev, ino)]
    return leader


def _group_starts(*keys: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return for each row of sorted columns where the run of its equals begins."""
    count = len(keys[0])
    new = np.zeros(count, np.bool_)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.maximum.accumulate(np.where(new, np.arange(count), 0))


def _equals(*keys: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return for each row the first row with the same keys."""
    order = np.lexsort(keys[::-1])
    first = np.empty(len(order), np.intp)
    first[order] = order[_group_starts(*(key[order] for key in keys))]
    return first


def _repeated(same_as: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which rows are not the only ones of their kind."""
    repeated: NDArray[np.bool_] = np.bincount(same_as, minlength=len(same_as)) > 1
    return repeated[same_as]


class _Search:
    """The search for duplicates among `inodes`; positions in there number files."""

    def __init__(
        self,
        tree: Tree,
        job: Job,
        stage: StageHandle,
        reader: FileReader,
        inodes: Int32s,
    ) -> None:
        self.sizes = tree.size[inodes]
        self.status = np.zeros(len(inodes), np.uint8)
        self.same_as = np.arange(len(inodes), dtype=np.intp)
        """For each file the first with the same content."""
        self.hashed_files = 0
        self.hashed_bytes = 0
        self._inodes = inodes
        self._job = job
        self._stage = stage
        self._reader = reader

    def run(self, digest: FileHash | None) -> None:
        if digest is None:
            self._stage.total = 0
            self._probe(np.flatnonzero(self.sizes > 0))
            return
        candidate = _repeated(_equals(self.sizes)) & (self.sizes > 0)
        large = np.flatnonzero(candidate & (self.sizes >= LARGE_BYTES))
        candidate[large] = self._agree_at_start(large)
        files = np.flatnonzero(candidate)
        self._stage.total = int(self.sizes[files].sum())
        digests = self._hash(files, digest)
        self._probe(np.flatnonzero(~candidate & (self.sizes > 0)))
        empty = np.flatnonzero(self.sizes == 0)
        self.same_as[empty] = empty[:1]
        good = self.status[files] == Status.OK
        files, digests = files[good], digests[good]
        same = _equals(self.sizes[files], *_words(digests))
        self.same_as[files] = files[same]

    def _agree_at_start(self, files: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which large files share their size and first bytes with another."""
        prefixes = np.zeros((len(files), 8), np.uint8)
        for k, at in enumerate(files.tolist()):
            self._job.check()
            prefix, self.status[at] = self._reader.read_prefix(
                int(self._inodes[at]), int(self.sizes[at]), PREFIX_BYTES
            )
            prefixes[k] = np.frombuffer(xxhash.xxh3_64_digest(prefix), np.uint8)
        good = self.status[files] == Status.OK
        repeated = np.zeros(len(files), np.bool_)
        same = _equals(self.sizes[files[good]], *_words(prefixes[good]))
        repeated[good] = _repeated(same)
        return repeated

    def _hash(self, files: NDArray[np.intp], digest: FileHash) -> Digests:
        digests = np.zeros((len(files), digest.digest_bytes), np.uint8)
        hashers: dict[int, _Hasher] = {}

        def visit(item: Batch | Window) -> None:
            if isinstance(item, Batch):
                some = slice(item.position, item.position + len(item))
                self.status[files[some]] = item.status
                digests[some] = _hash_batch(item, digest)
                return
            self.status[files[item.position]] = item.status
            hasher = hashers.get(item.position)
            if hasher is None:
                hasher = hashers[item.position] = digest.start()
            hasher.update(item.buffer)
            if item.last:
                del hashers[item.position]
                digests[item.position] = np.frombuffer(hasher.digest(), np.uint8)

        def advance(size_bytes: int) -> None:
            self._job.counters.hashed_bytes += size_bytes
            self._stage.advance(size_bytes)

        self._reader.scan(
            self._inodes[files], self.sizes[files], visit, advance=advance
        )
        self.hashed_files = len(files)
        self.hashed_bytes = int(self.sizes[files].sum())
        return digests

    def _probe(self, files: NDArray[np.intp]) -> None:
        """Find out which of the files that need no hashing cannot be read."""
        files = files[self.status[files] == Status.OK]
        self.status[files] = self._reader.probe(self._inodes[files], self.sizes[files])


def _hash_batch(batch: Batch, digest: FileHash) -> Digests:
    whole, buffer = digest.whole, batch.buffer
    ends = batch.starts + batch.sizes
    found = b"".join(
        [
            whole(buffer[start:end])
            for start, end in zip(batch.starts.tolist(), ends.tolist(), strict=True)
        ]
    )
    return np.frombuffer(found, np.uint8).reshape(len(batch), digest.digest_bytes)


def _words(digests: Digests) -> list[NDArray[np.uint64]]:
    """Return digests as columns of integers, which sort faster than bytes."""
    count, size = digests.shape
    padded = np.zeros((count, -(-size // 8) * 8), np.uint8)
    padded[:, :size] = digests
    words = padded.view(np.uint64)
    return [words[:, k] for k in range(words.shape[1])]


def _number(
    tree: Tree, regular: Int32s, leader: Int32s, inodes: Int32s, search: _Search
) -> Contents:
    # Files are in pre-order, so the first of each kind number the contents.
    first, content, files = np.unique(
        search.same_as, return_inverse=True, return_counts=True
    )
    content_of = np.full(len(tree), -1, np.int32)
    content_of[inodes] = content
    content_of[regular] = content_of[leader[regular]]
    invalid = search.status[first] != Status.OK
    return Contents(
        content_of=content_of,
        leader=leader,
        first=inodes[first],
        size=np.where(invalid, 0, search.sizes[first]),
        files=files.astype(np.int32),
        invalid=invalid,
    )


def _summary(
    tree: Tree, contents: Contents, regular: Int32s, inodes: Int32s, search: _Search
) -> Identified:
    extra = contents.files - 1
    return Identified(
        contents=len(contents),
        duplicate_files=int(extra.sum()),
        duplicate_bytes=int((extra * contents.size).sum()),
        hard_links=len(regular) - len(inodes),
        hard_link_bytes=int(tree.size[regular].sum() - tree.size[inodes].sum()),
        hashed_files=search.hashed_files,
        hashed_bytes=search.hashed_bytes,
    )


def _from_hashlib(name: str, digest_bytes: int) -> FileHash:
    def start() -> _Hasher:
        return hashlib.new(name, usedforsecurity=False)

    def whole(data: memoryview) -> bytes:
        return hashlib.new(name, data, usedforsecurity=False).digest()

    return FileHash(name, digest_bytes, whole, start)
