"""Boxes in text files of YOLO, one for each picture.

A line is the number of a class, then the center, the width and the height of a box as shares of the picture's. The
classes are lines of `classes.txt` beside them. Redmon's darknet; Ultralytics' sets are such folders, too.
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
    folder_of,
    number,
    read_content,
)
from mmzoo.errors import BadInputError

CLASSES = "classes.txt"
DIGITS = 9  # behind the point: a millionth of a pixel


def read_yolo(
    labels: str | Path, images: str | Path, names: Sequence[str] | None = None, on_bad: str = "raise"
) -> tuple[list[Boxed], list[Skipped]]:
    """Read the folder `labels` with pictures in the folder `images`; return pictures, and what was skipped.

    A picture without a file of its name in `labels` has no boxes, as YOLO has it; a file without a picture is wrong.
    `names` None: those of `classes.txt` in `labels`. Errors and arguments as in `mmzoo.data.boxes.records.check_found`.

    Raises:
        BadInputError: also where neither `names` nor `classes.txt` is there.
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
    alone = sorted(set(labels.rglob("*.txt")) - used - {labels / CLASSES})
    wrong += [Skipped(str(file), f"no picture of its name in {images}") for file in alone]
    return check_found(found, wrong, images, None, on_bad)


def _read_classes(labels: Path) -> list[str]:
    text = read_content(labels / CLASSES).decode(errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def parse_yolo(content: bytes, where: str, names: Sequence[str]) -> tuple[tuple[Row, ...], list[Skipped]]:
    """Return the boxes of a text file as shares of the picture, and what cannot be read of it."""
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
    """Write a text file for each picture into `folder`, and `classes.txt`: `names`, or those that occur, sorted.

    Raises:
        BadInputError: a box is of a class that is not in `names`, or two pictures would have one file.
    """
    names, folder = class_names(pictures, names), Path(folder)
    files = [(folder / one.path).with_suffix(".txt") for one in pictures]
    twice = {file for file in files if files.count(file) > 1} | {file for file in files if file == folder / CLASSES}
    if twice:
        raise BadInputError(f"pictures: expected names that differ without suffix. Received: {min(twice)} twice")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CLASSES).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    for file, one in zip(files, pictures, strict=True):
        low, high = one.boxes[:, :2] / one.size, one.boxes[:, 2:] / one.size
        lines = [
            " ".join([str(names.index(name)), *(f"{value:.{DIGITS}f}" for value in (*middle, *sides))]) + "\n"
            for name, middle, sides in zip(one.names, (low + high) / 2, high - low, strict=True)
        ]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(lines), encoding="utf-8")
