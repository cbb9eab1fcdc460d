"""BCCD as tfds records: 364 blood microscopy images with 4,886 boxes.

From a pinned GitHub commit. Importing this module registers the builder `bccd` with tensorflow_datasets. Nothing else
in mmzoo imports it before a user asks for the data. Source: https://github.com/Shenggan/BCCD_Dataset, license MIT.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from mmzoo.data.boxes.records import check_found
from mmzoo.data.boxes.voc import parse_voc
from mmzoo.data.download.archive import Archive, find_or_download, read_members
from mmzoo.data.sources.bccd import CLASSES, PICTURE
from mmzoo.errors import BadInputError

ARCHIVE = Archive(
    owner_repo="Shenggan/BCCD_Dataset",
    commit="d272fb14cdff6e473fafeeeba32aba5f560e9e43",
    wanted=r"BCCD/(Annotations/\w+\.xml|JPEGImages/\w+\.jpg|ImageSets/Main/(train|val|test)\.txt)",
    sha256="6de497cb10976ce5579e47b9815414f39aaab8b429ebcec8bf929bdf48b3556b",
)
SPLITS = {"train": "train", "validation": "val", "test": "test"}  # the official ones, and their files
JPEGS = "BCCD/JPEGImages/"


class Bccd(tfds.core.GeneratorBasedBuilder):
    """tfds builder of BCCD: blood cell detection.

    Records hold `image` `(480, 640, 3)` uint8, its `name`, and its `objects`: each a `box` and a `label`. A box is
    left, top, right, bottom in pixels. `skipped` are the invalid boxes, as lines of text. `archive_dir` is searched for
    the archive before a download.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *args: Any, archive_dir: str | Path | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._archive_dir = archive_dir

    def _info(self) -> tfds.core.DatasetInfo:
        thing = {
            "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
            "label": tfds.features.ClassLabel(names=CLASSES),
        }
        features = {
            "image": tfds.features.Image(shape=(*PICTURE, 3), encoding_format="jpeg"),
            "name": tfds.features.Text(),
            "objects": tfds.features.Sequence(thing),
            "skipped": tfds.features.Sequence(tfds.features.Text()),
        }
        return self.dataset_info_from_configs(
            description="Microscopy images of blood, with boxes of red and white cells and platelets.",
            homepage="https://github.com/Shenggan/BCCD_Dataset",
            license="MIT",
            features=tfds.features.FeaturesDict(features),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        path = find_or_download(ARCHIVE, self._archive_dir, dl_manager.download_dir)
        members = read_members(path, ARCHIVE)
        return {split: self._generate_examples(members, file) for split, file in SPLITS.items()}

    def _generate_examples(self, members: dict[str, bytes], file: str) -> Iterator[tuple[str, dict]]:
        images = {name.removeprefix(JPEGS): content for name, content in members.items() if name.startswith(JPEGS)}
        for name in members[f"BCCD/ImageSets/Main/{file}.txt"].decode().split():
            where = f"BCCD/Annotations/{name}.xml"
            found, wrong = parse_voc(members.get(where, b""), where)
            pictures, skipped = check_found([found] if found else [], wrong, images, CLASSES, "skip")
            if not pictures:
                raise BadInputError(f"{where}: expected boxes of an image. Received: {skipped[0]}")
            (one,) = pictures
            boxes = one.boxes.astype(np.float32)
            objects = [{"box": b, "label": n} for b, n in zip(boxes, one.names, strict=True)]
            # the bytes of the JPEG go in as they are
            record = {"image": images[one.path], "name": one.path, "objects": objects}
            yield name, record | {"skipped": [str(row) for row in skipped]}
