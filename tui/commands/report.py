"""The report of dwarfsck, as text and as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from fractions import Fraction
from typing import Any

from dwarfsmith.engine.codecs import codec_name
from dwarfsmith.engine.dwarfs.check import SectionCheck
from dwarfsmith.engine.dwarfs.container import SectionType
from dwarfsmith.engine.dwarfs.history import HistoryEntry
from dwarfsmith.engine.dwarfs.info import ImageInfo, Sizes, block_categories, gather
from dwarfsmith.engine.dwarfs.reader import Image
from dwarfsmith.engine.events import printable
from dwarfsmith.tui.commands.summary import size


def as_text(
    image: Image, checks: Sequence[SectionCheck], details: AbstractSet[str]
) -> str:
    """Return the report as lines for people.

    Args:
        image: The image.
        checks: Its sections in file order.
        details: Which parts; the names of `dwarfsck --detail`.
    """
    info = gather(image, checks)
    lines: list[str] = []
    if "version" in details:
        lines += _version(info)
    if "section_details" in details:
        lines += _sections(image, checks)
    if "history" in details:
        lines += _history(info.history)
    lines += _basics(info)
    if "metadata_summary" in details:
        lines += _summary(info)
        lines += _earlier_versions(image)
    if "metadata_details" in details:
        lines += _tables(image)
    return "".join(line + "\n" for line in lines)


def _version(info: ImageInfo) -> Iterator[str]:
    offset = f" at offset {info.offset}" if info.offset else ""
    yield (f"DwarFS version {info.major}.{info.minor} [{info.header_version}]{offset}")


def _basics(info: ImageInfo) -> Iterator[str]:
    if info.created_by is not None:
        yield f"created by: {printable(info.created_by)}"
    if info.created_on is not None:
        yield f"created on: {_moment(info.created_on)}"
    if info.features:
        yield f"features: {', '.join(map(printable, info.features))}"


def _summary(info: ImageInfo) -> Iterator[str]:
    yield f"block size: {size(info.block_size)}"
    yield f"block count: {info.blocks.count}"
    yield f"inode count: {info.inode_count}"
    if info.path_separator is not None:
        separator = chr(info.path_separator) if info.path_separator < 128 else "?"
        yield f"preferred path separator: {printable(separator.encode())}"
    yield f"original filesystem size: {size(info.original_size)}"
    if info.allocated_size != info.original_size:
        yield f"original allocated filesystem size: {size(info.allocated_size)}"
    yield from _pair("block", info.blocks)
    yield from _pair("metadata", info.metadata)
    for number, word in enumerate(info.options):
        yield f"{'options:' if number == 0 else '':<8} {word}"
    yield f"time resolution: {_resolution(info.time_resolution)}"
    if info.categories:
        yield "categories:"
    for name, sizes in info.categories.items():
        yield f"  {printable(name)}: {_category(sizes)}"


def _pair(what: str, sizes: Sizes) -> Iterator[str]:
    yield f"compressed {what} size: {size(sizes.compressed)}{_percent(sizes)}"
    least = "" if sizes.complete else "(at least) "
    yield f"uncompressed {what} size: {least}{size(sizes.uncompressed)}"


def _category(sizes: Sizes) -> str:
    full = f"{size(sizes.uncompressed)} uncompressed"
    if sizes.stored:
        return f"{sizes.count} blocks, {full}"
    if not sizes.complete:
        full = f"(at least) {full}"
    packed = f"{size(sizes.compressed)} compressed"
    return f"{sizes.count} blocks, {packed}, {full}{_percent(sizes)}"


def _percent(sizes: Sizes) -> str:
    return "" if sizes.ratio is None else f" ({sizes.ratio:.2%})"


def _resolution(seconds: Fraction) -> str:
    if seconds >= 1:
        return f"{float(seconds):g} seconds"
    for unit, scale in (("ms", 10**3), ("µs", 10**6)):
        if (seconds * scale).denominator == 1:
            return f"{seconds * scale} {unit}"
    return f"{float(seconds * 10**9):g} ns"


def _moment(seconds: int) -> str:
    """Return a local time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} seconds after 1970"


def _sections(image: Image, checks: Sequence[SectionCheck]) -> Iterator[str]:
    categories = iter(block_categories(image))
    for check in checks:
        section = check.section
        if section is None:
            yield f"SECTION num={check.position} [{check.error}]"
            continue
        words = [
            f"type={section.type_name}",
            f"compression={codec_name(section.codec_id)}",
            f"length={section.length}",
        ]
        version = "V1"
        if section.xxh3 is not None:
            version = f"V{image.file.major}.{image.file.minor}"
            words.insert(0, f"num={section.number}")
            words.append(f"checksum=0x{section.xxh3:016x} [{_verdict(check)}]")
        words.append(f"offset={section.payload_offset}")
        if check.size:
            words.append(f"blocksize={check.size}")
            words.append(f"ratio={section.length / check.size:.2%}")
        if section.type == SectionType.BLOCK:
            words += _category_words(*next(categories))
        line = f"SECTION [{version}] {', '.join(words)}"
        if section.type == SectionType.SECTION_INDEX:
            line += " [VALID]" if image.file.has_index else " [INVALID]"
        yield line


def _category_words(name: bytes | None, text: bytes | None) -> Iterator[str]:
    if name is not None:
        yield f"category={printable(name)}"
    if text is not None:
        yield f"metadata={printable(text)}"


def _verdict(check: SectionCheck) -> str:
    if check.intact is None:
        return "unknown"
    return "OK" if check.intact else "CHECKSUM ERROR"


def _history(entries: Sequence[HistoryEntry]) -> Iterator[str]:
    if entries:
        yield "History:"
    for number, entry in enumerate(entries, 1):
        moment = "" if entry.timestamp is None else f"[{_moment(entry.timestamp)}] "
        yield f"{number:>3}: {moment}{_software(entry)}"
        if entry.arguments is not None:
            yield f"     args: {' '.join(map(printable, entry.arguments))}"


def _software(entry: HistoryEntry) -> str:
    version = entry.version
    name = version.git_desc or b"v%d.%d.%d" % (
        version.major,
        version.minor,
        version.patch,
    )
    text = printable(name)
    if b" " not in name:  # other makers put their own name before the version
        text = f"libdwarfs {text}"
    if not version.is_release and version.git_branch:
        text += f" ({printable(version.git_branch)})"
    return f"{text} on {printable(entry.system_id)}, {printable(entry.compiler_id)}"


def _earlier_versions(image: Image) -> Iterator[str]:
    entries = image.metadata.metadata_version_history or []
    if entries:
        yield "previous metadata versions:"
    for number, entry in enumerate(entries, 1):
        maker = printable(entry.dwarfs_version or b"unknown")
        yield (
            f"{number:>3}: version {entry.major}.{entry.minor}, created by {maker}, "
            f"block size {size(entry.block_size)}"
        )


def _tables(image: Image) -> Iterator[str]:
    data, table = image.metadata, image.inodes
    shared = data.shared_files_table
    shared_count = 0 if shared is None else len(shared)
    for name, count in (
        ("symlink_inode_offset", table.symlinks),
        ("file_inode_offset", table.files),
        ("dev_inode_offset", table.devices),
        ("chunks", len(data.chunks)),
        ("directories", len(data.directories)),
        ("inodes", len(table)),
        ("chunk_table", len(data.chunk_table)),
        ("symlink_table", len(data.symlink_table)),
        ("uids", len(data.uids)),
        ("gids", len(data.gids)),
        ("modes", len(data.modes)),
        ("names", len(data.names)),
        ("symlinks", len(data.symlinks)),
        ("devices", table.specials - table.devices),
        ("dir_entries", len(image.entries)),
        ("shared_files_table", shared_count),
        ("unique files", table.devices - table.files - shared_count),
    ):
        yield f"{name}: {count}"


# JSON ------------------------------------------------------------------------------


def as_json(
    image: Image, checks: Sequence[SectionCheck], details: AbstractSet[str]
) -> str:
    """Return the report as one line of JSON; see `as_text` for the arguments."""
    info = gather(image, checks)
    report: dict[str, Any] = {"image_offset": info.offset}
    if info.created_by is not None:
        report["created_by"] = printable(info.created_by)
    if info.created_on is not None:
        report["created_on"] = _iso(info.created_on)
    report["features"] = sorted(map(printable, info.features))
    if "version" in details:
        report["version"] = {
            "major": info.major,
            "minor": info.minor,
            "header": info.header_version,
        }
    if "metadata_summary" in details:
        report |= _json_summary(info)
    if "history" in details:
        report["history"] = [_json_history(entry) for entry in info.history]
    if "section_details" in details:
        report["sections"] = list(_json_sections(image, checks))
        report["valid_section_index"] = image.file.has_index
    return json.dumps(report, ensure_ascii=False, separators=(",", ":")) + "\n"


def _json_summary(info: ImageInfo) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "block_size": info.block_size,
        "block_count": info.blocks.count,
        "inode_count": info.inode_count,
        "original_filesystem_size": info.original_size,
        "compressed_block_size": info.blocks.compressed,
        "compressed_metadata_size": info.metadata.compressed,
        "options": list(info.options),
        "time_resolution": _json_number(info.time_resolution),
    }
    if info.allocated_size != info.original_size:
        summary["original_allocated_filesystem_size"] = info.allocated_size
    if info.path_separator is not None and info.path_separator < 128:
        summary["preferred_path_separator"] = chr(info.path_separator)
    for name, sizes in (("block", info.blocks), ("metadata", info.metadata)):
        if sizes.complete:
            summary[f"uncompressed_{name}_size"] = sizes.uncompressed
    if info.categories:
        summary["categories"] = {
            printable(name): {
                "block_count": sizes.count,
                "compressed_size": sizes.compressed,
                "uncompressed_size": sizes.uncompressed if sizes.complete else None,
            }
            for name, sizes in info.categories.items()
        }
    return summary


def _json_number(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def _json_history(entry: HistoryEntry) -> dict[str, Any]:
    version = entry.version
    made_with: dict[str, Any] = {
        "major": version.major,
        "minor": version.minor,
        "patch": version.patch,
        "is_release": version.is_release,
    }
    for name in ("git_rev", "git_branch", "git_desc"):
        text = getattr(version, name)
        if text is not None:
            made_with[name] = printable(text)
    result: dict[str, Any] = {
        "libdwarfs_version": made_with,
        "system_id": printable(entry.system_id),
        "compiler_id": printable(entry.compiler_id),
    }
    if entry.arguments is not None:
        result["arguments"] = list(map(printable, entry.arguments))
    if entry.timestamp is not None:
        moment = {"epoch": entry.timestamp, "local": _iso(entry.timestamp)}
        result["timestamp"] = moment
    if entry.library_versions is not None:
        result["library_versions"] = list(map(printable, entry.library_versions))
    return result


def _json_sections(
    image: Image, checks: Sequence[SectionCheck]
) -> Iterator[dict[str, Any]]:
    categories = iter(block_categories(image))
    for check in checks:
        section = check.section
        if section is None:
            yield {"error": check.error}
            continue
        result: dict[str, Any] = {
            "type": section.type_name,
            "compression": codec_name(section.codec_id),
            "compressed_size": section.length,
        }
        if check.intact is not None:
            result["checksum_ok"] = check.intact
        if check.size:
            result["size"] = check.size
            result["ratio"] = section.length / check.size
        if section.type == SectionType.BLOCK:
            name, text = next(categories)
            if name is not None:
                result["category"] = printable(name)
            if text is not None:
                result["metadata"] = _parsed(text)
        yield result


def _parsed(text: bytes) -> Any:
    """Return category metadata, which is JSON; as it is if it is not."""
    try:
        return json.loads(text)
    except ValueError:
        return printable(text)


def _iso(seconds: int) -> str | None:
    """Return a local time; None if it is beyond what calendars have."""
    try:
        return datetime.fromtimestamp(seconds).isoformat()
    except (OverflowError, ValueError, OSError):
        return None
