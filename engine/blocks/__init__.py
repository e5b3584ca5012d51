"""How it is cut: contents become chunks in blocks, blocks become payloads.

In: contents in order. Out: filled blocks, chunk columns, and compressed payloads
in block order from a pool bounded in bytes.
"""
