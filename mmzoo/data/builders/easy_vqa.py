"""easy-VQA as tfds records: 5,000 images of one shape each, with 48,248 questions.

From a pinned GitHub commit. Importing this module registers the builder `easy_vqa` with tensorflow_datasets. Nothing
else in mmzoo imports it before a user asks for the data. Source: https://github.com/vzhou842/easy-VQA, license MIT.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from mmzoo.data.arrays import SPLITS
from mmzoo.data.batches.questions import check_rows
from mmzoo.data.decode.image import decode_image
from mmzoo.data.download.archive import Archive, find_or_download, read_members
from mmzoo.data.sources.easy_vqa import ANSWERS, IMAGE, LENGTH
from mmzoo.errors import BadInputError

ARCHIVE = Archive(
    owner_repo="vzhou842/easy-VQA",
    commit="3b553bb7ff42a868d5f4cbe8c88255d7333c3c31",
    wanted=r"easy_vqa/data/(train|test)/(questions\.json|images/\d+\.png)",
    sha256="fdd70503e5fd9e0dbfcef75ac5fcb41d649a6189bc639e4101c40e317a5492c0",
)
VALIDATION = range(3600, 4000)  # numbers of training images


class EasyVqa(tfds.core.GeneratorBasedBuilder):
    """tfds builder of easy-VQA: questions about images of one shape.

    Records hold `image` `(64, 64, 3)` uint8, its `number` in the archive, and its `questions`, each with an `answer`.
    `archive_dir` is searched for the archive before a download.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *args: Any, archive_dir: str | Path | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._archive_dir = archive_dir

    def _info(self) -> tfds.core.DatasetInfo:
        question = {"question": tfds.features.Text(), "answer": tfds.features.ClassLabel(names=ANSWERS)}
        features = {
            "image": tfds.features.Image(shape=(IMAGE, IMAGE, 3)),
            "number": tfds.features.Scalar(np.int32),
            "questions": tfds.features.Sequence(question),
        }
        return self.dataset_info_from_configs(
            description="Images of one colored shape, and questions about its shape, its color and its presence.",
            homepage="https://github.com/vzhou842/easy-VQA",
            license="MIT",
            features=tfds.features.FeaturesDict(features),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        path = find_or_download(ARCHIVE, self._archive_dir, dl_manager.download_dir)
        members = read_members(path, ARCHIVE)
        return {split: self._generate_examples(members, split) for split in SPLITS}

    def _generate_examples(self, members: dict[str, bytes], split: str) -> Iterator[tuple[str, dict]]:
        part = "test" if split == "test" else "train"
        folder = f"easy_vqa/data/{part}"
        pictures = {int(found[1]): name for name in members if (found := re.search(rf"{part}/images/(\d+)\.png", name))}
        asked = _asked(members, f"{folder}/questions.json", pictures)
        for number, name in sorted(pictures.items()):
            if number in asked and (split == "test" or (number in VALIDATION) == (split == "validation")):
                image = decode_image(members[name], 3, (IMAGE, IMAGE), name)
                yield name, {"image": image, "number": number, "questions": asked[number]}


def _asked(members: dict[str, bytes], name: str, pictures: dict[int, str]) -> dict[int, list[dict]]:
    """Group a file of `[question, answer, image]` rows by image.

    Returns `{image: [{"question", "answer"}, ...]}`.
    """
    try:
        rows = json.loads(members[name])
    except (KeyError, ValueError) as error:
        raise BadInputError(f"{name}: expected a JSON list of questions. Received: {error!r:.200}") from None
    if not isinstance(rows, list):
        raise BadInputError(f"{name}: expected a JSON list of questions. Received: {type(rows).__name__}")
    check_rows(name, rows, ANSWERS, pictures, LENGTH)
    asked = {}
    for question, answer, picture in rows:
        asked.setdefault(picture, []).append({"question": question, "answer": answer})
    return asked
