"""The demo tree: a folder with something of everything, the same bytes every time.

Out: about 60 MB of made-up files that show what an image can gain and what it has to
carry: releases of a source tree with small changes from one to the next, libraries
in several versions, duplicates and near duplicates, sound, star fields, pictures that
are compressed already, logs, a disk image full of zeros, build junk, links, and names
that are legal but odd.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dwarfsmith.engine.errors import OutputError
from dwarfsmith.engine.events import printable

VERSION = 1
"""Goes up whenever the tree changes."""

MARKER = b".dwarfsmith-demo"
"""A file in the tree that tells what it is, and whether it is complete."""

_COMPLETE = b"dwarfsmith demo tree, version %d\n" % VERSION
_INCOMPLETE = b"dwarfsmith demo tree, being written\n"

_FIRST_DAY = 1_600_000_000
_DAY = 86_400
# What a file system answers to a name it cannot hold.
_NAME_ERRORS = (errno.EILSEQ, errno.EINVAL, errno.ENAMETOOLONG, errno.ENOENT)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry to be written: a file unless told otherwise."""

    path: bytes
    """Relative to the root; the folders above it are made as needed."""
    data: bytes = b""
    """The bytes of a file, the target of a symlink, the first path of a hard link."""
    kind: Literal["file", "folder", "symlink", "hardlink"] = "file"
    """What it is; folders need an entry only if they are empty."""
    mode: int = 0o644
    day: int | None = None
    """When it was modified, in days; by default anything made of the path."""
    odd: bool = False
    """Whether a file system may refuse the name; it is left out then."""

    @property
    def mtime(self) -> int:
        """Modification time in seconds."""
        scattered = zlib.crc32(self.path)
        day = scattered // _DAY % 1500 if self.day is None else self.day
        return _FIRST_DAY + day * _DAY + scattered % _DAY


def write_demo(folder: bytes | str) -> None:
    """Write the demo tree into `folder`, which is made if it is missing.

    A complete demo tree is left as it is, an incomplete one is completed.

    Raises:
        OutputError: There is something else in the folder, or it cannot be written.
    """
    root = os.fsencode(folder)
    try:
        os.makedirs(root, exist_ok=True)
        if _is_complete(root):
            return
        _write_file(os.path.join(root, MARKER), _INCOMPLETE)
        _write(root, entries())
        _write_file(os.path.join(root, MARKER), _COMPLETE)
        for path in (MARKER, b""):
            _set_time(os.path.join(root, path), _FIRST_DAY)
    except OSError as error:
        raise OutputError(
            f"cannot write the demo tree to '{printable(root)}': {error.strerror}"
        ) from error


def entries() -> Iterator[Entry]:
    """Yield the whole tree, the marker aside. A hard link comes after its file."""
    yield from _releases()
    yield from _libraries()
    yield from _sound()
    yield from _sky()
    yield from _pictures()
    yield from _archives()
    yield from _game()
    yield from _machine()
    yield from _records()
    yield from _junk()
    yield from _links()
    yield from _odd_names()


# -- writing -----------------------------------------------------------------------


def _is_complete(root: bytes) -> bool:
    """Tell whether the demo is there already.

    Raises:
        OutputError: Something else is.
    """
    try:
        with open(os.path.join(root, MARKER), "rb") as marker:
            found = marker.read(len(_COMPLETE) + len(_INCOMPLETE))
    except FileNotFoundError:
        found = b"" if os.listdir(root) else _INCOMPLETE
    if found in (_COMPLETE, _INCOMPLETE):
        return found == _COMPLETE
    raise OutputError(
        f"expected an empty folder for the demo tree, found other files "
        f"in '{printable(root)}'"
    )


def _write(root: bytes, tree: Iterator[Entry]) -> None:
    folders: dict[bytes, int] = {}
    for entry in tree:
        try:
            os.makedirs(os.path.join(root, os.path.dirname(entry.path)), exist_ok=True)
            _write_entry(root, entry)
        except OSError as error:
            if not (entry.odd and error.errno in _NAME_ERRORS):
                raise
            continue
        folder = entry.path if entry.kind == "folder" else os.path.dirname(entry.path)
        while folder and folder not in folders:
            folders[folder] = Entry(folder, day=entry.day).mtime
            folder = os.path.dirname(folder)
    # Last, because writing into a folder changes its time, and deepest first.
    for path in sorted(folders, reverse=True):
        os.chmod(os.path.join(root, path), 0o755)  # noqa: S103
        _set_time(os.path.join(root, path), folders[path])


def _write_entry(root: bytes, entry: Entry) -> None:
    path = os.path.join(root, entry.path)
    if entry.kind == "folder":
        os.makedirs(path, exist_ok=True)
        return
    if os.path.lexists(path):  # of an earlier attempt
        os.unlink(path)
    if entry.kind == "hardlink":
        os.link(os.path.join(root, entry.data), path)
        return
    if entry.kind == "symlink":
        os.symlink(entry.data, path)
    else:
        _write_file(path, entry.data)
        os.chmod(path, entry.mode)
    _set_time(path, entry.mtime)


def _write_file(path: bytes, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _set_time(path: bytes, seconds: int) -> None:
    os.utime(path, (seconds, seconds), follow_symlinks=False)


# -- raw material ------------------------------------------------------------------


def _random(seed: int) -> np.random.RandomState:
    # The one generator whose streams numpy promises never to change.
    return np.random.RandomState(seed)


_STEMS = (
    "anchor", "ballast", "beacon", "berth", "bilge", "bow", "buoy", "cable", "cargo",
    "chart", "cleat", "compass", "course", "crane", "crew", "dock", "draft", "ebb",
    "fender", "ferry", "fleet", "flood", "gale", "harbor", "hatch", "helm", "hull",
    "jetty", "keel", "knot", "lantern", "ledger", "lock", "mast", "mole", "moor",
    "pilot", "pier", "port", "quay", "radar", "reef", "rig", "route", "rudder", "sail",
    "signal", "slip", "sound", "stern", "surge", "swell", "tide", "tonnage", "tow",
    "vessel", "wake", "watch", "wharf", "winch",
)  # fmt: skip
_VERBS = (
    "add", "bind", "check", "clear", "close", "count", "find", "load", "merge", "move",
    "open", "order", "pack", "parse", "plan", "read", "reset", "send", "split", "sum",
    "track", "update", "wait", "weigh",
)  # fmt: skip
_LINES = (
    "    {a} = self.{b}.get({c!r}, {n})",
    "    if {a} is None or {a} < {n}:\n        raise ValueError(f'{b}: {{{a}}}')",
    "    for {a} in sorted(self.{b}):\n        self._{v}_{c}({a}, {n})",
    "    {a}, {b} = divmod({c}, {n})",
    "    self.{a}[{b!r}] = {v}_{c}({a}, limit={n})",
    "    with self._{a}_lock:\n        {b} = self.{c}.pop({n}, None)",
    "    # The {a} comes before the {b}, because the {c} depends on it.",
    "    logger.debug('%s: {v} {a} of %d', {b}, {n})",
    "    {a} = [{b} for {b} in {c} if {b}.{v}(level={n})]",
    "    return {a}.{v}({b}) or self.{c}",
    "    try:\n        {a} = int({b}[{n}:])\n    except (KeyError, ValueError):\n"
    "        {a} = {n}",
    "    assert {a} != {b}, '{c} at {n}'",
)


class _Words:
    """Picks words, and makes lines, functions and paragraphs of them."""

    def __init__(self, seed: int) -> None:
        random = _random(seed)
        # Drawing many numbers at once costs hardly more than drawing one.
        draws = (random.randint(1 << 30, size=1 << 14).tolist() for _ in count())
        self._numbers: Iterator[int] = chain.from_iterable(draws)

    def below(self, limit: int) -> int:
        return next(self._numbers) % limit

    def pick(self, choices: Sequence[str]) -> str:
        return choices[self.below(len(choices))]

    def line(self) -> str:
        return self.pick(_LINES).format(
            a=self.pick(_STEMS),
            b=self.pick(_STEMS),
            c=self.pick(_STEMS),
            v=self.pick(_VERBS),
            n=self.below(1000),
        )

    def function(self) -> str:
        name = f"{self.pick(_VERBS)}_{self.pick(_STEMS)}"
        head = f"def {name}(self, {self.pick(_STEMS)}, *, {self.pick(_STEMS)}=None):\n"
        doc = f'    """{self.sentence()}"""\n'
        body = "\n".join(self.line() for _ in range(4 + self.below(14)))
        return f"{head}{doc}{body}\n"

    def sentence(self) -> str:
        words = [self.pick(_STEMS) for _ in range(5 + self.below(9))]
        words[1::3] = [f"{self.pick(_VERBS)}s the" for _ in words[1::3]]
        return " ".join(words).capitalize() + "."

    def paragraph(self) -> str:
        return "\n".join(self.sentence() for _ in range(3 + self.below(6))) + "\n"


# -- many versions of the same -----------------------------------------------------

_RELEASES = (
    "1.0", "1.0.1", "1.0.2", "1.1", "1.1.1", "1.2", "1.2.1", "1.2.2", "1.3", "2.0",
    "2.0.1", "2.1", "2.1.1", "2.2",
)  # fmt: skip
_MODULES = 50


def _releases() -> Iterator[Entry]:
    """Yield a source tree as it was released again and again, a bit changed."""
    words = _Words(1)
    modules = {_module_path(words): _module(words) for _ in range(_MODULES)}
    pages = {
        f"docs/{a}-{b}.rst": [words.paragraph() for _ in range(20)]
        for a, b in zip(_STEMS[:20], _STEMS[20:40], strict=True)
    }
    for number, release in enumerate(_RELEASES):
        if number:
            _develop(modules, words)
            _develop(pages, words)
            modules[_module_path(words)] = _module(words)
        root = f"releases/quayside-{release}"
        summary = next(iter(pages.values()))[0]
        about = f"Name: quayside\nVersion: {release}\n\n{summary}"
        yield Entry(f"{root}/PKG-INFO".encode(), about.encode(), day=100 * number)
        yield Entry(f"{root}/LICENSE".encode(), _license().encode(), day=0)
        for path, parts in sorted((modules | pages).items()):
            data = "\n\n".join(parts).encode()
            yield Entry(f"{root}/{path}".encode(), data, day=100 * number)


def _module_path(words: _Words) -> str:
    package = words.pick(_STEMS[:12])
    return f"quayside/{package}/{words.pick(_STEMS)}_{words.pick(_STEMS)}.py"


def _module(words: _Words) -> list[str]:
    imports = sorted({f"from quayside import {words.pick(_STEMS)}\n" for _ in range(6)})
    head = f'"""{words.sentence()}"""\n\n{"".join(imports)}'
    return [head, *(words.function() for _ in range(10 + words.below(25)))]


def _develop(files: dict[str, list[str]], words: _Words) -> None:
    """Change a part of some files, as people do between two releases."""
    for path in sorted(files):
        if words.below(100) < 12:
            parts = files[path] = list(files[path])
            for _ in range(1 + words.below(4)):
                at = 1 + words.below(len(parts) - 1)
                parts[at] = parts[at].replace(words.pick(_STEMS), words.pick(_STEMS))
                parts.insert(at, f"# {words.sentence()}\n{parts[at]}")


def _license() -> str:
    words = _Words(2)
    return "\n".join(words.paragraph() for _ in range(8))


# -- executables -------------------------------------------------------------------


def _libraries() -> Iterator[Entry]:
    """Yield versions of a library: the same functions, moved and some of them new."""
    random = _random(3)
    functions = [_machine_code(random) for _ in range(3_000)]
    for number, version in enumerate(("1.4.0", "1.4.1", "1.5.0", "2.0.0", "2.0.1")):
        for _ in range(40 * number):
            functions[random.randint(len(functions))] = _machine_code(random)
        functions[100 * number : 100 * number] = [_machine_code(random)]
        path = f"opt/harbormaster/lib/libharbor.so.{version}".encode()
        yield Entry(path, _shared_object(functions), mode=0o755, day=250 * number)
    name = b"opt/harbormaster/lib/libharbor.so"
    yield Entry(name, b"libharbor.so.2.0.1", kind="symlink")
    for tool in (b"harborctl", b"tidetable"):
        own = [*functions[:600], *(_machine_code(random) for _ in range(200))]
        yield Entry(b"opt/harbormaster/bin/" + tool, _shared_object(own), mode=0o755)


# Opcodes with the number of immediate bytes after them.
_OPCODES = tuple((bytes.fromhex(code), size) for code, size in (
    ("55", 0), ("4889e5", 0), ("4883ec", 1), ("488b45", 1), ("488945", 1), ("8b45", 1),
    ("8945", 1), ("e8", 4), ("488d05", 4), ("85c0", 0), ("74", 1), ("75", 1), ("eb", 1),
    ("83f8", 1), ("0fb600", 0), ("c745", 5), ("4c89e7", 0), ("31c0", 0), ("488b05", 4),
    ("ff15", 4), ("89c7", 0), ("4801d0", 0), ("f30f1005", 4), ("660fefc0", 0),
))  # fmt: skip


def _machine_code(random: np.random.RandomState) -> bytes:
    """Return something like an x86-64 function, aligned to 16 bytes."""
    picks = random.randint(len(_OPCODES), size=random.randint(12, 120)).tolist()
    immediates = random.randint(64, size=5 * len(picks), dtype=np.uint8).tobytes()
    parts = [b"\xf3\x0f\x1e\xfa"]
    for at, pick in enumerate(picks):
        opcode, size = _OPCODES[pick]
        parts += [opcode, immediates[5 * at : 5 * at + size]]
    code = b"".join([*parts, b"\xc9\xc3"])
    return code + b"\x90" * (-len(code) % 16)


def _shared_object(functions: Sequence[bytes]) -> bytes:
    """Return functions with the tables of an ELF file: symbols, relocations, names."""
    sizes = np.array([len(function) for function in functions], dtype=np.uint64)
    addresses = 0x1000 + np.cumsum(sizes) - sizes
    symbols = np.zeros(
        len(functions),
        [("name", "<u4"), ("info", "<u4"), ("at", "<u8"), ("size", "<u8")],
    )
    symbols["name"] = np.arange(len(functions)) * 15 + 1
    symbols["info"] = 0xC0012
    symbols["at"] = addresses
    symbols["size"] = sizes
    relocations = np.zeros(
        len(functions), [("at", "<u8"), ("info", "<u8"), ("addend", "<u8")]
    )
    relocations["at"] = 0x200000 + 8 * np.arange(len(functions))
    relocations["info"] = 8
    relocations["addend"] = addresses
    names = b"".join(b"\0harbor_%06x_" % number for number in range(len(functions)))
    header = struct.pack(
        "<4sBBB9xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 3, 62, 1, 0x1000, 64, 0, 0, 64,
        56, 0, 64, 0, 0,
    )  # fmt: skip
    tables = symbols.tobytes() + relocations.tobytes() + names
    return header.ljust(0x1000, b"\0") + b"".join(functions) + tables


# -- sound and sky -----------------------------------------------------------------

_SINE_BITS = 14
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)


def _sound() -> Iterator[Entry]:
    """Yield uncompressed sound, 16 and 24 bits deep."""
    yield Entry(b"media/sound/tide.wav", _wav(_music(4, 44_100, 20, 2), 16, 44_100))
    yield Entry(b"media/sound/gale.wav", _wav(_music(5, 48_000, 12, 2), 24, 48_000))
    yield Entry(b"media/sound/horn.wav", _wav(_music(6, 22_050, 12, 1), 16, 22_050))
    for number in range(4):
        voice = _wav(_music(7 + number, 22_050, 2, 1), 16, 22_050)
        yield Entry(b"media/sound/signals/%d.wav" % number, voice)


def _music(seed: int, rate: int, seconds: int, channels: int) -> NDArray[np.int64]:
    """Return samples (frame, channel) of 24 bits: tones that fade, and some hiss.

    Only whole numbers are used after one table, so that every machine computes the
    same.
    """
    table = np.rint(
        np.sin(np.arange(1 << _SINE_BITS) * (2 * np.pi / (1 << _SINE_BITS))) * 2**15
    ).astype(np.int64)
    random = _random(seed)
    frames = rate * seconds
    samples = np.zeros((frames, channels), dtype=np.int64)
    beat = rate // 4
    for note in range(seconds * 4):
        length = min(frames - note * beat, 4 * beat)
        at = np.arange(length, dtype=np.int64)
        fade = (length - at) * 1024 // length
        pitch = 110 * 2 ** (_SCALE[random.randint(len(_SCALE))] / 12)
        for harmonic, loud in ((1, 40), (2, 18), (3, 9), (5, 4)):
            step = int(pitch * harmonic * (1 << 32) / rate)
            wave = table[(at * step >> (32 - _SINE_BITS)) & ((1 << _SINE_BITS) - 1)]
            for channel in range(channels):
                side = loud + random.randint(8)
                samples[note * beat :][:length, channel] += wave * fade * side >> 12
    hiss = random.randint(-700, 700, size=samples.shape)
    samples += hiss
    return samples.clip(-(2**23), 2**23 - 1)


def _wav(samples: NDArray[np.int64], bits: int, rate: int) -> bytes:
    channels = samples.shape[1]
    width = bits // 8
    # The upper bytes of 24-bit samples, least significant first.
    little = samples.astype("<i4").view(np.uint8).reshape(*samples.shape, 4)
    data = little[:, :, 3 - width : 3].tobytes()
    form = struct.pack(
        "<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * channels * width,
        channels * width, bits,
    )  # fmt: skip
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _sky() -> Iterator[Entry]:
    """Yield star fields of a 14-bit camera, one of them with a color mask."""
    for number in range(3):
        colors = b"RGGB" if number == 2 else None
        path = b"media/sky/2023-08-1%d/light-%03d.fits" % (number, number)
        yield Entry(path, _fits(_stars(20 + number, 1200, 900), colors))
    dark = 1040 + (_noise(30, 1200 * 900) >> 2).reshape(900, 1200)
    yield Entry(b"media/sky/dark.fits", _fits(dark, None))


def _noise(seed: int, count: int) -> NDArray[np.int64]:
    """Return numbers around 0 that are distributed about normally."""
    parts = _random(seed).randint(64, size=(4, count), dtype=np.uint8)
    total: NDArray[np.int64] = parts.sum(axis=0, dtype=np.int64)
    return total - 126


def _stars(seed: int, width: int, height: int) -> NDArray[np.int64]:
    random = _random(seed)
    image = 1100 + _noise(seed, width * height).reshape(height, width)
    away = np.arange(-7, 8)
    profile = np.rint(
        4096 * np.exp(-(away[:, None] ** 2 + away[None, :] ** 2) / 6.0)
    ).astype(np.int64)
    for _ in range(700):
        x, y = random.randint(width - 15), random.randint(height - 15)
        bright = 2 ** random.randint(6, 14) + random.randint(500)
        image[y : y + 15, x : x + 15] += profile * bright >> 12
    return np.minimum(image, 2**14 - 1)


def _fits(image: NDArray[np.int64], colors: bytes | None) -> bytes:
    height, width = image.shape
    cards = [
        b"SIMPLE  =                    T",
        b"BITPIX  =                   16",
        b"NAXIS   =                    2",
        b"NAXIS1  = %20d" % width,
        b"NAXIS2  = %20d" % height,
        b"BZERO   =                32768",
        b"BSCALE  =                    1",
        b"OBJECT  = 'made up '",
    ]
    if colors is not None:
        cards.append(b"BAYERPAT= '%-8s'" % colors)
    header = b"".join(card.ljust(80) for card in [*cards, b"END"])
    pixels = ((image << 2) - 32768).astype(">i2").tobytes()
    return header + b" " * (-len(header) % 2880) + pixels + bytes(-len(pixels) % 2880)


# -- compressed already ------------------------------------------------------------


def _pictures() -> Iterator[Entry]:
    """Yield what cannot be made smaller, and the same picture in several places."""
    for number in range(6):
        scan = _random(40 + number).bytes(420_000 + 10_000 * number)
        scan = scan.replace(b"\xff", b"\xff\x00")
        head = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
        picture = (
            head + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + scan + b"\xff\xd9"
        )
        yield Entry(b"media/photos/2022/IMG_%04d.jpg" % (1200 + number), picture)
        if number < 2:
            yield Entry(b"media/photos/best of/quay %d.jpg" % number, picture)
            yield Entry(b"media/photos/.thumbs/%d.jpg" % number, picture)


def _archives() -> Iterator[Entry]:
    """Yield valid archives of random bytes.

    They are stored, not deflated: the bytes zlib makes depend on its release.
    """
    yield Entry(b"backup/home.tar.gz", _gzip(_random(50).bytes(1_800_000)))
    files = {b"charts/%02d.bin" % n: _random(51 + n).bytes(150_000) for n in range(8)}
    yield Entry(b"backup/charts.zip", _zip(files))
    # The same archive with one file more, as the next backup would be.
    files[b"charts/08.bin"] = _random(59).bytes(90_000)
    yield Entry(b"backup/charts-new.zip", _zip(files))


def _gzip(data: bytes) -> bytes:
    size = 0xFFFF
    parts = [bytes.fromhex("1f8b08000000000000ff")]
    for start in range(0, len(data), size):
        part = data[start : start + size]
        last = start + size >= len(data)
        parts += [struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF), part]
    return b"".join([*parts, struct.pack("<II", zlib.crc32(data), len(data))])


def _zip(files: dict[bytes, bytes]) -> bytes:
    body, index = b"", b""
    for name, data in files.items():
        fields = struct.pack(
            "<HHHHHIIIHH", 10, 0, 0, 0, 0x5661, zlib.crc32(data), len(data), len(data),
            len(name), 0,
        )  # fmt: skip
        index += b"PK\x01\x02\x14\x00" + fields
        index += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name
        body += b"PK\x03\x04" + fields + name + data
    end = struct.pack(
        "<HHHHIIH", 0, 0, len(files), len(files), len(index), len(body), 0
    )
    return body + index + b"PK\x05\x06" + end


# -- other things found on disks ---------------------------------------------------


def _game() -> Iterator[Entry]:
    """Yield textures with variants that differ in a corner, and levels as JSON."""
    for number in range(3):
        texture = _texture(60 + number)
        yield Entry(b"game/assets/textures/wood-%d.bmp" % number, _bmp(texture))
        worn = texture.copy()
        worn[:40, :40] //= 2
        yield Entry(b"game/assets/textures/wood-%d-worn.bmp" % number, _bmp(worn))
    words = _Words(63)
    for number in range(60):
        things = ",\n".join(
            f'  {{"kind": "{words.pick(_STEMS)}", "x": {words.below(640)}, '
            f'"y": {words.below(480)}}}'
            for _ in range(120)
        )
        level = f'{{"level": {number}, "things": [\n{things}\n]}}\n'
        yield Entry(b"game/levels/%02d.json" % number, level.encode())
    yield Entry(b"game/start.sh", b"#!/bin/sh\nexec ./harbor --windowed\n", mode=0o755)


def _texture(seed: int) -> NDArray[np.uint8]:
    """Return 512 × 384 pixels of 3 bytes: rings like those of wood, a bit rough."""
    y, x = np.mgrid[0:384, 0:512]
    rings = (x * x // 700 + y * y // 90 + x * y // 300) % 64
    rough = _random(seed).randint(6, size=rings.shape)
    tones = np.array([1, 2, 3]) + seed % 3
    shades = rings[:, :, None] * tones // 2 + rough[:, :, None] + 40
    texture: NDArray[np.uint8] = shades.astype(np.uint8)
    return texture


def _bmp(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape
    data = pixels.tobytes()
    size = 54 + len(data)
    head = struct.pack("<2sIII", b"BM", size, 0, 54)
    info = (40, width, height, 1, 24, 0, len(data), 2835, 2835, 0, 0)
    return head + struct.pack("<IiiHHIIiiII", *info) + data


def _machine() -> Iterator[Entry]:
    """Yield a disk image with little in it, and nothing but zeros."""
    random = _random(70)
    disk = bytearray(4 << 20)
    for _ in range(50):
        at = int(random.randint(len(disk) // 4096)) * 4096
        disk[at : at + 4096] = random.bytes(64) * 64
    yield Entry(b"machine/disk.img", bytes(disk))
    yield Entry(b"machine/swap", bytes(1 << 20), mode=0o600)
    config = b"memory = 512\ndisk = disk.img\nboot = cd\n"
    yield Entry(b"machine/machine.conf", config, mode=0o444)


def _records() -> Iterator[Entry]:
    """Yield logs and tables: text that repeats itself without being the same."""
    words = _Words(80)
    lines = [f"{words.pick(_VERBS)} {words.sentence()}" for _ in range(400)]
    second = 0
    for number in range(4):
        rows = []
        for _ in range(9_000):
            second += words.below(5)
            hours, rest = divmod(second, 3600)
            clock = f"{hours:05d}:{rest // 60:02d}:{rest % 60:02d}"
            level = ("INFO", "INFO", "DEBUG", "WARN")[words.below(4)]
            rows.append(f"{clock} {level:5} [{words.below(16)}] {words.pick(lines)}\n")
        path = b"var/log/harbor.log.%d" % (4 - number)
        yield Entry(path, "".join(rows).encode(), day=1000 + number)
    random = _random(81)
    for year in range(2021, 2024):
        levels = np.cumsum(random.randint(-3, 4, size=30_000)).tolist()
        table = "hour;level\n" + "".join(
            f"{year}-{hour};{level / 10}\n" for hour, level in enumerate(levels)
        )
        yield Entry(f"records/tides-{year}.csv".encode(), table.encode())


def _junk() -> Iterator[Entry]:
    """Yield what builds, editors and file managers leave behind."""
    words = _Words(90)
    random = _random(91)
    for stem in _STEMS:
        object_code = b"\x7fELF\x02\x01\x01" + b"".join(
            _machine_code(random) for _ in range(20)
        )
        yield Entry(f"project/build/{stem}.o".encode(), object_code)
        source = "\n".join(words.function() for _ in range(6)).encode()
        yield Entry(f"project/src/{stem}.py".encode(), source)
        cache = b"\xa7\x0d\x0d\x0a" + bytes(12) + source.replace(b" ", b"\0")[::2]
        path = f"project/src/__pycache__/{stem}.cpython-311.pyc"
        yield Entry(path.encode(), cache)
        for part in ("index.js", "package.json", "README.md", "LICENSE", "lib/main.js"):
            text = words.paragraph() if part != "LICENSE" else _NODE_LICENSE
            path = f"project/web/node_modules/{stem}-js/{part}"
            yield Entry(path.encode(), text.encode())
    for name in (b".DS_Store", b"Thumbs.db", b"notes.txt~", b".notes.txt.swp"):
        yield Entry(b"project/" + name, random.bytes(4096))
    yield Entry(b"project/.cache/index.bin", random.bytes(100_000))


_NODE_LICENSE = "Use it as you like. It comes as it is.\n" * 20


def _links() -> Iterator[Entry]:
    """Yield links of all sorts, and what is empty."""
    here = b"opt/harbormaster/"
    first = here + b"lib/libharbor.so.1.4.0"
    yield Entry(here + b"compat/libharbor.so.1", first, kind="hardlink")
    yield Entry(here + b"compat/libharbor.so.1.4", first, kind="hardlink")
    yield Entry(b"latest", b"releases/quayside-2.2", kind="symlink")
    yield Entry(b"links/to nowhere", b"../gone/for good", kind="symlink")
    yield Entry(b"links/to itself", b"to itself", kind="symlink")
    yield Entry(b"links/absolute", b"/etc/hostname", kind="symlink")
    yield Entry(b"links/long", b"../" * 60 + b"x" * 200, kind="symlink")
    yield Entry(b"empty/folder/in a folder", kind="folder")
    yield Entry(b"empty/file")
    yield Entry(b"empty/another file")
    yield Entry(b"empty/one byte", b"1")


_DEEP = b"/".join(b"level %d" % level for level in range(1, 41))
_PLAIN_ODD = (
    "spaces in a name", " leading space", "trailing space ", "it's \"quoted\"", "a\\b",
    "[brackets].txt", "[bold]markup[/bold]", "{braces}", "$HOME", "`date`", "%s %d %n",
    "-rf", "--help", "~", "#hash", "semi;colon", "star*?", "a" * 255, "...", ".hidden",
    "naïve café.txt", "Ünïcödé.md", "日本語のファイル.txt", "Привет", "مرحبا.txt",
    "⚓🚢",
    "e\u0301 decomposed", "zero\u200bwidth", "right\u202eleft.txt", "ports" + "ö" * 125,
)  # fmt: skip
_RAW_ODD = (
    b"two\nlines", b"tab\there", b"escape \x1b[31m", b"bell\x07", b"latin-1 caf\xe9",
    b"\xff\xfe not text", b"cut short \xe6\x97",
)  # fmt: skip


def _odd_names() -> Iterator[Entry]:
    """Yield names that are legal on Unix and that programs stumble over."""
    for name in [*(name.encode() for name in _PLAIN_ODD), *_RAW_ODD]:
        yield Entry(b"names/" + name, b"my name is " + name + b"\n", odd=True)
    yield Entry(b"names/folder\n[two]/inside", b"inside\n", odd=True)
    yield Entry(b"deep/" + _DEEP + b"/treasure.txt", b"found\n")
