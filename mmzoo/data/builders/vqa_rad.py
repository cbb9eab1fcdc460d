"""VQA-RAD as tfds records: 315 radiological pictures with 3,515 questions, from a pinned GitHub commit.

Importing this module registers the builder `vqa_rad` with tensorflow_datasets; nothing else in mmzoo imports it before
a user asks for the data. Source: https://github.com/longle0702/med-v2qa, which has a copy of VQA-RAD, license CC0.
"""

import json

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
FRAME = "frame"  # a question put into a fixed form: the test has none
VALIDATION = 300  # questions, about as many of the others as the test has of all


class VqaRad(tfds.core.GeneratorBasedBuilder):
    """Records of `image` `(H, W, 3)` uint8, its `name`, and its `questions`, each with an `answer` and a `kind`.

    A picture is in each split that has questions about it. Answers are as `mmzoo.data.sources.vqa_answers` writes them.
    `archive_dir` is searched for the archive before anything is downloaded.
    """

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {"1.1.0": "Answers are normalized as published scores have them."}  # noqa: RUF012, as tfds has it

    def __init__(self, *args, archive_dir=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._archive_dir = archive_dir

    def _info(self):
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

    def _split_generators(self, dl_manager):
        path = find_or_download(ARCHIVE, self._archive_dir, dl_manager.download_dir)
        members = read_members(path, ARCHIVE)
        return {split: self._generate_examples(members, split) for split in SPLITS}

    def _generate_examples(self, members, split):
        for name, questions in sorted(_asked(members, split).items()):
            content = members[JPEGS + name]
            decode_image(content, 3, name=JPEGS + name)  # what does not decode is told here, with its name
            yield name, {"image": content, "name": name, "questions": questions}


def _asked(members, split):
    """Return `{picture: [{"question", "answer", "kind"}, ...]}` of a split, checked."""
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
    said = {row["answer"] for row in rows} - {""}
    check_rows(name, [(row["question"], row["answer"], row["picture"]) for row in rows], said, pictures, LENGTH)
    held, asked = set() if split == "test" else _validation(found), {}
    for i, row in enumerate(rows):
        if (i in held) == (split == "validation"):
            asked.setdefault(row.pop("picture"), []).append(row)
    return asked


def _check(name, found):
    """Raise BadInputError unless each of `found` has all fields, and an answer type that we know."""
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


def _row(question):
    answer, kind = normalize_answer(question["answer"]), str(question["answer_type"]).strip().lower()
    return {"question": question["question"], "answer": answer, "kind": kind, "picture": question["image_name"]}


def _validation(found):
    """Return the places of the training questions for validation: drawn at random among those in free form."""
    free = [i for i, row in enumerate(found) if row["phrase_type"] != FRAME]
    drawn = np.random.default_rng(0).permutation(len(free))[: min(VALIDATION, len(free) // 4)]
    return {free[i] for i in drawn}
