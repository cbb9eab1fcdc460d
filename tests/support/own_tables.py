"""Tables as people have them, made of real data; `python tests/own_tables.py FOLDER` writes all that can be made.

Each function writes files and `table.csv` into a folder and returns the target's column.
"""

import csv
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from mmzoo.data.download import tfds
from mmzoo.data.download.archive import data_dirs

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
EASY_VQA = "archives/easy-VQA-3b553bb7ff42a868d5f4cbe8c88255d7333c3c31.zip"
VQA_RAD = "archives/med-v2qa-4ae21bc19dd20cb5e76fa89f3e77c07230b526c3.zip"


def half_digits(folder, count=3000):
    """Write the upper half of handwritten digits, and of the lower half how much ink is in each of seven bands."""
    images, labels = tfds.mnist("train", None)
    rows = []
    for i in range(count):
        _png(folder / "photos" / f"{i:05d}.png", np.where(np.arange(28)[:, None, None] < 14, images[i], 0)[..., 0])
        ink = images[i, 14:, :, 0].astype(float).reshape(7, 2, 28).mean(axis=(1, 2))
        rows.append([f"photos/{i:05d}.png", *(f"{value:.1f}" for value in ink), WORDS[labels[i]]])
    _table(folder, ["photo", *(f"ink_{k}" for k in range(7)), "digit"], rows)
    return "digit"


def spoken_digits(folder, count=3000):
    """Write clips of spoken digits alone."""
    clips = _clips(count)
    rows = [[_wav(folder, f"clips/{i:05d}.wav", clip), WORDS[clip["label"]]] for i, clip in enumerate(clips)]
    _table(folder, ["recording", "word"], rows)
    return "word"


def questions(folder, count=3000):
    """Write questions about radiographs, and which organ is seen: head, chest or abdomen."""
    import pandas as pd

    with zipfile.ZipFile(_place(VQA_RAD)) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("data_RAD/trainset.json")]
        asked = pd.read_json(io.BytesIO(archive.read(name)))
    rows = [[q, organ] for q, organ in zip(asked["question"], asked["image_organ"], strict=True)][:count]
    _table(folder, ["question", "organ"], rows)
    return "organ"


def shapes(folder, count=4000):
    """Write pictures of a colored shape with a question about each, and the answer."""
    import json

    with zipfile.ZipFile(_place(EASY_VQA)) as archive:
        top = archive.namelist()[0].split("/")[0]
        prefix = next(n for n in archive.namelist() if n.endswith("train/questions.json")).removesuffix(
            "questions.json"
        )
        asked = json.loads(archive.read(f"{prefix}questions.json"))[:count]
        for number in sorted({number for *_, number in asked}):
            path = folder / "photos" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(f"{prefix}images/{number}.png"))
    assert top
    _table(folder, ["photo", "question", "answer"], [[f"photos/{n}.png", q, a] for q, a, n in asked])
    return "answer"


def gaps(folder, count=3000):
    """Write a blurred digit, its spoken word in noise and its name typed carelessly; 30 % of cells are empty."""
    rng = np.random.default_rng(0)
    images, labels = tfds.mnist("train", None)
    said = [[clip for clip in _clips(3000) if clip["label"] == digit] for digit in range(10)]
    rows = []
    for i in range(count):
        digit = int(labels[i])
        picture = np.clip(images[i, ..., 0] * 0.5 + rng.normal(0, 60, (28, 28)), 0, 255).astype(np.uint8)
        _png(folder / "photos" / f"{i:05d}.png", picture)
        clip = said[digit][rng.integers(len(said[digit]))]
        word = list(WORDS[digit])
        for _ in range(2):
            word[rng.integers(len(word))] = chr(rng.integers(97, 123))
        cells = [f"photos/{i:05d}.png", _wav(folder, f"clips/{i:05d}.wav", clip), f"I heard {''.join(word)}"]
        rows.append([*("" if rng.random() < 0.3 else cell for cell in cells), WORDS[digit]])
    _table(folder, ["photo", "recording", "note", "digit"], rows)
    return "digit"


TABLES = {f.__name__: f for f in (half_digits, spoken_digits, questions, shapes, gaps)}


def _place(name):
    for place in data_dirs(None):
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f"{name} in MMZOO_DATA_DIR")


def _clips(count):
    clips = tfds.fsdd("train+validation+test", None)
    return [clips[i] for i in np.random.default_rng(0).permutation(len(clips))[:count]]


def _png(path, pixels):
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _wav(folder, name, clip):
    import soundfile

    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / name, clip["audio"], 8000)
    return name


def _table(folder, columns, rows):
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


if __name__ == "__main__":
    for table, make in TABLES.items():
        place = Path(sys.argv[1]) / table
        place.mkdir(parents=True, exist_ok=True)
        print(f"{place}/table.csv --target {make(place)}", flush=True)
