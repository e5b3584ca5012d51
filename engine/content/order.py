"""The order in which contents are stored: alike ones side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.content.identity import Contents
from dwarfsmith.engine.content.similarity import nilsimsa_hashes, similarity_hashes
from dwarfsmith.engine.errors import UsageError
from dwarfsmith.engine.job import Job, StageHandle
from dwarfsmith.engine.kernels.cluster import Clustering
from dwarfsmith.engine.plan import OrderSpec
from dwarfsmith.engine.source.tree import Int32s, Tree

_POLL_SECONDS: Final = 0.05


def order(tree: Tree, contents: Contents, job: Job, spec: OrderSpec) -> Int32s:
    """Return the contents in the order in which to store them.

    The orders are those of mkdwarfs: `none` is the order of first files in the tree,
    or in the list it was made from; `path` and `revpath` go by paths, `similarity` and
    `nilsimsa` by what is in them, ties by reverse path. A shared content goes by that
    one of its files whose reverse path is the least. Nothing depends on threads or on
    the order of reading.

    Args:
        tree: A complete tree.
        contents: Its contents; those that turn out unreadable become invalid.
        job: Hears of progress and problems.
        spec: Which order.

    Returns:
        A permutation of all contents, i4[m].

    Raises:
        UsageError: There is no such order.
        CancelledError: The job was asked to stop.
    """
    if spec.kind in ("similarity", "nilsimsa"):
        with job.stage("order", "bytes", int(contents.size.sum())) as stage:
            if spec.kind == "similarity":
                result = _by_similarity(tree, contents, job, stage)
            else:
                result = _by_nilsimsa(tree, contents, job, stage, spec)
    else:
        with job.stage("order", "contents", len(contents)) as stage:
            result = _by_name(tree, contents, spec.kind)
            stage.advance(len(contents))
    return result.astype(np.int32)


def _by_name(tree: Tree, contents: Contents, kind: str) -> NDArray[np.signedinteger]:
    if kind == "none":
        return _as_listed(tree, contents)
    entries, reverse_path = _represent(tree, contents)
    if kind == "path":
        return np.argsort(tree.path_rank()[entries])
    if kind == "revpath":
        return np.argsort(reverse_path)
    raise UsageError(f"unknown order '{kind}'")


def _as_listed(tree: Tree, contents: Contents) -> NDArray[np.intp]:
    if tree.listed is None:
        return np.arange(len(contents))
    place = np.full(len(contents), np.iinfo(np.int32).max, np.int32)
    some = contents.content_of >= 0
    np.minimum.at(place, contents.content_of[some], tree.listed[some])
    return np.argsort(place)


def _represent(tree: Tree, contents: Contents) -> tuple[Int32s, Int32s]:
    """Return the entry each content goes by, and that one's reverse path rank."""
    rank = tree.reverse_path_rank()
    files = np.flatnonzero(contents.content_of >= 0)
    files = files[contents.leader[files] == files]
    files = files[np.argsort(rank[files])].astype(np.int32)
    least = np.unique(contents.content_of[files], return_index=True)[1]
    entries: Int32s = files[least]
    return entries, rank[entries]


def _by_similarity(
    tree: Tree, contents: Contents, job: Job, stage: StageHandle
) -> NDArray[np.intp]:
    hashes = similarity_hashes(tree, contents, job, stage.advance)
    _, reverse_path = _represent(tree, contents)
    return np.lexsort((reverse_path, -contents.size, hashes))


def _by_nilsimsa(
    tree: Tree, contents: Contents, job: Job, stage: StageHandle, spec: OrderSpec
) -> NDArray[np.intp]:
    hashes = nilsimsa_hashes(tree, contents, job, stage.advance)
    _, reverse_path = _represent(tree, contents)
    # Equal hashes are represented by the first; the others follow it in the end.
    words = hashes.T[::-1]  # the last key of lexsort decides first
    ranked = np.lexsort([reverse_path, *words])
    new = np.ones(len(ranked), np.bool_)
    new[1:] = (hashes[ranked[1:]] != hashes[ranked[:-1]]).any(axis=1)
    group = np.empty(len(contents), np.intp)
    group[ranked] = np.cumsum(new) - 1
    leads = np.zeros(len(contents), np.bool_)
    leads[ranked] = new

    chosen = ranked[new]
    by_size = np.lexsort((reverse_path[chosen], -contents.size[chosen]))
    size_rank = np.empty(len(chosen), np.int32)
    size_rank[by_size] = np.arange(len(chosen))
    clustering = Clustering(
        np.ascontiguousarray(hashes[chosen]),
        contents.size[chosen],
        size_rank,
        max_children=spec.max_children,
        max_cluster_size=spec.max_cluster_size,
    )
    place = np.empty(len(chosen), np.intp)
    place[_run(clustering, len(chosen), job, stage)] = np.arange(len(chosen))
    return np.lexsort((reverse_path, -contents.size, ~leads, place[group]))


def _run(clustering: Clustering, count: int, job: Job, stage: StageHandle) -> Int32s:
    """Let the clustering run in a thread that can be stopped."""
    result = np.zeros(count, np.int32)
    with ThreadPoolExecutor(1, "order") as pool:
        future = pool.submit(clustering.run, result)
        try:
            while not wait([future], _POLL_SECONDS).done:
                job.check()
                stage.advance(0, f"{clustering.done} of {count} contents in order")
        finally:
            clustering.stop()
        future.result()
    return result
