"""Frozen features of published models."""
