"""COCO subset as `Scenes`: persons, bicycles and cars in 128 images of train2017 and 128 of val2017.

A sample to run a detector on photographs, far too small to train one: it has six bicycles. Lin et al. 2014. Images are
centered in a gray square.
"""

import csv
import functools
import io
import itertools
import math

import numpy as np

from mmzoo.data.batches.detection import MOST, Scenes, pad_objects
from mmzoo.data.boxes.records import NAMED, SMALLEST
from mmzoo.data.download.archive import read_arrays
from mmzoo.errors import BadInputError

CARD = {
    "name": "persons, bicycles and cars in the first 128 pictures each of COCO's train2017 and val2017",
    "version": "6d6f7a0 of lightly-ai/coco128_yolo",
    "license": "annotations CC BY 4.0, pictures under Flickr's terms",
    "weights_license": "use only",
}
CLASSES = ("person", "bicycle", "car")  # the first three of COCO
IMAGE = (256, 256)
GRAY = 128
FOLDER = "arrays/coco256_det"
FILE = "images_384.npz"
BOXES = "boxes.csv"
SOURCE = (
    "images_384.npz with {train,val}_jpg (bytes of pictures one after another, uint8), _jpg_off (N + 1,) and _name "
    "(N,), and boxes.csv beside it with split, image, cls (COCO's 80, from 0), cx, cy, w, h as shares of the picture"
)
HELD_OUT = 5  # one of so many pictures of train2017 is for validation
SPLITS = {"train": "train", "validation": "train", "test": "val"}  # split -> what the files call it


@functools.lru_cache(maxsize=3)
def coco256(split, data_dir):
    """Load `train` (102 pictures), `validation` (26) or `test` (128) as `Scenes`; labels index `CLASSES`.

    Boxes of other classes are left out, of a picture with over 32 the smallest ones; those under a pixel are listed as
    skipped.

    Raises:
        BadInputError: the files are in neither `data_dir` nor MMZOO_DATA_DIR, damaged, or of other arrays, or a row
            of a known class has no box inside of its picture.
    """
    if split not in SPLITS:
        raise BadInputError(f"split: expected one of {', '.join(SPLITS)}. Received: {split!r}.")
    jpegs, rows = _files(data_dir)
    names = list(jpegs[SPLITS[split]])
    if split != "test":
        names = [name for i, name in enumerate(names) if (i % HELD_OUT == 0) == (split == "validation")]
    images, boxes, labels, skipped = [], [], [], []
    for name in names:
        image, corner, size = _in_square(jpegs[SPLITS[split]][name], name)
        own = rows.get((SPLITS[split], name), [])
        box, label, small = _boxes(own, corner, size)
        images.append(image)
        boxes.append(box)
        labels.append(label)
        skipped += [f"{name}: {small} of {len(own)} boxes under {SMALLEST:g} pixel"] if small else []
    return Scenes(np.stack(images), pad_objects(boxes, labels), tuple(skipped), upright=True)


def _boxes(rows, corner, size):
    """Return boxes `(K, 4)` in pixels of the square, largest first, their labels, and how many are too small."""
    made = []
    for label, (x, y, width, height) in rows:
        center, half = np.array([x, y]) * size, np.array([width, height]) * size / 2
        made.append((np.concatenate([center - half, center + half]) + np.tile(corner, 2), label))
    seen = [(box, label) for box, label in made if min(box[2:] - box[:2]) >= SMALLEST]
    small = len(made) - len(seen)
    seen = sorted(seen, key=lambda one: -np.prod(one[0][2:] - one[0][:2]))[:MOST]
    box = np.array([box for box, _ in seen], np.float32).reshape(-1, 4)
    return box, np.array([label for _, label in seen], np.int32), small


def _in_square(jpeg, name):
    """Return a picture `(256, 256, 3)` uint8 in the middle of gray, its corner in it and its size, x before y."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInputError(f"{FILE}: {name}: expected a JPEG. Received: {error}") from None
    scale = min(IMAGE[1] / picture.width, IMAGE[0] / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    corner = ((IMAGE[1] - size[0]) // 2, (IMAGE[0] - size[1]) // 2)
    square = Image.new("RGB", IMAGE[::-1], (GRAY,) * 3)
    square.paste(picture.resize(size, Image.Resampling.BILINEAR), corner)
    return np.asarray(square), np.array(corner, np.float64), np.array(size, np.float64)


@functools.lru_cache(maxsize=1)
def _files(data_dir):
    """Return `{"train" or "val": {name: JPEG}}`, and the boxes of `CLASSES` as `{(split, name): [(label, box)]}`."""
    keys = [f"{split}_{what}" for split in ("train", "val") for what in ("jpg", "jpg_off", "name")]
    path, arrays = read_arrays(FILE, FOLDER, keys, SOURCE, data_dir)
    jpegs = {}
    for split in ("train", "val"):
        blob, ends, names = (arrays[f"{split}_{what}"] for what in ("jpg", "jpg_off", "name"))
        if len(ends) != len(names) + 1 or ends[-1] != len(blob) or names.dtype.kind != "U" or not len(names):
            counts = f"{len(names)} names, {len(ends)} ends, {len(blob)} bytes"
            raise BadInputError(f"{path}: expected {SOURCE}. Received: {split} of {counts}")
        pairs = zip(names.tolist(), itertools.pairwise(ends), strict=True)
        jpegs[split] = {name: blob[start:end].tobytes() for name, (start, end) in pairs}
    return jpegs, _rows(path.with_name(BOXES), jpegs)


def _rows(path, jpegs):
    """Return `{(split, name): [(label, (cx, cy, w, h))]}` of `CLASSES`; all bad rows are in one error."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: expected {SOURCE}. Received: {error}") from None
    rows, bad = {}, []
    for number, row in enumerate(csv.reader(text.splitlines()[1:]), start=2):
        found = _row(row, jpegs)
        if isinstance(found, str):
            bad.append(f"row {number}: {found}")
        elif found[1] < len(CLASSES):
            rows.setdefault(found[0], []).append(found[1:])
    if bad:
        more = f"; and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        expected = "a picture of the file, a class, and a box inside of the picture, in each row"
        raise BadInputError(f"{path}: expected {expected}. Received: {'; '.join(bad[:NAMED])}{more}")
    return rows


def _row(row, jpegs):
    """Return `(split, name), label, (cx, cy, w, h)` of a row of the file, or its error."""
    try:
        split, name, label, *box = row
        label, box = int(label), tuple(map(float, box))
    except ValueError:
        return f"{','.join(row):.60}"
    if name not in jpegs.get(split, ()):
        return f"an unknown picture, {split} {name:.40}"
    if len(box) != 4 or not all(map(math.isfinite, box)) or min(box[2:]) <= 0:
        return f"no box of four numbers, {box}"
    x, y, width, height = box
    slack = 1e-3  # the file has six decimals
    if min(x - width / 2, y - height / 2) < -slack or max(x + width / 2, y + height / 2) > 1 + slack:
        return f"a box that leaves its picture, {box}"
    return (split, name), label, box
