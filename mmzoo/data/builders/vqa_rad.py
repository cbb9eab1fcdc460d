"""VQA-RAD as tfds records: 315 radiology images with 3,515 questions.

From a pinned GitHub commit. Importing this module registers the builder `vqa_rad` with tensorflow_datasets. Nothing
else in mmzoo imports it before a user asks for the data. Source: https://github.com/longle0702/med-v2qa, with a copy of
VQA-RAD, license CC0.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from mmzoo.data.arrays import SPLITS
from mmzoo.data.batches.questions import NAMED, check_rows
from mmzoo.data.decode.image import decode_image
from mmzoo.data.download.archive import Archive, find_or_download, read_members
from mmzoo.data.sources.vqa_answers import normalize_answer
from mmzoo.data.sources.vqa_rad import KINDS, LENGTH
from mmzoo.errors import BadInputError

ARCHIVE = Archive(
    owner_repo="longle0702/med-v2qa",
    commit="4ae21bc19dd20cb5e76fa89f3e77c07230b526c3",
    wanted=r"data_RAD/((train|test)set\.json|images/\w+\.jpg)",
    sha256="a719885e1a9cd9bd3d9bc452ddf359130d584f0b3ba4274bfca372046380daa3",
)
JPEGS = "data_RAD/images/"
FIELDS = ("question", "answer", "image_name", "answer_type", "phrase_type", "qid")
FRAME = "frame"  # a question in a fixed form: the test split has none
VALIDATION = 300  # free-form questions, about as many as the test split has in total


class VqaRad(tfds.core.GeneratorBasedBuilder):
    """tfds builder of VQA-RAD: questions about radiology images.

    Records hold `image` `(H, W, 3)` uint8, its `name`, and its `questions`, each with an `answer` and a `kind`. An
    image is in each split with questions about it. Answers are normalized by `mmzoo.data.sources.vqa_answers`.
    `archive_dir` is searched for the archive before a download.
    """

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {"1.1.0": "Answers are normalized as published scores have them."}  # noqa: RUF012, as tfds has it

    def __init__(self, *args: Any, archive_dir: str | Path | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._archive_dir = archive_dir

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text()
        features = {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
            "name": text,
            "questions": tfds.features.Sequence({"question": text, "answer": text, "kind": text}),
        }
        return self.dataset_info_from_configs(
            description="Radiographs, CTs and MRIs, what doctors asked about them and what others answered.",
            homepage="https://osf.io/89kps/",
            license="CC0 1.0",
            features=tfds.features.FeaturesDict(features),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        path = find_or_download(ARCHIVE, self._archive_dir, dl_manager.download_dir)
        members = read_members(path, ARCHIVE)
        return {split: self._generate_examples(members, split) for split in SPLITS}

    def _generate_examples(self, members: dict[str, bytes], split: str) -> Iterator[tuple[str, dict]]:
        for name, questions in sorted(_asked(members, split).items()):
            content = members[JPEGS + name]
            decode_image(content, 3, name=JPEGS + name)  # raises here with its name if it does not decode
            yield name, {"image": content, "name": name, "questions": questions}


def _asked(members: dict[str, bytes], split: str) -> dict[str, list[dict]]:
    """Group the questions of a split by image, checked.

    Returns `{image: [{"question", "answer", "kind"}, ...]}`.
    """
    name = f"data_RAD/{'test' if split == 'test' else 'train'}set.json"
    try:
        found = json.loads(members[name])
    except (KeyError, ValueError) as error:
        raise BadInputError(f"{name}: expected a JSON list of questions. Received: {error!r:.200}") from None
    if not isinstance(found, list):
        raise BadInputError(f"{name}: expected a JSON list of questions. Received: {type(found).__name__}")
    _check(name, found)
    rows = [_row(question) for question in found]
    pictures = {member.removeprefix(JPEGS) for member in members if member.startswith(JPEGS)}
    answers = {row["answer"] for row in rows} - {""}
    check_rows(name, [(row["question"], row["answer"], row["picture"]) for row in rows], answers, pictures, LENGTH)
    held, asked = set() if split == "test" else _validation(found), {}
    for i, row in enumerate(rows):
        if (i in held) == (split == "validation"):
            asked.setdefault(row.pop("picture"), []).append(row)
    return asked


def _check(name: str, found: list) -> None:
    """Check the fields and the answer type of each row."""
    bad = []
    for i, row in enumerate(found):
        if not isinstance(row, dict) or (missing := [field for field in FIELDS if field not in row]):
            bad.append(f"row {i}: {row!r:.60}" if not isinstance(row, dict) else f"row {i}: no {missing[0]}")
        elif str(row["answer_type"]).strip().lower() not in KINDS:
            bad.append(f"row {i}: the answer type {row['answer_type']!r:.40}")
    if bad:
        more = f"; and {len(bad) - NAMED} rows more" if len(bad) > NAMED else ""
        expected = f"rows of {', '.join(FIELDS)}, the answer type one of {', '.join(KINDS)}"
        raise BadInputError(f"{name}: expected {expected}. Received: {'; '.join(bad[:NAMED])}{more}")


def _row(question: dict) -> dict[str, str]:
    answer, kind = normalize_answer(question["answer"]), str(question["answer_type"]).strip().lower()
    return {"question": question["question"], "answer": answer, "kind": kind, "picture": question["image_name"]}


def _validation(found: list[dict]) -> set[int]:
    """Draw validation questions at random among free-form training questions.

    Returns their indices.
    """
    free = [i for i, row in enumerate(found) if row["phrase_type"] != FRAME]
    drawn = np.random.default_rng(0).permutation(len(free))[: min(VALIDATION, len(free) // 4)]
    return {free[i] for i in drawn}
