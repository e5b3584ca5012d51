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
    `path` and `revpath` go by their paths, `similarity` and `nilsimsa` by what is in
    them. All but `none` settle ties by reverse path; nothing depends on threads.

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
        return np.arange(len(contents))
    if kind == "path":
        return np.argsort(tree.path_rank()[contents.first])
    if kind == "revpath":
        return np.argsort(tree.reverse_path_rank()[contents.first])
    raise UsageError(f"unknown order '{kind}'")


def _by_similarity(
    tree: Tree, contents: Contents, job: Job, stage: StageHandle
) -> NDArray[np.intp]:
    hashes = similarity_hashes(tree, contents, job, stage.advance)
    reverse_path = tree.reverse_path_rank()[contents.first]
    return np.lexsort((reverse_path, -contents.size, hashes, contents.size > 0))


def _by_nilsimsa(
    tree: Tree, contents: Contents, job: Job, stage: StageHandle, spec: OrderSpec
) -> NDArray[np.intp]:
    hashes = nilsimsa_hashes(tree, contents, job, stage.advance)
    reverse_path = tree.reverse_path_rank()[contents.first]
    hashed = contents.size > 0
    # Equal hashes are represented by the first; the others follow it in the end.
    words = hashes.T[::-1]  # the last key of lexsort decides first
    ranked = np.lexsort([reverse_path, *words, hashed])
    new = hashed[ranked]
    same = (hashes[ranked[1:]] == hashes[ranked[:-1]]).all(axis=1)
    new[1:] &= ~(same & hashed[ranked[:-1]])
    group = np.zeros(len(contents), np.intp)
    group[ranked] = np.cumsum(new)  # 0: without hash
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
    place = np.zeros(len(chosen) + 1, np.intp)
    place[1 + _run(clustering, len(chosen), job, stage)] = np.arange(1, len(place))
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
