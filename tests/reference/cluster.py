"""The order by Nilsimsa hashes, said plainly: lists, and integers of 256 bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Element = int


def distance(a: int, b: int) -> int:
    """The Hamming distance."""
    return (a ^ b).bit_count()


def chain(items: list, first: Callable, last: Callable) -> list:
    """Greedy chain: swap the nearest of the rest behind each item."""
    items = list(items)
    for i in range(len(items) - 1):
        best, least = i + 1, 257
        for k in range(i + 1, len(items)):
            found = distance(last(items[i]), first(items[k]))
            if found < least:
                best, least = k, found
                if found <= 1:
                    break
        items[i + 1], items[best] = items[best], items[i + 1]
    return items


def assign(
    elements: list[Element], hashes: Sequence[int], limit: int, max_children: int
) -> list[list[Element]]:
    """Divide elements into clusters, each to the first that is near enough."""
    clusters: list[list[Element]] = []
    centroids: list[int] = []
    for element in elements:
        found = [distance(hashes[element], centroid) for centroid in centroids]
        near = [k for k, bits in enumerate(found) if bits <= limit]
        if near:
            k = near[0]
        elif len(clusters) < max_children:
            k = len(clusters)
            clusters.append([])
            centroids.append(0)
        else:
            k = found.index(min(found))
        clusters[k].append(element)
        half = len(clusters[k]) // 2
        centroids[k] = sum(
            1 << bit
            for bit in range(256)
            if sum(hashes[member] >> bit & 1 for member in clusters[k]) > half
        )
    return clusters


def cluster_order(
    hashes: Sequence[int],
    sizes: Sequence[int],
    size_rank: Sequence[int],
    max_children: int,
    max_cluster_size: int,
) -> list[Element]:
    """The order of the elements 0 to n - 1."""

    def divide(elements: list[Element], limit: int) -> list[Element]:
        parts = []
        for cluster in assign(elements, hashes, limit, max_children):
            if limit > 1 and len(cluster) > max_cluster_size:
                parts.append(divide(cluster, limit // 2))
            else:
                cluster.sort(key=lambda element: size_rank[element])
                parts.append(chain(cluster, hashes.__getitem__, hashes.__getitem__))
        parts.sort(key=lambda part: -sum(sizes[element] for element in part))
        parts = chain(
            parts, lambda part: hashes[part[0]], lambda part: hashes[part[-1]]
        )
        return [element for part in parts for element in part]

    return divide(list(range(len(hashes))), 128) if hashes else []
