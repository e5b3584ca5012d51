"""The console scripts and their progress displays."""
