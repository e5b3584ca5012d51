"""The engine: everything dwarfsmith does, usable without a terminal."""
