"""Boxes in one COCO JSON file: images, annotations and categories.

A box is left, top, width, height in pixels, with the left edge of the image at 0. Lin et al. 2014;
https://cocodataset.org/#format-data.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.data.boxes.records import (
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


def read_coco(
    file: str | Path, images: str | Path, names: Sequence[str] | None = None, on_bad: str = "raise"
) -> tuple[list[Boxed], list[Skipped]]:
    """Read a COCO JSON file with images in the folder `images`.

    Returns images in the order of the file, and skipped rows. A crowd, `iscrowd` 1, is no single object: it is skipped
    and listed, and never raises. Errors and arguments are as in `mmzoo.data.boxes.records.check_found`.

    Raises:
        BadInputError: also if the file holds no such JSON.
    """
    try:
        whole = json.loads(read_content(file))
        parts = [whole[part] for part in ("images", "annotations", "categories")]
        if not all(isinstance(row, dict) for part in parts for row in part):
            raise TypeError("rows that are no objects")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise BadInputError(
            f"{file}: expected JSON with images, annotations and categories. Received: {reason}"
        ) from None
    found, wrong, crowds = _found(str(file), *parts)
    pictures, skipped = check_found(found, wrong, folder_of(images), names, on_bad)
    return pictures, skipped + crowds


def _found(
    file: str, images: list[dict], annotations: list[dict], categories: list[dict]
) -> tuple[list[Found], list[Skipped], list[Skipped]]:
    """Parse the rows to unchecked images, invalid rows and crowds."""
    classes = {repr(row.get("id")): str(row.get("name")) for row in categories}
    rows, wrong, crowds, twice = {}, [], [], []
    for i, row in enumerate(images):
        missing = row.get("id") is None or not row.get("file_name")
        if missing or repr(row["id"]) in rows:
            wrong.append(Skipped(f"{file}, images[{i}]", "no id and file_name of its own"))
            twice.append(i)
        else:
            rows[repr(row["id"])] = []
    for i, row in enumerate(annotations):
        at, box = f"{file}, annotations[{i}]", row.get("bbox")
        numbers = [number(value) for value in box] if isinstance(box, list) else []
        if row.get("iscrowd"):
            crowds.append(Skipped(at, "a crowd"))
        elif repr(row.get("image_id")) not in rows:
            wrong.append(Skipped(at, f"an unknown image, {row.get('image_id')!r:.40}"))
        elif repr(row.get("category_id")) not in classes:
            wrong.append(Skipped(at, f"an unknown class, {row.get('category_id')!r:.40}"))
        elif len(numbers) != 4 or not np.isfinite(numbers).all():
            wrong.append(Skipped(at, f"no box of four numbers, {box!r:.60}"))
        else:
            x, y, width, height = numbers
            name = classes[repr(row["category_id"])]
            rows[repr(row["image_id"])].append(Row(at, name, (x, y, x + width, y + height)))
    found = []
    for i, row in enumerate(images):
        if i not in twice:
            sides = [number(row.get(side)) for side in ("width", "height")]
            size = tuple(int(side) for side in sides) if np.isfinite(sides).all() else None
            found.append(Found(f"{file}, images[{i}]", str(row["file_name"]), tuple(rows[repr(row["id"])]), size))
    return found, wrong, crowds


def write_coco(pictures: Sequence[Boxed], file: str | Path, names: Sequence[str] | None = None) -> None:
    """Write boxes as a COCO JSON file.

    Its categories, numbered from 1, are `names`, or the classes that occur, sorted.

    Raises:
        BadInputError: a box has a class that is not in `names`.
    """
    names, annotations = class_names(pictures, names), []
    for i, one in enumerate(pictures, start=1):
        for box, name in zip(one.boxes.tolist(), one.names, strict=True):
            width, height = box[2] - box[0], box[3] - box[1]
            row = {"id": len(annotations) + 1, "image_id": i, "category_id": names.index(name) + 1}
            row |= {"bbox": [box[0], box[1], width, height], "area": width * height, "iscrowd": 0}
            annotations.append(row)
    whole = {
        "images": [
            {"id": i, "file_name": one.path, "width": one.size[0], "height": one.size[1]}
            for i, one in enumerate(pictures, start=1)
        ],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, start=1)],
    }
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(json.dumps(whole, ensure_ascii=False) + "\n", encoding="utf-8")
