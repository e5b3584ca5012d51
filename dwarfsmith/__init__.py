"""dwarfsmith: make, read and explore DwarFS images.

`dwarfsmith.engine` does the work and knows no terminal, `dwarfsmith.tui` is
everything a terminal shows, `dwarfsmith.themes` holds the colours.
"""

__version__ = "0.1.0"
