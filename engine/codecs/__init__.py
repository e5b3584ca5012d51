"""The compressors, one module each behind one registry.

In: a specification such as `zstd:level=19`. Out: a `Codec` that turns block bytes
into a section payload and back. Imports no sibling room.
"""
