from dwarfsmith.engine.kernels.pcm import Layout, Readable

def decode(stream: Readable, size: int, channels: int, layout: Layout) -> bytes:
    """Return the `size` bytes of interleaved samples of a FLAC stream.

    Metadata other than the stream information is skipped. Releases the GIL.

    Args:
        stream: The stream, from its `fLaC` on to the end of the last frame.
        size: Bytes of all samples.
        channels: 1 to 8, which the stream must have.
        layout: How samples become bytes; the stream must have as many bits.

    Raises:
        ValueError: A parameter out of range, or a stream that is corrupt, is of other
            channels or bits, or does not have exactly `size` bytes of samples.
    """
