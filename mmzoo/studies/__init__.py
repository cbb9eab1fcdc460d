"""Comparisons and measurements behind published numbers."""
