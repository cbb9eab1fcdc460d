"""Log-probabilities of a speech recognizer that is sure of given texts."""

import numpy as np

from mmzoo.data.batches.speech import CHARACTERS


def paths(texts, steps=60):
    """Return log-probabilities `(N, steps, 28)` sure of `texts`: each letter for two frames, a blank in between."""
    told = np.full((len(texts), steps, 1 + len(CHARACTERS)), -9.0, np.float32)
    told[..., 0] = 0
    for row, text in zip(told, texts, strict=True):
        for i, letter in enumerate(text):
            row[3 * i : 3 * i + 2, 0] = -9
            row[3 * i : 3 * i + 2, CHARACTERS.index(letter) + 1] = 0
    return told
