"""Embedded source of `keyword_spotting`: one second of noise with one of ten words, another word, or none.

The words are the digits of `mmzoo.data.sources.digits`, synthesized by espeak-ng; each voice is in one split. Half of
the `unknown` clips are a word played backwards. The other half splice the second half of one word to the first half of
another word of the same voice. `silence` is only pink noise. Pink noise is in every clip; the signal-to-noise ratio is
measured over the length of the word. Peak and onset are drawn at random, so neither depends on the class.
"""

import functools

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.data.batches.clips import Sounds
from mmzoo.data.decode.audio import pink_noise, to_int16
from mmzoo.data.sources import digits
from mmzoo.data.sources.digit_words import WORDS

CARD = {
    "name": "words spoken by espeak-ng, in pink noise",
    "version": "1",
    "license": "Apache-2.0",
    "weights_license": "Apache-2.0",
}
CLASSES = (*WORDS, "unknown", "silence")
SAMPLE_RATE = digits.SAMPLE_RATE
SAMPLES = SAMPLE_RATE  # 1 s
SNR_DB = 0.0
VIEWS = 2  # clips of each word of a voice, each with its own noise
PEAK = (0.1, 0.7)  # of a clip, lowest and highest


@functools.lru_cache(maxsize=3)
def sample(split: str, seed: int, snr_db: float = SNR_DB) -> Sounds:
    """Generate a split as `Sounds` of 8,000 samples each.

    Labels index `CLASSES`; all classes are equally frequent. `seed` draws the onsets, the peaks, the noise and which
    halves are spliced.
    """
    bank = digits.sample(split, seed)
    rng = np.random.default_rng([seed, SPLITS.index(split), 5])
    words = [clip[:length] / 32768 for clip, length in zip(bank.clips, bank.lengths, strict=True)]
    voices = [words[i : i + len(WORDS)] for i in range(0, len(words), len(WORDS))] * VIEWS
    labels = np.tile(np.arange(len(CLASSES), dtype=np.int32), len(voices))
    noise = pink_noise(len(labels), SAMPLES, [seed, SPLITS.index(split), 6])
    spoken = [word for voice in voices for word in (*voice, _unknown(voice, rng), np.zeros(0))]
    clips = [_clip(*pair, snr_db, rng) for pair in zip(spoken, noise, strict=True)]
    return Sounds(np.stack(clips), labels, len(CLASSES))


def _unknown(voice: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return a waveform `(T,)` that is no word of `voice`, made of one or two of its words."""
    first, second = (voice[i] for i in rng.choice(len(voice), 2, replace=False))
    if rng.random() < 0.5:
        return first[::-1]
    return np.concatenate([first[len(first) // 2 :], second[: len(second) // 2]])


def _clip(word: np.ndarray, noise: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """Return `word` `(T,)` at a random onset in `noise` `(8000,)` of RMS 1, as int16."""
    clip = noise.astype(np.float64)
    start = rng.integers(SAMPLES - len(word) + 1)
    if len(word):
        clip[start : start + len(word)] += word / np.sqrt(np.mean(np.square(word))) * 10 ** (snr_db / 20)
    return to_int16(clip / np.abs(clip).max() * rng.uniform(*PEAK))
