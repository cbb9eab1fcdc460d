"""Augmentation: a batch and a seed to a batch."""
