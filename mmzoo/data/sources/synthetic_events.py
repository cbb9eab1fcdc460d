"""Embedded source of `sound_events`: 2 s of noise with one event, made by formulas.

Pitch, length, onset and loudness of an event are random and independent of its class; a tone that rises in one class
falls in another. The background is colored noise and a softer continuous tone.
"""

import functools

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.data.batches.clips import Sounds
from mmzoo.data.decode.audio import pink_noise, to_int16
from mmzoo.errors import BadInputError

CARD = {
    "name": "events in noise, made by formulas",
    "version": "1",
    "license": "Apache-2.0",
    "weights_license": "Apache-2.0",
}
CLIPS = {"train": 800, "validation": 200, "test": 400}
SAMPLE_RATE = 8000  # Hz
SAMPLES = 2 * SAMPLE_RATE
CLASSES = ("beep", "rise", "fall", "siren", "ticks", "knock", "hiss", "buzz")
SNR_DB = (-4.0, 12.0)  # of the event, while it is heard, to the noise
HUM_DB = (-25.0, -8.0)  # of the tone behind it, to the event
PITCH = (300.0, 1500.0)  # Hz
SECONDS = (0.4, 1.2)  # of an event
FADE = 80  # samples: no click at either end
LOUDEST = 0.7  # of a clip, at most
SOFTEST = 0.1


@functools.lru_cache(maxsize=3)
def sample(split, seed):
    """Make a split as `Sounds` of 16,000 samples each; all follows from `seed`; labels index `CLASSES`."""
    if split not in SPLITS:
        raise BadInputError(f"split: expected one of {', '.join(SPLITS)}. Received: {split!r}.")
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    labels = rng.permutation(np.arange(CLIPS[split]) % len(CLASSES)).astype(np.int32)
    noise = pink_noise(len(labels), SAMPLES, [seed, SPLITS.index(split), 1])
    clips = [_clip(CLASSES[label], row, rng) for label, row in zip(labels, noise, strict=True)]
    return Sounds(np.stack(clips), labels, len(CLASSES))


def _clip(kind, pink, rng):
    """Return a clip `(16000,)` int16 of an event in noise that is pink, white or between."""
    event = make_event(kind, rng)
    event /= np.sqrt(np.mean(np.square(event)))
    start = rng.integers(0, SAMPLES - len(event) + 1)
    share = rng.uniform()
    noise = share * pink + (1 - share) * rng.standard_normal(SAMPLES)
    noise /= np.sqrt(np.mean(np.square(noise)))
    hum = np.sin(_phase(np.full(SAMPLES, _pitch(rng)), rng)) * np.sqrt(2)
    clip = noise * 10 ** (-rng.uniform(*SNR_DB) / 20) + hum * 10 ** (rng.uniform(*HUM_DB) / 20)
    clip[start : start + len(event)] += event
    return to_int16(clip / np.abs(clip).max() * rng.uniform(SOFTEST, LOUDEST))


def make_event(kind, rng):
    """Return one event of class `kind`, float64 `(T,)` of 0.4 to 1.2 s, of any loudness."""
    length = int(rng.uniform(*SECONDS) * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    if kind in ("ticks", "knock"):
        return _struck(kind, length, rng)
    pitch = np.full(length, _pitch(rng))
    if kind in ("rise", "fall"):
        glide = np.linspace(-0.5, 0.5, length) * rng.uniform(0.6, 1.2)  # octaves
        pitch = pitch * 2 ** (glide if kind == "rise" else -glide)
    elif kind == "siren":
        pitch = pitch * 2 ** (rng.uniform(0.15, 0.4) * np.sin(2 * np.pi * rng.uniform(3, 7) * time))
    phase = _phase(pitch, rng)
    sound = np.sin(phase) + rng.uniform(0, 0.6) * np.sin(2 * phase)
    if kind == "hiss":  # noise around the pitch
        sound = sound * _slow_noise(length, rng)
    elif kind == "buzz":  # the loudness of the tone goes up and down
        sound = sound * (1 + np.sin(2 * np.pi * rng.uniform(5, 11) * time))
    return sound * _fade(length)


def _struck(kind, length, rng):
    """Return impulses that ring on: `ticks` short, high and regular, `knock` three at most, each at its own time."""
    if kind == "ticks":
        at = np.arange(0, length, int(SAMPLE_RATE * rng.uniform(0.08, 0.2)))
        pitch, decay = rng.uniform(1.2, 2.0) * _pitch(rng), rng.uniform(0.004, 0.015)
    else:
        at = np.sort(rng.integers(0, length // 2, rng.integers(1, 4)))
        pitch, decay = _pitch(rng), rng.uniform(0.03, 0.12)
    struck = np.zeros(length)
    struck[at] = rng.uniform(0.6, 1.0, len(at))
    time = np.arange(length) / SAMPLE_RATE
    ring = np.exp(-time / decay) * np.sin(2 * np.pi * pitch * time)
    return np.convolve(struck, ring)[:length]


def _pitch(rng):
    return np.exp(rng.uniform(*np.log(PITCH)))


def _phase(pitch, rng):
    return 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE + rng.uniform(0, 2 * np.pi)


def _slow_noise(length, rng):
    """Return noise below about 100 Hz: a tone times it is a band of noise."""
    window = np.hanning(SAMPLE_RATE // 100)
    return np.convolve(rng.standard_normal(length + len(window) - 1), window, "valid")


def _fade(length):
    ramp = np.minimum(np.arange(length), np.arange(length)[::-1])
    return np.minimum(1.0, ramp / FADE)
