"""What the screens show, worked out without a terminal.

Events, columns and plans come in; numbers, phrases and rows to draw go out. Nothing
here imports Textual, so all of it is tested as plain functions and records.
"""
