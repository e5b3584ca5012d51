"""The Rice++ kernel against the slow reference, and against bad streams."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dwarfsmith.engine.kernels import ricepp
from reference import ricepp as reference
from reference.ricepp import Shape

SHAPES = st.builds(
    Shape,
    block_size=st.one_of(st.integers(1, 40), st.sampled_from([16, 128, 511, 512])),
    component_count=st.integers(1, 2),
    unused_lsb_count=st.integers(0, 8),
    big_endian=st.booleans(),
)


def parameters(shape: Shape) -> tuple[int, int, int, bool]:
    return (
        shape.block_size,
        shape.component_count,
        shape.unused_lsb_count,
        shape.big_endian,
    )


@st.composite
def images(draw: st.DrawFn) -> tuple[Shape, bytes]:
    """Pixels of stretches that differ in how much they vary."""
    shape = draw(SHAPES)
    noise = random.Random(draw(st.integers(0, 2**32)))
    most = 0xFFFF >> shape.unused_lsb_count
    values = [noise.randint(0, most)]
    for _ in range(draw(st.integers(0, 6))):
        spread = draw(st.sampled_from([0, 0, 1, 2, 5, 40, 1000, 20000, 65535]))
        size = draw(st.integers(1, 200))
        base = noise.choice([values[-1], noise.randint(0, most)])
        values += [base + noise.randint(-spread, spread) & most for _ in range(size)]
    del values[len(values) // shape.component_count * shape.component_count :]
    return shape, b"".join(map(shape.store, values))


@settings(max_examples=150, deadline=None)
@given(images())
def test_agrees_with_the_reference(image: tuple[Shape, bytes]) -> None:
    shape, data = image
    stream = ricepp.encode(data, *parameters(shape))
    assert ricepp.decode(stream, len(data), *parameters(shape)) == data
    if data:
        assert stream == reference.encode(data, shape)
        assert reference.decode(stream, len(data), shape) == data


@pytest.mark.parametrize("spread", [2**n - 1 for n in range(17)])
def test_every_split_and_raw_blocks(spread: int) -> None:
    """Noise of every width: the selector is what the reference chooses."""
    noise = random.Random(spread)
    shape = Shape(block_size=32)
    data = b"".join(shape.store(noise.randint(0, spread)) for _ in range(3200))
    stream = ricepp.encode(data, *parameters(shape))
    assert stream == reference.encode(data, shape)
    assert (
        len(stream) < len(data) if spread < 0x1000 else len(stream) < 1.02 * len(data)
    )


@pytest.mark.parametrize("jump", [0x0001, 0x1FFF, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
def test_one_jump_is_a_long_run_of_zeros(jump: int) -> None:
    shape = Shape(block_size=512, big_endian=True)
    data = b"".join(shape.store(v) for v in [0] * 500 + [jump] * 524)
    stream = ricepp.encode(data, *parameters(shape))
    assert stream == reference.encode(data, shape)
    assert ricepp.decode(stream, len(data), *parameters(shape)) == data


@settings(max_examples=150, deadline=None)
@given(stream=st.binary(max_size=200), count=st.integers(0, 100), shape=SHAPES)
@example(stream=bytes(199) + b"\x80", count=50, shape=Shape())
@example(stream=b"\0\0" + b"\x01" + bytes(50_000), count=64, shape=Shape())
def test_any_stream_decodes_as_the_reference_does_or_is_refused(
    stream: bytes, count: int, shape: Shape
) -> None:
    size = 2 * shape.component_count * count
    try:
        found = ricepp.decode(stream, size, *parameters(shape))
    except ValueError as error:
        assert str(error).startswith("expected ")
        return
    if size:
        assert found == reference.decode(stream, size, shape)
    assert len(found) == size


@settings(max_examples=100, deadline=None)
@given(image=images(), data=st.data())
def test_cut_streams_are_refused(
    image: tuple[Shape, bytes], data: st.DataObject
) -> None:
    shape, pixels = image
    stream = ricepp.encode(pixels, *parameters(shape))
    if stream:
        end = data.draw(st.integers(0, len(stream) - 1))
        with pytest.raises(ValueError, match="expected"):
            ricepp.decode(stream[:end], len(pixels), *parameters(shape))


def test_padding_to_a_word_is_accepted_and_nothing_else() -> None:
    data = bytes(range(64))
    stream = ricepp.encode(data, 16, 1, 0, False)
    assert ricepp.decode(stream + bytes(7), 64, 16, 1, 0, False) == data
    for tail in (bytes(8), b"\0\x01", b"\x01"):
        with pytest.raises(ValueError, match=f"expected {len(stream)} bytes of stream"):
            ricepp.decode(stream + tail, 64, 16, 1, 0, False)
    with pytest.raises(ValueError, match="expected 0 bytes of stream"):
        ricepp.decode(b"\x01", 0, 16, 1, 0, False)


def test_large_sizes_need_long_streams() -> None:
    """Nothing is allocated for a size that the stream cannot have."""
    with pytest.raises(ValueError, match="bytes of stream or more"):
        ricepp.decode(bytes(1000), 1 << 60, 512, 1, 0, False)
    assert ricepp.decode(bytes(514), 1 << 20, 512, 1, 0, False) == bytes(1 << 20)


def test_runs_of_zeros_end() -> None:
    """A run longer than any difference is refused however long the stream is."""
    stream = b"\0\0\x01" + bytes(1 << 20)
    with pytest.raises(ValueError, match="16 bits, found a longer one"):
        ricepp.decode(stream, 256, 128, 1, 0, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((b"abcd", 0, 1, 0), "blocks of 1 to 512 pixels, found 0"),
        ((b"abcd", 513, 1, 0), "blocks of 1 to 512 pixels, found 513"),
        ((b"abcd", 16, 0, 0), "1 or 2 components, found 0"),
        ((b"abcd", 16, 3, 0), "1 or 2 components, found 3"),
        ((b"abcd", 16, 1, -1), "0 to 15 unused bits, found -1"),
        ((b"abcd", 16, 1, 16), "0 to 15 unused bits, found 16"),
        ((b"abc", 16, 1, 0), "a multiple of 2 bytes of pixels, found 3"),
        ((b"abcdef", 16, 2, 0), "a multiple of 4 bytes of pixels, found 6"),
    ],
)
def test_parameters_are_checked(arguments: tuple, message: str) -> None:
    data, *rest = arguments
    with pytest.raises(ValueError, match=message):
        ricepp.encode(data, *rest, False)
    with pytest.raises(ValueError, match=message):
        ricepp.decode(bytes(100), len(data), *rest, False)


@given(st.lists(st.integers(0, 0xFFFF)), st.integers(0, 15), st.booleans())
def test_unused_bits(values: list[int], shift: int, big_endian: bool) -> None:
    order = "big" if big_endian else "little"
    shifted = [value << shift & 0xFFFF for value in values]
    data = b"".join(value.to_bytes(2, order) for value in shifted)
    expected = min(
        ((value & -value).bit_length() - 1 for value in shifted if value), default=16
    )
    assert ricepp.unused_bits(data, big_endian) == expected
    with pytest.raises(ValueError, match="whole pixels"):
        ricepp.unused_bits(data + b"x", big_endian)


def test_threads_do_not_disturb_each_other() -> None:
    noise = random.Random(5)
    shape = Shape(128, 2, 0, True)
    images = [noise.randbytes(2) * 2000 + noise.randbytes(4000) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        calls = [
            pool.submit(ricepp.encode, image, *parameters(shape))
            for image in images * 25
        ]
    streams = [reference.encode(image, shape) for image in images]
    assert [call.result() for call in calls] == streams * 25
