"""Heads, one a module: an embedding to the outputs of a task."""
