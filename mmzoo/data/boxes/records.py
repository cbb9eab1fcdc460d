"""Checked images with boxes, read from Pascal VOC, YOLO or COCO files.

To convert, read one format and write another. Invalid rows are reported in one error, or skipped and listed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np

from mmzoo.data.decode.image import decode_image
from mmzoo.errors import BadInputError

SMALLEST = 1.0  # pixels: a box no wider or no higher is an annotation error
SLACK = 1.0  # pixels beyond the image that are clipped silently: tools count from 0 or from 1
NAMED = 5  # bad rows listed in a message
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Boxed:
    """One image with `boxes` `(N, 4)` float64 and a class name each.

    A box is left, top, right, bottom edges in pixels, from 0 to the width or the height. `path` is relative to the
    folder of images, with slashes. `size` is width and height after EXIF rotation.
    """

    path: str
    size: tuple[int, int]
    boxes: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Skipped:
    """A skipped image or box.

    `where` is a file and its row, `why` the reason.
    """

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True)
class Row:
    """One box of a file: left, top, right, bottom."""

    where: str
    name: str
    box: tuple[float, ...]


@dataclass(frozen=True)
class Found:
    """One image of a file, not checked yet.

    `relative` boxes are fractions of its width and height.
    """

    where: str
    path: str
    rows: tuple[Row, ...]
    size: tuple[int, int] | None = None
    relative: bool = False


def check_found(
    found: Sequence[Found],
    wrong: Sequence[Skipped],
    images: str | Path | Mapping[str, bytes],
    names: Sequence[str] | None,
    on_bad: str,
) -> tuple[list[Boxed], list[Skipped]]:
    """Check every image and box; return valid and skipped ones.

    Args:
        found: parsed images.
        wrong: rows that could not be parsed.
        images: the folder of the images, or `{path: content}`.
        names: the allowed classes; None: any.
        on_bad: `raise` or `skip`.

    Raises:
        BadInputError: `on_bad` is neither. Or it is `raise` and a row is invalid, with its file and row in one line.
            Invalid are: an image that is missing, does not decode or has another size than in its file; a class that is
            not in `names`; a box no wider or no higher than `SMALLEST`, or outside the image.
    """
    if on_bad not in ("raise", "skip"):
        raise BadInputError(f"on_bad: expected raise or skip. Received: {on_bad}")
    pictures, skipped = [], list(wrong)
    for one in found:
        size, why = _size(images, one)
        if why:
            skipped.append(Skipped(one.where, why))
            continue
        kept = []
        for row in one.rows:
            scale = np.tile(size, 2) if one.relative else 1
            box, why = _inside(np.array(row.box, np.float64) * scale, size)
            if not why and names is not None and row.name not in names:
                why = f"an unknown class, {row.name!r:.40}"
            if why:
                skipped.append(Skipped(row.where, why))
            else:
                kept.append((box, row.name))
        boxes = np.array([box for box, _ in kept], np.float64).reshape(-1, 4)
        pictures.append(Boxed(one.path, size, boxes, tuple(name for _, name in kept)))
    if skipped and on_bad == "raise":
        listed = "; ".join(map(str, skipped[:NAMED]))
        more = f"; and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        expected = "images that decode, and boxes of known classes inside of them"
        raise BadInputError(f"boxes: expected {expected}. Received: {listed}{more}")
    return pictures, skipped


def _size(images: str | Path | Mapping[str, bytes], one: Found) -> tuple[tuple[int, int], str]:
    """Return width and height of an image, or a rejection reason."""
    if why := leads_out(one.path):
        return (0, 0), f"the image {one.path} cannot be read: {why}"
    try:
        content = images[one.path] if isinstance(images, Mapping) else (Path(images) / one.path).read_bytes()
        height, width = decode_image(content, 3, name=one.path).shape[:2]
    except (KeyError, OSError, ValueError) as error:
        reason = "no such file" if isinstance(error, KeyError) else getattr(error, "strerror", None) or str(error)
        return (0, 0), f"the image {one.path} cannot be read: {reason}"
    if one.size not in (None, (width, height)):
        return (0, 0), f"the image is {width} x {height} pixels, but its file says {one.size[0]} x {one.size[1]}"
    return (width, height), ""


def _inside(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, str]:
    """Clip a box to the image, or return a rejection reason."""
    if box.shape != (4,) or not np.isfinite(box).all():
        return box, f"no box of four numbers, {box.tolist()}"
    width, height = box[2:] - box[:2]
    what = f"{width:g} x {height:g} pixels at {box[0]:g}, {box[1]:g}"
    if min(width, height) <= 0:
        return box, f"a box of no area, {what}"
    if min(box[:2]) < -SLACK or (box[2:] > np.array(size) + SLACK).any():
        return box, f"a box that leaves the image of {size[0]} x {size[1]}, {what}"
    box = np.clip(box, 0, np.tile(size, 2))
    if min(box[2:] - box[:2]) <= SMALLEST:
        return box, f"a box of almost no area, {what}"
    return box, ""


def leads_out(path: str) -> str:
    """Return why `path`, which a file of boxes names, is not a path inside a folder; "" where it is one."""
    windows = PureWindowsPath(path)  # which has slashes of both kinds, and drives
    out = ".." in windows.parts or windows.is_absolute() or windows.drive or windows.root or "\0" in path
    return "its path leads out of the folder" if out else ""


def file_in(folder: str | Path, path: str, suffix: str) -> Path:
    """Return the path of the file of boxes for the image `path`, in its subfolder of `folder`.

    Raises:
        BadInputError: `path` or a link leads out of `folder`.
    """
    folder, file = Path(folder), (Path(folder) / path).with_suffix(suffix)
    if leads_out(path) or file.is_symlink() or not file.resolve().is_relative_to(folder.resolve()):
        raise BadInputError(f"pictures: expected paths inside of a folder. Received: {path}")
    return file


def number(text: object) -> float:
    """Convert an entry of a file to a number, or NaN."""
    try:
        return float(text) if not isinstance(text, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        return math.nan


def class_names(pictures: Sequence[Boxed], names: Sequence[str] | None) -> list[str]:
    """Return `names`, or if None the sorted occurring classes.

    Raises:
        BadInputError: a class that occurs is not in `names`, or a name is there twice.
    """
    there = sorted({name for one in pictures for name in one.names})
    names = there if names is None else list(names)
    unknown = [name for name in there if name not in names]
    if unknown or len(set(names)) < len(names):
        raise BadInputError(f"names: expected each class once. Received: {names}, and boxes of {', '.join(there)}")
    return names


def read_content(path: str | Path) -> bytes:
    """Read the content of a file.

    Raises:
        BadInputError: the file cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: expected a file that can be read. Received: {error.strerror}") from None


def folder_of(path: str | Path) -> Path:
    """Check the existence of a folder and return it.

    Raises:
        BadInputError: the folder does not exist.
    """
    if not Path(path).is_dir():
        raise BadInputError(f"{path}: no such folder")
    return Path(path)
