"""Everything a terminal shows: the app, its screens and the console commands."""
