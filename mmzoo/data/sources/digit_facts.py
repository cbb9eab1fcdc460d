"""Names, licenses, units and shapes of the sources of the digit recipes."""

import functools

from mmzoo.data.sources import digit_words, digits

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


def sizes_of(modalities: tuple[str, ...]) -> dict[str, tuple]:
    """Return the shapes of `modalities`, as `digit_encoders` takes them."""
    return {name: SIZES[name] for name in modalities}


@functools.lru_cache(maxsize=4)
def load(source: str, split: str, data_dir: str, seed: int, components: int, snr_db: float) -> digits.Digits:
    """Load a split of `source`; see `mmzoo.data.sources.digits`."""
    if source == "sample":
        return digits.sample(split, seed)
    if source == "mnist_fsdd":
        return digits.mnist_fsdd(split, data_dir, seed)
    return digits.mnist_fsdd_hard(split, data_dir, seed, components, snr_db)
