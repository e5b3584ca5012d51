"""The compressor pool: order, bounds, errors, and how it stops."""

import threading

import pytest

from dwarfsmith.engine.blocks.pool import CompressorPool, Payload
from dwarfsmith.engine.codecs import Codec, CodecId, Data, parse_codec
from dwarfsmith.engine.errors import CancelledError, CodecError
from dwarfsmith.engine.job import Job

WAIT_S = 20.0
"""Only a broken pool waits this long."""


class GatedCodec(Codec):
    """Compresses a block when the test opens the gate named by its first byte."""

    name = "gated"
    codec_id = CodecId.ZSTD

    def __init__(self) -> None:
        super().__init__()
        self.gates = [threading.Event() for _ in range(256)]
        self.entered = [threading.Event() for _ in range(256)]

    def compress(self, data: Data) -> bytes | None:
        self.entered[data[0]].set()
        assert self.gates[data[0]].wait(WAIT_S)
        return b"z" + bytes(data[:1])


class BrokenCodec(Codec):
    name = "broken"
    codec_id = CodecId.LZ4

    def compress(self, data: Data) -> bytes | None:
        raise CodecError("expected luck, found none")


def seal(codec_id: int, payload: Data) -> bytes:
    return b"%d:%d|" % (codec_id, len(payload))


def make_pool(sink, *, workers=2, limit_bytes=1 << 20, job=None):
    return CompressorPool(
        sink, workers=workers, limit_bytes=limit_bytes, job=job or Job()
    )


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_writes_in_order_the_same_bytes_for_any_number_of_workers(workers):
    codec = parse_codec("zstd:level=1")
    blocks = [bytes([n]) * (n * 997 % 5000) for n in range(200)]
    written: list[Payload] = []
    threads = set()

    def sink(payload):
        threads.add(threading.get_ident())
        written.append(payload)

    with make_pool(sink, workers=workers, limit_bytes=20_000) as pool:
        numbers = [pool.submit(block, codec, seal) for block in blocks]
    assert numbers == [payload.number for payload in written] == list(range(200))
    assert len(threads) == 1
    for block, payload in zip(blocks, written, strict=True):
        expected = codec.compress(block)
        assert payload.data == (block if expected is None else expected)
        assert payload.codec_id == (0 if expected is None else CodecId.ZSTD)
        assert payload.header == seal(payload.codec_id, payload.data)
        assert payload.full_bytes == len(block)
        assert payload.seconds >= 0
        assert 0 <= payload.worker < workers


def test_a_slow_first_block_holds_back_the_others():
    codec = GatedCodec()
    written: list[int] = []
    pool = make_pool(lambda payload: written.append(payload.number))
    for number in range(3):
        pool.submit(bytes([number]), codec, seal)
    codec.gates[1].set()
    codec.gates[2].set()
    assert codec.entered[2].wait(WAIT_S)
    assert written == []
    codec.gates[0].set()
    pool.finish()
    assert written == [0, 1, 2]


def test_no_codec_and_no_gain_store_the_block_itself():
    written: list[Payload] = []
    with make_pool(written.append) as pool:
        pool.submit(b"raw", None, seal)
        pool.submit(b"raw", parse_codec("null"), seal)
        pool.submit(b"raw", parse_codec("lzma:level=0"), seal)
    assert [(p.codec_id, p.header, p.data) for p in written] == [
        (0, b"0:3|", b"raw")
    ] * 3


def test_seals_in_the_workers():
    names = []

    def sealing(codec_id, payload):
        names.append(threading.current_thread().name)
        return b""

    with make_pool(lambda payload: None, workers=1) as pool:
        pool.submit(b"x", None, sealing)
    assert names == ["compress-0"]


def test_waits_at_the_limit_but_admits_two_blocks():
    codec = GatedCodec()
    pool = make_pool(lambda payload: None, workers=1, limit_bytes=10)
    pool.submit(b"\0" * 100, codec, seal)
    pool.submit(b"\1" * 100, codec, seal)
    admitted = threading.Event()

    def submit_third():
        pool.submit(b"\2" * 100, codec, seal)
        admitted.set()

    thread = threading.Thread(target=submit_third)
    thread.start()
    assert codec.entered[0].wait(WAIT_S)
    assert pool.gauges().blocks_submitted == 2
    assert pool.gauges().in_flight_bytes == 200
    assert not admitted.is_set()
    codec.gates[0].set()
    assert admitted.wait(WAIT_S)
    codec.gates[1].set()
    codec.gates[2].set()
    thread.join()
    pool.finish()


def test_payloads_that_wait_to_be_written_count_against_the_limit():
    codec = GatedCodec()
    codec.gates[0].set()
    codec.gates[1].set()
    writing, go_on = threading.Event(), threading.Event()

    def sink(payload):
        writing.set()
        assert go_on.wait(WAIT_S)

    pool = make_pool(sink, workers=1)
    pool.submit(b"\0" * 100, codec, seal)
    assert writing.wait(WAIT_S)
    gauges = pool.gauges()
    assert (gauges.in_flight_bytes, gauges.blocks_done) == (2, 0)
    go_on.set()
    pool.finish()
    gauges = pool.gauges()
    assert gauges.in_flight_bytes == gauges.busy_workers == 0
    assert gauges.blocks_done == 1
    assert gauges.compressed_bytes == 100
    assert gauges.written_bytes == len(seal(CodecId.ZSTD, b"zz")) + 2


def fail_in_sink(payload):
    raise OSError(28, "No space left on device")


def fail_in_seal(codec_id, payload):
    raise ValueError("no seal")


@pytest.mark.parametrize(
    ("sink", "codec", "sealing", "error"),
    [
        (fail_in_sink, None, seal, OSError),
        (lambda payload: None, BrokenCodec(), seal, CodecError),
        (lambda payload: None, None, fail_in_seal, ValueError),
    ],
)
def test_the_first_error_reaches_finish_and_submit(sink, codec, sealing, error):
    pool = make_pool(sink)
    pool.submit(b"data", codec, sealing)
    with pytest.raises(error):
        pool.finish()
    with pytest.raises(error):
        pool.submit(b"data", None, seal)
    assert pool.abort()


def test_an_error_ends_a_submit_that_waits():
    pool = make_pool(fail_in_sink, workers=1, limit_bytes=1)
    with pytest.raises(OSError, match="No space"):
        for _ in range(10):
            pool.submit(b"data", None, seal)
    assert pool.abort()


def test_nothing_is_written_after_an_error():
    written: list[int] = []

    def sink(payload):
        written.append(payload.number)
        if payload.number == 3:
            raise OSError("full")

    with pytest.raises(OSError, match="full"), make_pool(sink) as pool:
        for _ in range(50):
            pool.submit(b"data", None, seal)
        pool.finish()
    assert written == [0, 1, 2, 3]


def test_abort_leaves_a_running_compression_behind():
    codec = GatedCodec()
    written: list[Payload] = []
    pool = make_pool(written.append, workers=1)
    pool.submit(b"\0", codec, seal)
    pool.submit(b"\1", codec, seal)
    assert codec.entered[0].wait(WAIT_S)
    assert pool.abort()  # the writer is idle, the compression still runs
    codec.gates[0].set()
    codec.gates[1].set()
    for thread in threading.enumerate():
        if thread.name == "compress-0":
            thread.join(WAIT_S)
    assert written == []
    assert not codec.entered[1].is_set()
    with pytest.raises(RuntimeError):
        pool.submit(b"\2", codec, seal)
    with pytest.raises(RuntimeError):
        pool.finish()


def test_abort_says_when_the_sink_is_still_busy():
    writing, go_on = threading.Event(), threading.Event()

    def sink(payload):
        writing.set()
        assert go_on.wait(WAIT_S)

    pool = make_pool(sink)
    pool.submit(b"x", None, seal)
    assert writing.wait(WAIT_S)
    assert not pool.abort()
    go_on.set()


@pytest.mark.parametrize("waits_in", ["submit", "finish"])
def test_a_cancelled_job_ends_every_wait(waits_in):
    codec = GatedCodec()
    job = Job()
    pool = make_pool(lambda payload: None, workers=1, limit_bytes=1, job=job)
    pool.submit(b"\0", codec, seal)
    pool.submit(b"\1", codec, seal)
    threading.Timer(0.05, job.cancel).start()
    with pytest.raises(CancelledError):
        if waits_in == "submit":
            pool.submit(b"\2", codec, seal)
        else:
            pool.finish()
    pool.abort()
    codec.gates[0].set()


def test_an_exception_in_the_block_aborts():
    codec = GatedCodec()
    written: list[Payload] = []
    with pytest.raises(KeyError), make_pool(written.append, workers=1) as pool:
        pool.submit(b"\0", codec, seal)
        raise KeyError
    codec.gates[0].set()
    assert written == []


def test_submitting_after_the_end_is_refused():
    pool = make_pool(lambda payload: None)
    pool.finish()
    with pytest.raises(RuntimeError):
        pool.submit(b"x", None, seal)
