from typing import TypeAlias

from dwarfsmith.engine.kernels.pcm import Layout, Readable

Search: TypeAlias = tuple[int, int, int, int, bool]
"""How hard to look for few bits.

* Stereo: 0 codes two channels as they are; 1 guesses whether their mean or difference
  is better; 2 tries all.
* Highest order of a linear predictor, 0 to 15; 0: fixed predictors only.
* Windows over all of a frame, its halves, … up to this many parts, 1 to 8.
* Binary logarithm of the most partitions of a frame, 0 to 8.
* Whether predictors of every order are tried, not only the most promising.
"""

FRAME_SAMPLES: int

def encode(
    data: Readable, channels: int, layout: Layout, md5: Readable, search: Search
) -> bytes:
    """Return interleaved samples as a FLAC stream that says 48000 samples per second.

    Its only metadata is the stream information. Samples are what `layout` finds in the
    data, other bits are lost (see `pcm.repack`). Releases the GIL.

    Args:
        data: Samples of all channels in turn.
        channels: 1 to 8.
        layout: How samples are found in the bytes.
        md5: 16 bytes to put into the stream, zeros if unknown. They should be the sum
            of the samples in as few bytes as hold them, little endian and signed.
        search: How hard to look.

    Raises:
        ValueError: A parameter out of range, or not whole samples of all channels.
    """
