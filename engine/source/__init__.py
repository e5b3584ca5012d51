"""What goes in: the input folder, walked once into columns.

In: a folder. Out: a `Tree`, numbered entries held as numpy columns, plus the
problems met on the way. Knows no image format.
"""
