"""Tables of pictures: one in a row, or two to compare."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from mmzoo.studies.own_tables.archives import jpeg, named_split, numbered, png, random_split, read_arrays
from mmzoo.studies.own_tables.table import Content, Table

PHOTOS = {"train": 400, "validation": 100, "test": 200}  # of each class
PAIRS = 24  # pairs of each person with the same, and with another person


def eyes(data_dir: str | Path | None) -> Content:
    """Load grey pictures of open and closed eyes."""
    arrays = read_arrays("arrays/eye_state/eye_state.npz", data_dir)
    frame = pd.DataFrame(
        {
            "photo": [f"photos/{row:05d}.jpg" for row in range(len(arrays["y"]))],
            "state": np.where(arrays["y"] == 1, "open", "closed"),
            "split": named_split(arrays["split"]),
        }
    )
    return Content(frame, {"photo": "image"}, lambda name: jpeg(arrays, numbered(name)))


def hand_signs(data_dir: str | Path | None) -> Content:
    """Load pictures of hands that show a digit; the pictures of a student stay together.

    Students were photographed one after another, each from 0 to 9: where the digits fall, the next one begins.
    """
    arrays = read_arrays("arrays/sign_digits/sign_digits_64.npz", data_dir)
    taken = [int(re.sub(r"\D", "", name)) for name in arrays["name"]]
    order = np.argsort(taken, kind="stable")
    digits = arrays["label"][order].astype(int)
    student = np.cumsum(np.diff(digits, prepend=digits[0]) < 0)
    frame = pd.DataFrame({"picture": [f"signs/{row:05d}.jpg" for row in order], "digit": digits, "student": student})
    frame["split"] = random_split(frame, "digit", "student")
    return Content(
        frame.drop(columns="student"),
        {"picture": "image"},
        lambda name: jpeg(arrays, numbered(name), offsets="jpg_off"),
    )


def photos(data_dir: str | Path | None) -> Content:
    """Load a part of CIFAR-10 with as many pictures of each class; the test rows are official test pictures."""
    arrays = read_arrays("arrays/cifar10_jpg/cifar10_jpg.npz", data_dir)
    rng, rows = np.random.default_rng(0), []
    for part, splits in (("train", ("train", "validation")), ("test", ("test",))):
        for label, name in enumerate(arrays["classes"]):
            found, start = rng.permutation(np.flatnonzero(arrays[f"{part}_y"] == label)), 0
            for split in splits:
                taken = found[start : start + PHOTOS[split]]
                rows += [(f"{part}/{row:05d}.jpg", str(name), split) for row in taken]
                start += PHOTOS[split]
    frame = pd.DataFrame(rows, columns=["photo", "label", "split"])
    frame = frame.iloc[rng.permutation(len(frame))]

    def read(name: str) -> bytes:
        part = Path(name).parent.name
        return jpeg(arrays, numbered(name), f"{part}_jpg", f"{part}_off")

    return Content(frame, {"photo": "image"}, read)


def faces(data_dir: str | Path | None) -> Content:
    """Load pairs of pictures of faces, of the same person or of two; no person is in two splits."""
    arrays = read_arrays("arrays/orl_faces/orl_faces.npz", data_dir)
    rng = np.random.default_rng(0)
    persons = rng.permutation(np.unique(arrays["subject"]))
    parts = {"train": persons[:25], "validation": persons[25:31], "test": persons[31:]}
    rows = []
    for split, own in parts.items():
        of = {person: np.flatnonzero(arrays["subject"] == person) for person in own}
        for person in own:
            pairs = rng.permutation([(a, b) for a in of[person] for b in of[person] if a != b])
            rows += [(a, b, "same", split) for a, b in pairs[:PAIRS]]
            others = rng.choice(np.concatenate([of[other] for other in own if other != person]), PAIRS, replace=False)
            rows += [(rng.choice(of[person]), other, "different", split) for other in others]
    frame = pd.DataFrame(rows, columns=["first", "second", "person", "split"])
    for name in ("first", "second"):
        frame[name] = [f"faces/{row:03d}.png" for row in frame[name]]
    frame = frame.iloc[rng.permutation(len(frame))]
    return Content(frame, {"first": "image", "second": "image"}, lambda name: png(arrays["images"][numbered(name)]))


TABLES = (
    Table("eyes", "image", "state", "class", "eye_state; no license stated", "official, by picture", eyes),
    Table(
        *("hand_signs", "image", "digit", "class"),
        *("Sign Language Digits 4b09433; Apache-2.0", "random, by student", hand_signs),
    ),
    Table(
        *("photos", "image", "label", "class"),
        *("CIFAR-10 as JPEG, 7,000 pictures; no license stated", "official test, random validation", photos),
    ),
    Table(
        *("faces", "two images", "person", "class"),
        *("ORL faces; use only", "random, by person", faces),
    ),
)
