"""A sentiment lexicon: words, and how well each is meant."""

import importlib.resources
import math
from pathlib import Path

import numpy as np

from mmzoo import BadInputError

VADER = "vader"


def read_lexicon(path: str | Path) -> tuple[list[str], np.ndarray]:
    """Read a text file, UTF-8, whose lines are a word or phrase, a tab, and its valence; what follows is not read.

    `vader` stands for the file of the package vaderSentiment (Hutto and Gilbert 2014): the valence of 7,500 words of
    social media, rated by ten people each from -4, ill, to 4, well.

    Returns:
        The words, and their valence `(N,)` float32; those of valence 0 are left out.

    Raises:
        BadInputError: the file is not there or not UTF-8, a line has no number, no word is left, or vaderSentiment is
            not installed.
    """
    path = _vader() if path == VADER else path
    try:
        lines = Path(str(path)).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInputError(f"{path}: expected a readable lexicon. Received: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: expected UTF-8. Received: {error.reason} at byte {error.start}") from None
    found, bad = {}, []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        word, *rest = line.split("\t")
        try:
            valence = float(rest[0])
        except (IndexError, ValueError):
            valence = math.nan
        if not math.isfinite(valence):
            bad.append(f"line {number}: {line[:40]!r}")
        elif valence:
            found[word] = valence
    if bad or not found:
        said = "; ".join(bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "") if bad else "no words"
        raise BadInputError(f"{path}: expected lines of a word, a tab and a number other than 0. Received: {said}")
    return list(found), np.array(list(found.values()), np.float32)


def _vader():
    try:
        return importlib.resources.files("vaderSentiment") / "vader_lexicon.txt"
    except ImportError as error:
        raise BadInputError(f"{VADER}: expected pip install 'mmzoo[lexicon]'. Received: {error}") from None
