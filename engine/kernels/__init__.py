"""Native hot loops (Cython), the GIL released while they run.

Each module has a type stub beside it and a slow, clear reference in
`tests/reference/` that a property test holds it to. Imports no sibling room.
"""
