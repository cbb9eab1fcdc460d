"""Which options of a recipe can be: the checks that all recipes share."""

import math

from mmzoo import BadInputError

POSITIVE = (
    "embed_dim",
    "pairings",
    "epochs",
    "batch_size",
    "learning_rate",
    "components",
    "temperature",
    "projection",
    "beta",
    "image_size",
    "sample_rate",
    "seconds",
    "text_bytes",
    "text_units",
    "frames",
    "frame_size",
)
PROBABILITIES = ("modality_dropout", "hidden")


def expect(name, holds, expected, received):
    """Raise BadInputError that names the flag unless `holds`."""
    if not holds:
        raise BadInputError(f"--{name.replace('_', '-')}: expected {expected}. Received: {received}")


def check_shared(options, sources, modalities, fewest=1):
    """Raise BadInputError unless `options`, `{name: value}`, can be: those of them that recipes share.

    `sources` and `modalities` are those that the recipe knows, modalities in their order, and `fewest` how many of them
    it takes at least.
    """
    check_order(options["modalities"], modalities, fewest)
    expect("source", options["source"] in sources, f"one of {', '.join(sources)}", options["source"])
    check_numbers(options)


def check_order(chosen, modalities, fewest=1):
    """Raise BadInputError unless the modalities `chosen` are `fewest` or more of `modalities`, in their order."""
    ordered = tuple(chosen) == tuple(name for name in modalities if name in chosen)
    said = f"{'any' if fewest == 1 else f'{fewest} or more'} of {', '.join(modalities)} in this order"
    expect("modalities", ordered and len(chosen) >= fewest, said, " ".join(chosen))


def check_numbers(options):
    """Raise BadInputError unless those of `options`, `{name: value}`, that are numbers can be."""
    for name in POSITIVE:
        value = options.get(name, 1)
        expect(name, value > 0 and math.isfinite(value), "a number above 0", value)
    for name in PROBABILITIES:
        value = options.get(name, 0)
        expect(name, 0 <= value <= 1, "a number from 0 to 1", value)
    expect("batch_size", options["batch_size"] <= 4096, "4096 at most", options["batch_size"])
    expect("seed", 0 <= options["seed"] < 2**31 - 1, "a number from 0 to 2147483646", options["seed"])
