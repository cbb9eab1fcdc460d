"""Embedded source of `anomaly_detection`: a machine with a gauge and a lamp, and one second of its audio.

The pitch of the hum follows the needle, and its pulses follow the color of the lamp. Everything else is random in each
scene: place, size and color of the machine, background, grain; loudness, overtones and noise. Of three anomaly types
one is visible, one is audible, and in the third the audio belongs to another state, which only both modalities reveal.
"""

import functools

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.data.batches.anomaly import KINDS, AudioVisualScenes
from mmzoo.data.decode.audio import pink_noise, to_int16
from mmzoo.errors import BadInputError

CARD = {
    "name": "machines with a gauge and a lamp, drawn and heard",
    "version": "1",
    "license": "Apache-2.0",
    "weights_license": "Apache-2.0",
}
SCENES = {"train": 4000, "validation": 600, "test": 1200}
ODD = 0.5  # of the test scenes, the three kinds alike; the other splits are normal
IMAGE = 32  # pixels
SAMPLE_RATE = 8000  # Hz
SAMPLES = SAMPLE_RATE

LAMPS = {"green": (70, 210, 90), "amber": (240, 180, 40), "red": (225, 50, 50)}
PULSES = {"green": 0.0, "amber": 4.0, "red": 9.0}  # of the hum in a second; 0: it goes on
PITCH = (150.0, 1200.0)  # Hz, of the hum, where the needle is at either end
SWEEP = 2.4  # radians, of the needle to either side of upright
APART = 0.2  # of the gauge, at least, between what is seen and heard of a mismatch in the needle
SNR_DB = (6.0, 18.0)  # of the hum to the noise
LOUDNESS = (0.15, 0.7)  # of the loudest sample
GRAIN = 8.0  # standard deviation of the noise on a picture, of 255
FINE = 4  # times finer than it is shown, a picture is drawn
DEFECTS = {"seen": ("spot", "crack", "bite"), "heard": ("knock", "rattle", "whine")}


@functools.lru_cache(maxsize=3)
def sample(split, seed):
    """Make a split of images `(32, 32, 3)` and 8000 samples each, deterministic by `seed`; kinds index `KINDS`."""
    if split not in SPLITS:
        raise BadInputError(f"split: expected one of {', '.join(SPLITS)}. Received: {split!r}.")
    return scenes(SCENES[split], ODD if split == "test" else 0.0, [seed, SPLITS.index(split)])


def scenes(count, odd, seed):
    """Make `count` scenes in random order, the fraction `odd` with anomalies of the three types; `seed` is a list."""
    rng = np.random.default_rng(seed)
    kinds = np.zeros(count, np.int32)
    kinds[: round(odd * count)] = 1 + np.arange(round(odd * count)) % 3
    kinds = rng.permutation(kinds)
    noise = pink_noise(count, SAMPLES, [*seed, 1])
    images, clips = [], []
    for kind, row in zip(kinds, noise, strict=True):
        state = level, lamp = rng.uniform(), rng.choice(list(LAMPS))
        images.append(draw_machine(level, lamp, _defect("seen", kind, rng), rng))
        heard = other_state(state, rng) if KINDS[kind] == "mismatch" else state
        clips.append(play_machine(*heard, _defect("heard", kind, rng), row, rng))
    return AudioVisualScenes(np.stack(images), np.stack(clips), kinds)


def _defect(sense, kind, rng):
    return rng.choice(DEFECTS[sense]) if KINDS[kind] == sense else ""


def other_state(state, rng):
    """Return another `(level, lamp)` than `state`: the needle's or, as often, the lamp's."""
    level, lamp = state
    if rng.random() < 0.5:
        return level, rng.choice([name for name in LAMPS if name != lamp])
    while True:
        other = rng.uniform()
        if abs(other - level) >= APART:
            return other, lamp


def draw_machine(level, lamp, defect, rng):
    """Return a picture uint8 `(32, 32, 3)`: the needle at `level`, 0 to 1, and one of `LAMPS`; `defect` may be ""."""
    from PIL import Image, ImageDraw

    side = IMAGE * FINE
    top, bottom = rng.uniform(20, 120, 3), rng.uniform(20, 120, 3)
    ground = top + (bottom - top) * np.linspace(0, 1, side)[:, None, None]
    image = Image.fromarray(np.broadcast_to(ground, (side, side, 3)).astype(np.uint8))
    pen, size = ImageDraw.Draw(image), FINE * rng.uniform(10.5, 13)  # half of the machine's side
    x, y = rng.uniform(size + FINE, side - size - FINE, 2)
    body = rng.uniform(90, 200, 3)
    pen.rounded_rectangle((x - size, y - size, x + size, y + size), size / 4, _color(body))
    dial, radius = (x, y + 0.12 * size), 0.72 * size
    pen.ellipse(_around(*dial, radius), (235, 235, 225))
    if defect == "bite":
        turn = rng.uniform(0, 360)
        pen.pieslice(_around(*dial, radius), turn, turn + rng.uniform(40, 70), _color(body))
    angle = SWEEP * (2 * level - 1)
    tip = (dial[0] + 0.9 * radius * np.sin(angle), dial[1] - 0.9 * radius * np.cos(angle))
    pen.line((*dial, *tip), (30, 30, 40), round(0.16 * size))
    pen.ellipse(_around(*dial, 0.14 * size), (30, 30, 40))
    pen.ellipse(_around(x + 0.72 * size, y - 0.72 * size, 0.2 * size), LAMPS[lamp])
    if defect in ("spot", "crack"):
        _spoil(pen, defect, x, y, size, rng)
    pixels = np.asarray(image.resize((IMAGE, IMAGE), Image.Resampling.BOX), np.float32)
    pixels = pixels * rng.uniform(0.85, 1.1) + GRAIN * rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _spoil(pen, defect, x, y, size, rng):
    """Draw what does not belong there: a dark spot, or a crooked line."""
    if defect == "spot":
        a, b = rng.uniform(-0.7, 0.7, 2) * size
        pen.ellipse(_around(x + a, y + b, rng.uniform(0.13, 0.2) * size), (45, 35, 30))
        return
    turn, steps = rng.uniform(0, 2 * np.pi), np.linspace(-0.9, 0.9, 6)
    aside = 0.18 * rng.standard_normal(6)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    points = np.array([x, y]) + size * (steps[:, None] * along + aside[:, None] * across)
    pen.line([tuple(point) for point in points], (45, 35, 30), round(0.07 * size))


def _around(x, y, radius):
    return x - radius, y - radius, x + radius, y + radius


def _color(values):
    return tuple(int(value) for value in values)


def play_machine(level, lamp, defect, pink, rng):
    """Return a clip int16 `(8000,)` of a hum of the pitch of `level`, pulsing as `lamp` says, in noise like `pink`."""
    time = np.arange(SAMPLES) / SAMPLE_RATE
    pitch = PITCH[0] * (PITCH[1] / PITCH[0]) ** level
    wobble = 1 + 0.004 * np.sin(2 * np.pi * rng.uniform(2, 6) * time + rng.uniform(0, 2 * np.pi))
    phase = 2 * np.pi * np.cumsum(pitch * wobble) / SAMPLE_RATE
    tones = [(n, amount) for n, amount in ((1, 1.0), (2, rng.uniform(0.2, 0.7)), (3, rng.uniform(0.1, 0.4)))]
    hum = sum(amount * np.sin(n * phase + rng.uniform(0, 2 * np.pi)) for n, amount in tones)
    if PULSES[lamp]:
        beat = PULSES[lamp] * time * rng.uniform(0.95, 1.05) + rng.uniform()
        hum = hum * np.clip(0.5 + 2 * np.sin(2 * np.pi * beat), 0.03, 1)
    hum /= np.sqrt(np.mean(np.square(hum)))
    share = rng.uniform(0.3, 0.7)
    noise = share * pink + (1 - share) * rng.standard_normal(SAMPLES)
    clip = hum + noise / np.sqrt(np.mean(np.square(noise))) * 10 ** (-rng.uniform(*SNR_DB) / 20)
    if defect:
        clip = clip + _broken(defect, time, rng)
    return to_int16(clip / np.abs(clip).max() * rng.uniform(*LOUDNESS))


def _broken(defect, time, rng):
    """Return what a broken machine adds to a hum of RMS 1: knocks, a rattle for a while, or a tone that is too high."""
    if defect == "whine":
        pitch = rng.uniform(1500, 3400)
        return rng.uniform(0.15, 0.3) * np.sin(2 * np.pi * pitch * time + rng.uniform(0, 2 * np.pi))
    if defect == "rattle":
        start, length = rng.uniform(0, 0.6), rng.uniform(0.2, 0.4)
        during = (time > start) & (time < start + length)
        return rng.uniform(0.5, 0.9) * during * rng.standard_normal(len(time)) * (np.sin(2 * np.pi * 30 * time) > 0)
    struck = np.zeros(len(time))
    struck[rng.integers(0, int(0.9 * len(time)), rng.integers(1, 4))] = rng.uniform(1.5, 2.5)
    pitch = rng.uniform(500, 1500)
    ring = (np.exp(-time / 0.02) * np.sin(2 * np.pi * pitch * time))[: SAMPLE_RATE // 4]
    return np.convolve(struck, ring)[: len(time)]
