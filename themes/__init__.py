"""The colour themes, one TOML file each, and their loader."""
