"""Embedded source of `audio_visual_speech`: three spoken digits in a row, with a drawn mouth.

The digits come from `mmzoo.data.sources.digits.sample`; no voice is in two splits. A mouth shows its opening, its width
and its teeth. Letters that look alike share a shape (visemes, Fisher 1968), as `n`, `t` and `s` do: lips carry less
than a voice, but noise does not hide them.
"""

import functools

import numpy as np

from mmzoo.data.batches.speech import NOISE_ROWS, RATE, Sentences, encode_sentences
from mmzoo.data.decode.audio import pink_noise
from mmzoo.data.sources import digits
from mmzoo.data.sources.digit_words import WORDS

CARD = {
    "name": "three digits spoken by espeak-ng, with drawn lips",
    "version": "2",
    "license": "Apache-2.0",
    "weights_license": "Apache-2.0",
}
SENTENCES = {"train": 640, "validation": 128, "test": 128}
SAMPLE_RATE = 8000
FRAMES, HEIGHT, WIDTH = 64, 16, 24
SAMPLES = FRAMES * SAMPLE_RATE // RATE
SPOKEN = 3  # digits of a sentence
VISEMES = {  # letters -> opening and width, of half the picture's sides, and brightness between the lips
    "zsnthrgx": (0.30, 0.65, 0.7),
    "ei": (0.35, 0.85, 0.2),
    "ouw": (0.60, 0.40, 0.0),
    "fv": (0.12, 0.60, 0.9),
}
CLOSED = (0.04, 0.60, 0.0)
SOFTNESS = 0.12  # of a border, of half the height
LIP = 0.30  # thickness, of half the height
PAUSE = (0.03, 0.25)  # seconds between two digits
ROOM = 60.0  # RMS of the noise of a room and a microphone, of 32767: no recording is silent between its words
GRAIN = 12.0  # standard deviation of the noise, of 255


@functools.lru_cache(maxsize=3)
def sample(split, seed):
    """Say a split as `Sentences` of 2.56 s; all follows from `seed`."""
    bank = digits.sample(split, seed)
    rng = np.random.default_rng([seed, digits.SPLITS.index(split), 3])
    count = SENTENCES[split]
    audio, shapes, texts = np.zeros((count, SAMPLES), np.int16), np.empty((count, FRAMES, 3)), []
    words = np.zeros((count, SPOKEN, 2), np.int32)
    for i in range(count):
        chosen = rng.integers(len(bank.clips), size=SPOKEN)
        audio[i], shapes[i], words[i] = _say(bank, chosen, rng)
        texts.append(" ".join(WORDS[bank.clip_labels[clip]] for clip in chosen))
    noise = pink_noise(NOISE_ROWS, SAMPLES, [seed, digits.SPLITS.index(split), 4])
    return Sentences(audio, _draw_mouths(shapes, rng), encode_sentences(texts), noise, words)


def _say(bank, chosen, rng):
    """Return the concatenated waveform of clips, mouth shapes `(FRAMES, 3)`, and word times `(SPOKEN, 2)`.

    Word times are the begin and end of each clip in ticks of 10 ms. Pauses are short, as in numbers that are read out;
    the remaining time is before and after them.
    """
    lengths = bank.lengths[chosen]
    free = SAMPLES - lengths.sum()
    pauses = rng.uniform(*PAUSE, SPOKEN - 1) * SAMPLE_RATE
    pauses *= min(1.0, free / pauses.sum())
    before = rng.uniform(0, free - pauses.sum())
    starts = (np.cumsum([before, *pauses]) + np.cumsum(lengths) - lengths).astype(int)
    audio, shapes = rng.normal(0, ROOM, SAMPLES), np.tile(np.array(CLOSED), (FRAMES, 1))
    for clip, start, length in zip(chosen, starts, lengths, strict=True):
        audio[start : start + length] += bank.clips[clip, :length]
        word = WORDS[bank.clip_labels[clip]]
        ends = np.linspace(start, start + length, len(word) + 1) * RATE / SAMPLE_RATE
        for letter, first, last in zip(word, ends, ends[1:], strict=False):
            shapes[round(first) : max(round(last), round(first) + 1)] = _viseme(letter)
    audio = np.clip(np.rint(audio), -32768, 32767).astype(np.int16)
    return audio, shapes, np.stack([starts, starts + lengths], axis=1) * 100 // SAMPLE_RATE


def _viseme(letter):
    return next(shape for letters, shape in VISEMES.items() if letter in letters)


def _draw_mouths(shapes, rng):
    """Draw mouths `(N, T, H, W, 1)` uint8 of `shapes` `(N, T, 3)`, which follow each other smoothly."""
    padded = np.pad(shapes, ((0, 0), (1, 1), (0, 0)), mode="edge")
    shapes = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    size = rng.uniform(0.85, 1.15, (len(shapes), 1, 1, 1))  # of a face
    opening, wide, teeth = (shapes[..., i, None, None] for i in range(3))
    y = np.linspace(-1, 1, HEIGHT)[:, None] / size
    x = np.linspace(-1, 1, WIDTH)[None] / size
    reach = np.sqrt(np.maximum(0.0, 1 - np.square(x / wide)))  # from the middle line to a lip, of the opening
    distance = np.abs(y) - opening * reach
    inside = 1 / (1 + np.exp(distance / (SOFTNESS / 4))) * (np.abs(x) < wide)
    lips = np.clip(1 - np.abs(distance - LIP / 2) / LIP, 0, 1) * (np.abs(x) < wide + 0.1)
    skin, red = rng.uniform(150, 210, (2, len(shapes), 1, 1, 1))
    picture = skin * (1 - lips) + 0.5 * red * lips
    picture = picture * (1 - inside) + 220 * teeth * inside
    picture += GRAIN * rng.standard_normal(picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)[..., None]
