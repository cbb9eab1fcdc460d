"""Boxes in YOLO text files, one for each image.

A line is the number of a class, then the center, the width and the height of a box as fractions of the image's sides.
The classes are lines of `classes.txt` in the same folder. Redmon's darknet; Ultralytics' data sets have the same
layout.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.data.boxes.records import (
    SUFFIXES,
    Boxed,
    Found,
    Row,
    Skipped,
    check_found,
    class_names,
    file_in,
    folder_of,
    number,
    read_content,
)
from mmzoo.errors import BadInputError

CLASSES = "classes.txt"
DIGITS = 9  # decimal places: a millionth of a pixel


def read_yolo(
    labels: str | Path, images: str | Path, names: Sequence[str] | None = None, on_bad: str = "raise"
) -> tuple[list[Boxed], list[Skipped]]:
    """Read the folder `labels` with images in the folder `images`.

    Returns images and skipped rows. An image without a file in `labels` has no boxes, as in YOLO; a file without an
    image is invalid. If `names` is None, it is read from `classes.txt` in `labels`. Errors and arguments are as in
    `mmzoo.data.boxes.records.check_found`.

    Raises:
        BadInputError: also if neither `names` nor `classes.txt` is available.
    """
    labels, images = folder_of(labels), folder_of(images)
    names = list(names) if names is not None else _read_classes(labels)
    found, wrong, used = [], [], set()
    for picture in sorted(p for p in images.rglob("*") if p.suffix.lower() in SUFFIXES):
        path = picture.relative_to(images)
        file = (labels / path).with_suffix(".txt")
        rows, bad = parse_yolo(read_content(file), str(file), names) if file.is_file() else ((), [])
        used.add(file)
        wrong += bad
        found.append(Found(str(file) if file.is_file() else str(picture), path.as_posix(), rows, relative=True))
    unmatched = sorted(set(labels.rglob("*.txt")) - used - {labels / CLASSES})
    wrong += [Skipped(str(file), f"no image of its name in {images}") for file in unmatched]
    return check_found(found, wrong, images, None, on_bad)


def _read_classes(labels: Path) -> list[str]:
    text = read_content(labels / CLASSES).decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def parse_yolo(content: bytes, where: str, names: Sequence[str]) -> tuple[tuple[Row, ...], list[Skipped]]:
    """Parse a text file to relative boxes and invalid rows.

    Boxes are fractions of the image.
    """
    rows, wrong = [], []
    for i, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        at, numbers = f"{where}, line {i}", [number(word) for word in line.split()]
        if len(numbers) != 5 or not np.isfinite(numbers).all() or numbers[0] != int(numbers[0]):
            wrong.append(Skipped(at, f"no class and four numbers, {line.strip()!r:.60}"))
        elif not 0 <= numbers[0] < len(names):
            wrong.append(Skipped(at, f"an unknown class, {int(numbers[0])} of {len(names)}"))
        else:
            x, y, width, height = numbers[1:]
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            rows.append(Row(at, names[int(numbers[0])], box))
    return tuple(rows), wrong


def write_yolo(pictures: Sequence[Boxed], folder: str | Path, names: Sequence[str] | None = None) -> None:
    """Write a text file for each image into `folder`, and `classes.txt`.

    The classes are `names`, or the classes that occur, sorted.

    Raises:
        BadInputError: a box has a class that is not in `names`, two images would have one file, or one leads out of
            `folder`.
    """
    names, folder = class_names(pictures, names), Path(folder)
    files = [file_in(folder, one.path, ".txt") for one in pictures]
    twice = {file for file in files if files.count(file) > 1} | {file for file in files if file == folder / CLASSES}
    if twice:
        raise BadInputError(f"pictures: expected names that differ without suffix. Received: {min(twice)} twice")
    folder.mkdir(parents=True, exist_ok=True)
    file_in(folder, CLASSES, ".txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    for file, one in zip(files, pictures, strict=True):
        low, high = one.boxes[:, :2] / one.size, one.boxes[:, 2:] / one.size
        lines = [
            " ".join([str(names.index(name)), *(f"{value:.{DIGITS}f}" for value in (*middle, *sides))]) + "\n"
            for name, middle, sides in zip(one.names, (low + high) / 2, high - low, strict=True)
        ]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(lines), encoding="utf-8")
