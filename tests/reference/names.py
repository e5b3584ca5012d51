"""What the names kernel computes, said plainly."""


def rank_strings(strings: list[bytes]) -> tuple[list[int], list[bytes]]:
    """Each string's position among the distinct ones, and those sorted."""
    distinct = sorted(set(strings))
    return [distinct.index(string) for string in strings], distinct


def preorder(parent: list[int], rank: list[int]) -> list[int]:
    """Each entry's number in a depth-first walk with siblings by rank."""
    position = [0] * len(parent)
    count = 0

    def visit(entry: int) -> None:
        nonlocal count
        position[entry] = count
        count += 1
        children = [i for i in range(1, len(parent)) if parent[i] == entry]
        for child in sorted(children, key=lambda i: rank[i]):
            visit(child)

    if parent:
        visit(0)
    return position


def rollup(parent: list[int], values: list[int]) -> list[int]:
    """Each entry's value plus those of all entries below it."""
    total = list(values)
    for entry in range(1, len(parent)):
        above = entry
        while above:
            above = parent[above]
            total[above] += values[entry]
    return total


def path(entry: int, parent: list[int], names: list[bytes]) -> bytes:
    """The path of an entry relative to the root."""
    parts = []
    while entry:
        parts.insert(0, names[entry])
        entry = parent[entry]
    return b"/".join(parts)
