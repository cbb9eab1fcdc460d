"""Draw examples of every augmentation, one figure per modality.

Each row is a function of `mmzoo.data`; the first column is its input, the others are examples of a batch. The seed is
fixed. The photograph is scikit-learn's `china.jpg` by danielbuechele, CC BY 2.0; the
speech is the embedded sample.
"""

import io
import os
from functools import partial
from pathlib import Path

import numpy as np

from mmzoo.reports.plots import GRAY, INK, ORANGE

NAMES = ("image", "audio", "text", "boxes")
SIDES = (120, 180)  # pixels: height and width of the photograph
DRAWS = 4
CREDIT = "photograph: danielbuechele, CC BY 2.0"
BOXES = ((62, 28, 372, 405), (546, 136, 640, 427))  # of the pagoda and of the tree, in a photograph of 427 x 640
COLORS = np.array([ORANGE, "#F0E442"])  # of the boxes
SPOKEN = 7  # digit of the clip
FACTORS = (0.7, 0.85, 1.2, 1.5)
SENTENCE = "The story begins slowly, but its last hour is a quiet and clever joy."
SYNONYMS = {
    "story": ("tale", "plot"),
    "begins": ("starts",),
    "slowly": ("quietly",),
    "quiet": ("calm", "silent"),
    "clever": ("smart",),
    "joy": ("delight", "pleasure"),
}


def gallery(folder: str | Path) -> list[Path]:
    """Draw `image.png`, `audio.png`, `text.png` and `boxes.png` into a new or existing `folder`; return their paths."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = [Path(folder) / f"{name}.png" for name in NAMES]
    for draw, path in zip((draw_image, draw_audio, draw_text, draw_boxes), paths, strict=True):
        draw(path)
    return paths


def draw_image(path: str | Path) -> None:
    """Draw a photograph rotated and shifted, flipped, cropped, recolored, and with erased parts."""
    import tensorflow as tf

    from mmzoo.data.augment import images as images
    from mmzoo.data.augment.batch import jitter_images

    ways = {
        "turn, zoom, shift": partial(jitter_images, shift=12.0, degrees=15.0, scale=0.15),
        "flip": images.flip_images,
        "crop": images.crop_images,
        "colors": images.change_colors,
        "erase": partial(images.erase_parts, probability=1.0),
    }
    photograph, _ = _photograph()
    batch = tf.constant(np.repeat(photograph[None], DRAWS, axis=0))
    figure, axes = _grid(len(ways), 1 + DRAWS, 1.65, 1.08)
    for row, (name, function) in zip(axes, ways.items(), strict=True):
        _show(row, name, [photograph, *function(batch, _seed()).numpy()])
    _finish(figure, path, CREDIT)


def draw_boxes(path: str | Path) -> None:
    """Draw a photograph with boxes around a pagoda and a tree, flipped, cropped, and zoomed and shifted."""
    import tensorflow as tf

    from mmzoo.data.augment import boxes as with_boxes

    photograph, boxes = _photograph()
    inputs = [tf.constant(np.repeat(x[None], DRAWS, axis=0)) for x in (photograph, boxes, np.ones(2, np.float32))]
    ways = {"flip": with_boxes.flip_boxes, "crop": with_boxes.crop_boxes, "zoom, shift": with_boxes.move_boxes}
    figure, axes = _grid(len(ways), 1 + DRAWS, 1.65, 1.08)
    for row, (name, function) in zip(axes, ways.items(), strict=True):
        moved = [x.numpy() for x in function(*inputs, _seed())]
        _show(row, name, [photograph, *moved[0]])
        for axis, corners, there in zip(row, [boxes, *moved[1]], [np.ones(2), *moved[2]], strict=True):
            for (left, top, right, bottom), color in zip(corners[there > 0], COLORS[there > 0], strict=True):
                edges = np.array([[left, right, right, left, left], [top, top, bottom, bottom, top]]) - 0.5
                axis.plot(*edges, color=color, linewidth=1.6, clip_on=False)
    _finish(figure, path, CREDIT)


def draw_audio(path: str | Path) -> None:
    """Draw log-mel spectrograms of a spoken digit with noise, gain, shift, speed change and masks."""
    import tensorflow as tf

    from mmzoo.data.augment import audio
    from mmzoo.data.augment import batch as augment

    clip, length, noise = _speech()
    waveform = augment.place_clips(clip, length, clip.shape[1])
    batch, lengths = tf.repeat(waveform, DRAWS, axis=0), tf.repeat(tf.constant(length), DRAWS)

    def played(function):
        stretched = [function(clip, length, factor) for factor in FACTORS]
        return tf.concat([augment.place_clips(*x, clip.shape[1]) for x in stretched], axis=0)

    ways = {
        "noise at 0 to 20 dB": augment.mix_noise(batch, lengths, tf.constant(noise), (0.0, 20.0), _seed()),
        "gain of ± 12 dB": augment.draw_gain(batch, _seed(), 12.0),
        "shift": audio.shift_waveforms(batch, _seed(), 2000),
        "speed x " + ", ".join(map(str, FACTORS)): played(augment.change_speed),
        "the same at its pitch": played(audio.stretch_time),
    }
    rows = {name: _log_mel(tf.concat([waveform, waveforms], axis=0)) for name, waveforms in ways.items()}
    plain = _log_mel(batch)
    masked = audio.mask_log_mel(tf.constant(plain), _seed()).numpy()
    rows["masks of time and mels"] = np.concatenate([plain[:1], masked])
    figure, axes = _grid(len(rows), 1 + DRAWS, 1.65, 1.0)
    for row, (name, pictures) in zip(axes, rows.items(), strict=True):
        _show(row, name, [x.T for x in pictures], origin="lower", aspect="auto", cmap="magma", vmin=-13.8, vmax=0)
    _finish(figure, path, f'log-mel energies, time to the right, 0 to 4 kHz upward, of "{SPOKEN}"')


def draw_text(path: str | Path) -> None:
    """Draw a sentence with words swapped, deleted, inserted, and replaced by synonyms."""
    from mmzoo.data.augment import text as text

    ways = {
        "swap": text.swap_words,
        "delete": partial(text.delete_words, probability=0.2),
        "insert": partial(text.insert_words, synonyms=SYNONYMS),
        "synonyms": partial(text.replace_words, synonyms=SYNONYMS, count=2),
    }
    rows = [("as it is", SENTENCE)]
    for name, function in ways.items():
        changed = [function(SENTENCE, np.random.default_rng([0, i])) for i in range(DRAWS - 1)]
        rows += zip((name, "", ""), changed, strict=True)
    figure, ((axis,),) = _grid(1, 1, 7.6, 0.26 * len(rows) + 0.1)
    axis.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
    for i, (name, sentence) in enumerate(rows):
        axis.text(0, i, name, va="center", fontsize=9, color=INK, weight="bold")
        axis.text(0.13, i, sentence, va="center", fontsize=9, color=INK)
        if name and i:
            axis.axhline(i - 0.5, color=GRAY, linewidth=0.6)
    _finish(figure, path, "")


def _photograph() -> tuple[np.ndarray, np.ndarray]:
    """Return the photograph, uint8 RGB of `SIDES`, and its boxes `(2, 4)` float32 in pixels."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    original = load_sample_image("china.jpg")
    height, width = SIDES
    small = Image.fromarray(original).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    scale = np.tile([width / original.shape[1], height / original.shape[0]], 2)
    return np.asarray(small), (np.array(BOXES) * scale).astype(np.float32)


def _speech() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a clip `(1, T)` int16, its length `(1,)` and noise `(R, T)`, of the embedded sample."""
    from mmzoo.data.sources import digits

    bank = digits.sample("train", 0)
    row = np.flatnonzero(bank.clip_labels == SPOKEN)[:1]
    return bank.clips[row], bank.lengths[row], bank.noise


def _log_mel(waveforms):
    from mmzoo.blocks.log_mel import LogMel

    return LogMel()(waveforms).numpy()


def _seed():
    import tensorflow as tf

    return tf.constant([0, 0])


def _grid(rows, columns, width, height):
    """Return a figure and its axes `(rows, columns)` of `width` by `height` inches each, without ticks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * width, rows * height + 0.3), dpi=110, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    return figure, axes


def _show(row, name, pictures, **options):
    """Draw pictures into the axes of a row, its name at the left."""
    for axis, picture in zip(row, pictures, strict=True):
        axis.imshow(picture, **options)
    row[0].set_ylabel(name, fontsize=8, color=INK, rotation=0, ha="right", va="center", wrap=True)


def _finish(figure, path, caption):
    from PIL import Image

    figure.supxlabel(caption, fontsize=7, color=INK, x=0.99, ha="right")
    path, drawn = Path(path), io.BytesIO()
    figure.savefig(drawn, format="png")
    temporary = path.with_name(f".{path.name}.tmp")
    # a photograph needs more colors than a plot, and yet a third of the bytes of all
    Image.open(drawn).convert("RGB").quantize(256).save(temporary, format="png", optimize=True)
    os.replace(temporary, path)
