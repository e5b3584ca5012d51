"""The segmenter as the format's algorithms describe it, slow and clear.

Everything is counted in frames; the index is a dictionary from the bytes of a stored
window to where it is, so there is neither a hash nor a filter. Contents are whole.
"""

from dataclasses import dataclass, field

MAX_CANDIDATES = 64


@dataclass
class Block:
    number: int
    frames: list[bytes] = field(default_factory=list)
    windows: dict[bytes, list[int]] = field(default_factory=dict)


@dataclass
class Match:
    start: int
    size: int
    block: int
    offset: int
    rank: int


class ReferenceSegmenter:
    def __init__(
        self,
        capacity: int,
        window: int,
        step: int,
        lookback: int,
        granularity: int,
        horizon: int,
    ) -> None:
        self.capacity = capacity // granularity
        self.window = window
        self.step = step
        self.lookback = lookback
        self.granularity = granularity
        self.horizon = horizon
        self.blocks: list[Block] = []
        """All blocks, also those that are not searched any more."""
        self.chunks: list[tuple[int, int, int, int]] = []
        """(content, block, offset, size), the last two in bytes."""
        self.matched = 0

    @property
    def active(self) -> list[Block]:
        return self.blocks[-max(1, self.lookback) :]

    def block_data(self) -> list[bytes]:
        return [b"".join(block.frames) for block in self.blocks]

    def add(self, content: int, data: bytes) -> None:
        g = self.granularity
        frames = [data[i : i + g] for i in range(0, len(data), g)]
        if self.window == 0 or self.lookback == 0 or len(frames) < self.window:
            self.append(content, frames)
        else:
            self.segment(content, frames)

    def segment(self, content: int, data: list[bytes]) -> None:
        n, window, step = len(data), self.window, self.step
        lag = window + step
        written = 0
        pos = window
        next_append = lag + self.to_next_step()
        while pos < n:
            match = self.longest_match(data, written, pos)
            if match is not None:
                self.append(content, data[written : match.start])
                self.add_chunk(content, match.block, match.offset, match.size)
                self.matched += match.size * self.granularity
                written = match.start + match.size
                if n - written < window:
                    break
                pos = written + window
                next_append = written + lag + self.to_next_step()
                continue
            if pos == next_append:
                self.append(content, data[written : pos - lag])
                written = pos - lag
                next_append += step
            pos += 1
        self.append(content, data[written:])

    def to_next_step(self) -> int:
        fill = len(self.blocks[-1].frames) if self.blocks else 0
        return self.step - fill % self.step

    def longest_match(self, data: list[bytes], written: int, pos: int) -> Match | None:
        """Return the longest match of the window before `pos`, the newest of several."""
        begin = pos - self.window
        wanted = b"".join(data[begin:pos])
        candidates = [
            (block, position)
            for block in self.active
            for position in block.windows.get(wanted, [])
        ]
        best = None
        for block, position in candidates[: -MAX_CANDIDATES - 1 : -1]:
            back = 0
            while (
                back < position
                and back < begin - written
                and block.frames[position - back - 1] == data[begin - back - 1]
            ):
                back += 1
            ahead = 0
            end = position + self.window
            while (
                pos + ahead < len(data)
                and end + ahead < len(block.frames)
                and block.frames[end + ahead] == data[pos + ahead]
            ):
                ahead += 1
            rank = back * self.granularity + min(ahead * self.granularity, self.horizon)
            if best is None or rank > best.rank:
                size = back + self.window + ahead
                best = Match(begin - back, size, block.number, position - back, rank)
        return best

    def append(self, content: int, frames: list[bytes]) -> None:
        for frame in frames:
            if not self.blocks or len(self.blocks[-1].frames) == self.capacity:
                self.blocks.append(Block(len(self.blocks)))
            block = self.blocks[-1]
            block.frames.append(frame)
            self.add_chunk(content, block.number, len(block.frames) - 1, 1)
            self.store_window(block)

    def store_window(self, block: Block) -> None:
        fill = len(block.frames)
        if self.window == 0 or fill < self.window or fill % self.step:
            return
        window = b"".join(block.frames[-self.window :])
        if window in block.windows and len(set(window)) == 1:
            return
        block.windows.setdefault(window, []).append(fill - self.window)

    def add_chunk(self, content: int, block: int, offset: int, size: int) -> None:
        offset *= self.granularity
        size *= self.granularity
        if self.chunks:
            last_content, last_block, last_offset, last_size = self.chunks[-1]
            if (last_content, last_block) == (content, block) and (
                last_offset + last_size == offset
            ):
                self.chunks[-1] = (content, block, last_offset, last_size + size)
                return
        self.chunks.append((content, block, offset, size))
