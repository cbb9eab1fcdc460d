"""What the digit recipes share: the names of the sources, where they come from, and which options can be."""

import math

from mmzoo.data.sources import digit_words, digits
from mmzoo.errors import expect
from mmzoo.recipe import check_shared

SOURCES = ("sample", "mnist_fsdd", "mnist_fsdd_hard")
CARDS = {
    "sample": {
        "name": "scikit-learn digits (UCI optdigits) with speech synthesized by espeak-ng",
        "version": "1",
        "license": "CC BY 4.0 (pictures), Apache-2.0 (speech)",
        "weights_license": "Apache-2.0",
    },
    "mnist_fsdd": {
        "name": "MNIST with Free Spoken Digit Dataset",
        "version": "mnist 3.0.1, FSDD 26eb9aa",
        "license": "CC BY-SA 3.0 (MNIST), CC BY-SA 4.0 (FSDD)",
        "weights_license": "CC BY-SA 4.0",
    },
}
CARDS["mnist_fsdd_hard"] = CARDS["mnist_fsdd"] | {"name": "MNIST of few principal components with noisy FSDD"}
UNITS = {
    "image": "brightness, white on black, 0 to 255",
    "audio": "waveform at 8000 Hz, -1 to 1",
    "text": "UTF-8 bytes + 3, then zeros",
    "present": "1 there, 0 missing; order image, audio",
}
RANGES = {"image": (0, 255), "audio": (-1.0, 1.0), "text": (0, 258), "present": (0.0, 1.0)}

SIZES = {
    "image": ((digits.IMAGE, digits.IMAGE, 1),),
    "audio": (digits.CLIP, digits.SAMPLE_RATE),
    "text": (digit_words.LENGTH,),
}


def sizes_of(modalities):
    """Return the entries of `SIZES` of `modalities`, in their order, as `digit_encoders` takes them."""
    return {name: SIZES[name] for name in modalities}


def load(source, split, data_dir, seed, components, snr_db):
    """Return the `Digits` of a split of `source`; see `mmzoo.data.sources.digits`."""
    if source == "sample":
        return digits.sample(split, seed)
    if source == "mnist_fsdd":
        return digits.mnist_fsdd(split, data_dir, seed)
    return digits.mnist_fsdd_hard(split, data_dir, seed, components, snr_db)


def check_options(options, modalities, fewest=1):
    """Raise BadInputError unless `options`, `{name: value}`, can be: those of them that digit recipes share.

    `modalities` are those that the recipe knows, in their order, and `fewest` how many of them it takes at least.
    """
    check_shared(options, SOURCES, modalities, fewest)
    expect("snr_db", math.isfinite(options["snr_db"]), "decibels", options["snr_db"])
