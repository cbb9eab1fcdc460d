"""Boxes in Pascal VOC XML files, one for each image.

VOC counts pixels from 1 and names the first and the last pixel of a box: `xmin` 1 and `xmax` 640 cover an image of 640
pixels, in memory 0 and 640. Corners are integers: a box is written with rounded edges. Everingham et al. 2010 (The
PASCAL visual object classes challenge), and its development kit.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.data.boxes.records import (
    SMALLEST,
    Boxed,
    Found,
    Row,
    Skipped,
    check_found,
    file_in,
    folder_of,
    number,
    read_content,
)

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(
    annotations: str | Path, images: str | Path, names: Sequence[str] | None = None, on_bad: str = "raise"
) -> tuple[list[Boxed], list[Skipped]]:
    """Read all `*.xml` below a folder, with images in the folder `images`.

    Returns images in the order of the file names, and skipped rows. Difficult boxes are treated as any other. Errors
    and arguments are as in `mmzoo.data.boxes.records.check_found`.
    """
    files = sorted(folder_of(annotations).rglob("*.xml"))
    parsed = [parse_voc(read_content(file), str(file)) for file in files]
    found = [one for one, _ in parsed if one]
    return check_found(found, [why for _, wrong in parsed for why in wrong], folder_of(images), names, on_bad)


def parse_voc(content: bytes, where: str) -> tuple[Found | None, list[Skipped]]:
    """Parse an XML file to an unchecked image and invalid rows.

    `where` is the name of the file.
    """
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, ValueError, LookupError) as error:  # LookupError: of an unknown encoding
        return None, [Skipped(where, f"no XML: {error}")]
    path = (root.findtext("filename") or "").strip().replace("\\", "/")
    size = tuple(number(root.findtext(f"size/{side}")) for side in ("width", "height"))
    if not path or not all(side > 0 and side == int(side) for side in size if np.isfinite(side)):
        return None, [Skipped(where, "no filename or no size of the image")]
    rows, wrong = [], []
    for i, thing in enumerate(root.iter("object"), start=1):
        corners = [number(thing.findtext(f"bndbox/{corner}")) for corner in CORNERS]
        name = (thing.findtext("name") or "").strip()
        if not name or not np.isfinite(corners).all():
            wrong.append(Skipped(f"{where}, object {i}", "no name or no four corners"))
            continue
        left, top, right, bottom = corners
        rows.append(Row(f"{where}, object {i}", name, (left - 1, top - 1, right, bottom)))
    size_in_file = tuple(int(side) for side in size) if np.isfinite(size).all() else None  # it may be left out
    return Found(where, path, tuple(rows), size_in_file), wrong


def write_voc(pictures: Sequence[Boxed], folder: str | Path) -> None:
    """Write an XML file per image into `folder`, in the image's subfolder.

    An edge is rounded to the nearest pixel, and outward if a box would otherwise be lost.

    Raises:
        BadInputError: an image's path leads out of `folder`; nothing is written.
    """
    files = [file_in(folder, one.path, ".xml") for one in pictures]
    for path, one in zip(files, pictures, strict=True):
        root = ET.Element("annotation")
        ET.SubElement(root, "folder").text = Path(one.path).parent.name
        ET.SubElement(root, "filename").text = one.path
        sides = ET.SubElement(root, "size")
        for side, value in zip(("width", "height", "depth"), (*one.size, 3), strict=True):
            ET.SubElement(sides, side).text = str(value)
        for box, name in zip(one.boxes, one.names, strict=True):
            thing = ET.SubElement(root, "object")
            ET.SubElement(thing, "name").text = name
            for tag in ("truncated", "difficult"):
                ET.SubElement(thing, tag).text = "0"
            corners = ET.SubElement(thing, "bndbox")
            for corner, value in zip(CORNERS, _pixels(box), strict=True):
                ET.SubElement(corners, corner).text = str(value)
        ET.indent(root, "\t")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _pixels(box: np.ndarray) -> list[int]:
    """Convert a box to its first and last pixels, counted from 1."""
    low, high = np.rint(box[:2]), np.rint(box[2:])
    lost = high - low <= SMALLEST
    low, high = np.where(lost, np.floor(box[:2]), low), np.where(lost, np.ceil(box[2:]), high)
    return [*(low + 1).astype(int).tolist(), *high.astype(int).tolist()]
