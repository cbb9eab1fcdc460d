"""Batches of several epochs, and recipes made of a few functions."""

from mmzoo.recipe import Recipe


def chain(epochs, batches):
    """Return the batches of all `epochs`; `batches` is a function of an epoch."""
    return [batch for epoch in epochs for batch in batches(epoch)]


def small_recipe(**parts):
    """Return a Recipe of the `parts` that a test needs."""
    names = ("Config", "tiny", "dataset", "build", "objective", "plan", "export")
    return Recipe(**{"name": "small", "summary": "", **dict.fromkeys(names), **parts})
