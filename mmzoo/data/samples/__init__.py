"""Embedded samples, and the script that made them."""
