"""What it is: which files share their bytes, and in what order to store them.

In: a `Tree` and access to its files. Out: `Contents`, one row per distinct byte
string, and a permutation that puts similar contents side by side. Knows no
image format.
"""
