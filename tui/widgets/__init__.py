"""Reusable widgets: they show what they are given and know no screen."""
