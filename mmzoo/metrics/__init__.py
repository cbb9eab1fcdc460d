"""Metrics, one family a module: NumPy arrays to numbers."""
