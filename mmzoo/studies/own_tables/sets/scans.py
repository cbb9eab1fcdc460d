"""Tables of radiology: pictures of cases with captions and notes, and questions about pictures."""

import json
from pathlib import Path

import pandas as pd

from mmzoo.studies.own_tables.archives import (
    find_file,
    jpeg,
    members_of,
    numbered,
    random_split,
    read_arrays,
)
from mmzoo.studies.own_tables.table import Content, Table

RARE = 12  # cases of a location, below which it is left out
MEDPIX = "MedPix 2.0 d3bc431; no license stated, use only"
OFFICIAL = "official, by case"
KINDS = {name: "image" for name in ("picture", "picture_1", "picture_2")} | {"sex": "category"}
KINDS |= dict.fromkeys(("caption", "history", "findings"), "text")
TARGETS = {"category": "region", "location": "specialty"}


def _pictures(data_dir: str | Path | None) -> pd.DataFrame:
    """Return one row for each picture."""
    lines = find_file("arrays/medpix2/descriptions.jsonl", data_dir).read_text(encoding="utf-8").splitlines()
    frame = pd.DataFrame([json.loads(line) for line in lines])
    frame["picture"] = [f"scans/{row:05d}.jpg" for row in range(len(frame))]
    frame["split"] = frame["split"].replace("dev", "validation")
    for name in ("history", "findings"):  # written over several lines
        frame[name] = [" ".join(str(text or "").split()) for text in frame[name]]
    for name in ("age", "sex"):
        frame[name] = [None if cell in ("N/A", "") else cell for cell in frame[name]]
    return frame


def _content(frame: pd.DataFrame, target: str, data_dir: str | Path | None) -> Content:
    frame = frame.rename(columns={target: TARGETS[target]})
    kinds = {name: KINDS[name] for name in frame if name in KINDS}
    arrays = read_arrays("arrays/medpix2/images.npz", data_dir) if "image" in kinds.values() else {}
    return Content(frame, kinds, lambda name: jpeg(arrays, numbered(name)))


def scan_region(data_dir: str | Path | None) -> Content:
    """Load a picture, its caption, and age and sex of the patient, and the region of the body."""
    frame = _pictures(data_dir)
    frame = frame[~frame["caption"].str.startswith("Replace this")]
    frame = frame[["picture", "caption", "age", "sex", "category", "split"]]
    return _content(frame, "category", data_dir)


def scan_pairs(data_dir: str | Path | None) -> Content:
    """Load two pictures of a case, the history of the patient, and the region of the body; one row for each case."""
    frame = _pictures(data_dir)
    first = frame.drop_duplicates("case")
    second = frame[frame.duplicated("case")].drop_duplicates("case")
    both = first.merge(second[["case", "picture"]], on="case", suffixes=("_1", "_2"))
    both = both[["picture_1", "picture_2", "history", "category", "split"]]
    return _content(both, "category", data_dir)


def case_notes(data_dir: str | Path | None) -> Content:
    """Load history and findings of cases, two columns of text, and the specialty; the largest class has 12 times more.

    One row for each case.
    """
    frame = _pictures(data_dir).drop_duplicates("case")
    frame = frame[frame["location"].map(frame["location"].value_counts()) >= RARE]
    frame = frame[["history", "findings", "age", "sex", "location", "split"]]
    return _content(frame, "location", data_dir)


def scan_questions(data_dir: str | Path | None) -> Content:
    """Load questions that are answered by yes or no, with the picture; the questions on a picture stay together.

    The official split has the same pictures in training and test.
    """
    from mmzoo.data.builders.vqa_rad import ARCHIVE, JPEGS

    members = members_of(ARCHIVE, data_dir)
    rows = [row for part in ("train", "test") for row in json.loads(members[f"data_RAD/{part}set.json"])]
    rows = [
        (f"images/{row['image_name']}", " ".join(str(row["question"]).split()), str(row["answer"]).strip().lower())
        for row in rows
    ]
    frame = pd.DataFrame([row for row in rows if row[2] in ("yes", "no")], columns=["picture", "question", "answer"])
    frame = frame.drop_duplicates(["picture", "question"]).reset_index(drop=True)
    frame["split"] = random_split(frame, "answer", "picture")
    return Content(frame, {"picture": "image", "question": "text"}, lambda name: members[JPEGS + Path(name).name])


TABLES = (
    Table("scan_region", "image + text + numbers", "region", "class", MEDPIX, OFFICIAL, scan_region),
    Table("scan_pairs", "two images + text", "region", "class", MEDPIX, OFFICIAL, scan_pairs),
    Table("case_notes", "two texts + numbers", "specialty", "class", MEDPIX, OFFICIAL, case_notes),
    Table(
        *("scan_questions", "image + text", "answer", "class"),
        *("VQA-RAD 4ae21bc, questions of yes or no; CC0 1.0", "random, by picture", scan_questions),
    ),
)
