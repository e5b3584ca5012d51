"""The DwarFS format: container, metadata, writer and readers.

In: columns and payloads, or an image file. Out: an image file, or entries and
bytes. Everything here treats an image as hostile input.
"""
