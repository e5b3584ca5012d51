"""The conductor: takes a plan through all rooms to a finished image."""

from __future__ import annotations

import os
import sys
import threading
import time

import numpy as np
import numpy.typing as npt

from dwarfsmith.engine.blocks.feeder import feed
from dwarfsmith.engine.blocks.pool import CompressorPool, Payload
from dwarfsmith.engine.blocks.segmenter import Chunks, Segmenter
from dwarfsmith.engine.codecs import codec_name, parse_codec
from dwarfsmith.engine.content.identity import Contents, identify, parse_file_hash
from dwarfsmith.engine.content.order import order
from dwarfsmith.engine.dwarfs import history
from dwarfsmith.engine.dwarfs.assemble import MetadataChoices, assemble
from dwarfsmith.engine.dwarfs.check import verify_image
from dwarfsmith.engine.dwarfs.container import SectionType
from dwarfsmith.engine.dwarfs.metadata import Metadata, encode
from dwarfsmith.engine.dwarfs.writer import ImageWriter
from dwarfsmith.engine.errors import InputError, OutputError
from dwarfsmith.engine.events import BlockDone, Built, Gauges, printable
from dwarfsmith.engine.job import Job, StageHandle, Stopwatch
from dwarfsmith.engine.output import Output, check_target
from dwarfsmith.engine.plan import STDIN, STDOUT, BuildPlan, Settings
from dwarfsmith.engine.requests import ScanRequest
from dwarfsmith.engine.resources import (
    cpu_seconds,
    default_memory_limit_bytes,
    peak_memory_bytes,
    resident_bytes,
)
from dwarfsmith.engine.source.input_list import tree_from_list
from dwarfsmith.engine.source.prune import without_empty_directories
from dwarfsmith.engine.source.rules import load_rules
from dwarfsmith.engine.source.tree import Tree
from dwarfsmith.engine.source.walk import walk

GAUGE_INTERVAL_S = 0.2
"""Running totals are sampled this often."""


def scan(request: ScanRequest, job: Job) -> Tree:
    """Walk the input of `request` into column files.

    Raises:
        InputError: The input is no folder.
    """
    return walk(
        request.input,
        job,
        tree=Tree.create(request.input, os.fsencode(request.columns)),
        with_devices=request.with_devices,
        with_specials=request.with_specials,
    )


def build(plan: BuildPlan, job: Job, *, columns: str | None = None) -> Built:
    """Make the image `plan` describes.

    The output appears under its name complete and synced, or not at all.

    Args:
        plan: What to make of what.
        job: Gets events and problems, and may stop the build.
        columns: Folder for the scanned tree's column files; None: in memory.

    Raises:
        DwarfsmithError: Bad options, input or output, a full disk, cancellation.
    """
    return _Build(plan, job).run(columns)


class _Build:
    """One build from the plan to the published image."""

    def __init__(self, plan: BuildPlan, job: Job) -> None:
        self.plan = plan
        self.job = job
        self.settings = plan.settings()
        self.codecs = _Codecs(self.settings)
        parse_file_hash(plan.file_hash)
        self.rules = load_rules(plan.filters)
        self.started = time.monotonic()

    def run(self, columns: str | None) -> Built:
        plan, job = self.plan, self.job
        _check_input(plan.input)
        check_target(plan.output, force=plan.force)
        tree = self._scan(columns)
        contents = identify(tree, job, file_hash=plan.file_hash)
        permutation = order(tree, contents, job, self.settings.order)
        with Output(plan.output, force=plan.force) as output:
            built = self._write(output, tree, contents, permutation)
            output.publish()
        job.emit(built)
        return built

    def _scan(self, columns: str | None) -> Tree:
        plan, job = self.plan, self.job
        listed = None if plan.input_list is None else _read_list(plan.input_list)
        job.log("info", f'scanning "{printable(plan.input)}"')
        tree = Tree.create(plan.input, os.fsencode(columns)) if columns else None
        leave_out = _existing(plan.output)
        if listed is not None:
            tree = tree_from_list(
                plan.input, listed, job, tree=tree, leave_out=leave_out
            )
        else:
            tree = walk(
                plan.input,
                job,
                tree=tree,
                with_devices=plan.with_devices,
                with_specials=plan.with_specials,
                leave_out=leave_out,
                rules=self.rules,
            )
        if plan.remove_empty_dirs:
            job.log("info", "removing empty directories...")
            tree = without_empty_directories(tree)
        return tree

    def _write(
        self,
        output: Output,
        tree: Tree,
        contents: Contents,
        permutation: npt.NDArray[np.int32],
    ) -> Built:
        image = ImageWriter(output.write)
        with self.job.stage("compress", "blocks") as stage:
            sink = _Sink(image, self.job, stage)
            with self._pool(sink) as pool, _Sampler(pool, sink, self) as sampler:
                chunks = self._cut(pool, image, sampler, tree, contents, permutation)
                sink.blocks_total = stage.total = image.announced
                tables = self._add_metadata(pool, image, tree, contents, chunks)
                # Here, and not at the end of the block, so that sampling goes on.
                pool.finish()
            if self.plan.section_index:
                image.append_index()
        verified = self._verify(output)
        stored = image.stored
        return Built(
            output=printable(self.plan.output),
            image_bytes=image.size,
            input_bytes=tables.total_fs_size + (tables.total_hardlink_size or 0),
            blocks=sink.blocks_total,
            block_bytes=stored.get(SectionType.BLOCK, 0),
            metadata_bytes=stored.get(SectionType.METADATA_V2, 0)
            + stored.get(SectionType.METADATA_V2_SCHEMA, 0),
            chunks=len(tables.chunks),
            inodes=len(tables.inodes),
            problems=self.job.problems,
            seconds=time.monotonic() - self.started,
            cpu_seconds=cpu_seconds(),
            peak_memory_bytes=peak_memory_bytes(),
            verified=verified,
        )

    def _pool(self, sink: _Sink) -> CompressorPool:
        settings = self.settings
        limit = self.plan.memory_limit_bytes
        if limit is None:
            limit = default_memory_limit_bytes(
                settings.workers, 1 << settings.block_bits
            )
        return CompressorPool(
            sink, workers=settings.workers, limit_bytes=limit, job=self.job
        )

    def _cut(
        self,
        pool: CompressorPool,
        image: ImageWriter,
        sampler: _Sampler,
        tree: Tree,
        contents: Contents,
        permutation: npt.NDArray[np.int32],
    ) -> Chunks:
        """Cut the contents into blocks and hand these to the pool."""
        settings = self.settings
        codec = self.codecs.block

        def submit(block: memoryview) -> None:
            with sampler.waiting:
                pool.submit(block, codec, image.announce(SectionType.BLOCK))

        segmenter = Segmenter(
            settings.block_bits,
            settings.window_bits,
            settings.window_step,
            settings.lookback_blocks,
            settings.bloom_bits,
            on_block=submit,
        )
        feed(tree, contents, permutation, segmenter, self.job)
        return segmenter.chunks()

    def _add_metadata(
        self,
        pool: CompressorPool,
        image: ImageWriter,
        tree: Tree,
        contents: Contents,
        chunks: Chunks,
    ) -> Metadata:
        plan, codecs = self.plan, self.codecs
        with self.job.stage("metadata", "entries", len(tree)):
            self.job.log("info", "building metadata...")
            choices = MetadataChoices(
                block_size=1 << self.settings.block_bits,
                pack=self.settings.pack,
                set_owner=plan.set_owner,
                set_group=plan.set_group,
                set_time=plan.set_time,
                keep_all_times=plan.keep_all_times,
                create_timestamp=int(time.time()) if plan.create_timestamp else None,
            )
            tables = assemble(tree, contents, chunks, choices)
            schema, data = encode(tables)
            for section_type, payload, codec in (
                (SectionType.METADATA_V2_SCHEMA, schema, codecs.schema),
                (SectionType.METADATA_V2, data, codecs.metadata),
            ):
                pool.submit(payload, codec, image.announce(section_type))
            if plan.history:
                pool.submit(
                    self._history(),
                    codecs.history,
                    image.announce(SectionType.HISTORY),
                )
        return tables

    def _history(self) -> bytes:
        plan = self.plan
        entry = history.new_entry(
            arguments=plan.command_line if plan.history_command_line else None,
            timestamp=int(time.time()) if plan.history_timestamps else None,
        )
        return history.encode([entry])

    def _verify(self, output: Output) -> bool:
        """Read the finished image back if the plan says so."""
        if not self.plan.verify:
            return False
        path = output.reading_path
        if path is None:
            raise OutputError("--verify expects a file as output, found a stream")
        verify_image(path, self.job, workers=self.settings.workers)
        return True


class _Codecs:
    """The codec of each section type."""

    def __init__(self, settings: Settings) -> None:
        # Nothing is known of the form of the data, so codecs that ask are refused.
        self.block = parse_codec(settings.compression).bind({})
        self.schema = parse_codec(settings.schema_compression).bind({})
        self.metadata = parse_codec(settings.metadata_compression).bind({})
        self.history = parse_codec(settings.history_compression).bind({})


class _Sink:
    """Writes what the pool hands on, and tells of each block."""

    def __init__(self, image: ImageWriter, job: Job, stage: StageHandle) -> None:
        self.blocks_total: int | None = None
        """Known once everything is cut."""
        self.blocks_done = 0
        self._image = image
        self._job = job
        self._stage = stage

    def __call__(self, payload: Payload) -> None:
        if self._image.append(payload.header, payload.data) != SectionType.BLOCK:
            return
        self._job.emit(
            BlockDone(
                number=self.blocks_done,
                full_bytes=payload.full_bytes,
                stored_bytes=len(payload.data),
                codec=codec_name(payload.codec_id),
                seconds=payload.seconds,
                worker=payload.worker,
            )
        )
        self.blocks_done += 1
        self._stage.advance(1)


class _Sampler:
    """Samples the running totals and works out which stage the others wait for."""

    def __init__(self, pool: CompressorPool, sink: _Sink, build: _Build) -> None:
        self.waiting = Stopwatch()
        """Time the segmenter has spent waiting for room in the pool."""
        self._pool = pool
        self._sink = sink
        self._build = build
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gauges", daemon=True)

    def __enter__(self) -> _Sampler:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sample("")

    def _run(self) -> None:
        while not self._stop.wait(GAUGE_INTERVAL_S):
            self._sample(self._bottleneck())

    def _bottleneck(self) -> str:
        reading = self._build.job.counters.reading.lap()
        waiting = self.waiting.lap()
        if self._sink.blocks_total is not None or waiting > GAUGE_INTERVAL_S / 2:
            return "compress"
        return "read" if reading > GAUGE_INTERVAL_S / 2 else "segment"

    def _sample(self, bottleneck: str) -> None:
        pool = self._pool.gauges()
        counters = self._build.job.counters
        self._build.job.emit(
            Gauges(
                seconds=time.monotonic() - self._build.started,
                read_bytes=counters.read_bytes,
                segmented_bytes=counters.segmented_bytes,
                matched_bytes=counters.matched_bytes,
                compressed_bytes=pool.compressed_bytes,
                written_bytes=pool.written_bytes,
                blocks_done=self._sink.blocks_done,
                blocks_total=self._sink.blocks_total,
                in_flight_bytes=pool.in_flight_bytes,
                limit_bytes=pool.limit_bytes,
                resident_bytes=resident_bytes(),
                busy_workers=pool.busy_workers,
                workers=pool.workers,
                bottleneck=bottleneck,
            )
        )


def _existing(output: bytes) -> tuple[int, int] | None:
    """Return what identifies the file that is about to be replaced.

    An image inside its own input would otherwise hold the image before it.
    """
    try:
        found = os.stat(output) if output != STDOUT else os.fstat(1)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _read_list(path: bytes) -> bytes:
    """Return what is in an input list.

    Raises:
        InputError: It cannot be read.
    """
    try:
        if path == STDIN:
            return sys.stdin.buffer.read()
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise InputError(
            f"cannot open input list file '{printable(path)}': {error.strerror}"
        ) from None


def _check_input(path: bytes) -> None:
    """Check that the input is a folder before anything else starts.

    Raises:
        InputError: It is missing or something else.
    """
    if not os.path.isdir(path):
        found = "something else" if os.path.lexists(path) else "nothing"
        raise InputError(
            f"input: expected a directory at '{printable(path)}', found {found}"
        )
