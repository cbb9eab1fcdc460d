"""Tables of numbers: sensors, measurements of tumours, and patients."""

from pathlib import Path

import numpy as np
import pandas as pd

from mmzoo.studies.own_tables.archives import find_file, named_split, random_split, read_arrays
from mmzoo.studies.own_tables.table import Content, Table

WINDOW = 50  # samples: one second
CHANNELS = tuple(f"{sensor}_{axis}" for sensor in ("acceleration", "rotation") for axis in "xyz")


def activity(data_dir: str | Path | None) -> Content:
    """Load seconds of phone and watch sensors as statistics of each channel, and the activity of most samples.

    `fit` has no series: mean, deviation, minimum, maximum and mean absolute step of each channel stand for them. A
    person is in one split.
    """
    arrays = read_arrays("arrays/phone_watch_har/phone_watch_har.npz", data_dir)
    rows = []
    for run, subject in enumerate(arrays["subject"]):
        for start in range(arrays["off"][run], arrays["off"][run + 1] - WINDOW + 1, WINDOW):
            part = slice(start, start + WINDOW)
            row = {"subject": int(subject)}
            for device in ("phone", "watch"):
                values = arrays[device][part].astype(np.float64)
                found = {
                    "mean": values.mean(axis=0),
                    "deviation": values.std(axis=0),
                    "minimum": values.min(axis=0),
                    "maximum": values.max(axis=0),
                    "step": np.abs(np.diff(values, axis=0)).mean(axis=0),
                }
                for what, numbers in found.items():
                    row |= {
                        f"{device}_{channel}_{what}": round(float(value), 4)
                        for channel, value in zip(CHANNELS, numbers, strict=True)
                    }
            row["activity"] = str(arrays["labels"][np.bincount(arrays["y"][part]).argmax()]).lower()
            rows.append(row)
    frame = pd.DataFrame(rows)
    frame["split"] = random_split(frame, "activity", "subject")
    return Content(frame.drop(columns="subject"))


def occupancy(data_dir: str | Path | None) -> Content:
    """Load minutes of a room's sensors, and whether somebody is there; the three official files are the splits."""
    frames = []
    for code, name in enumerate(("datatraining", "datatest", "datatest2")):
        frame = pd.read_csv(find_file(f"arrays/occupancy/{name}.txt", data_dir))
        frame["split"] = named_split(np.full(len(frame), code))
        frames.append(frame)
    frame = pd.concat(frames, ignore_index=True)
    frame["Occupancy"] = np.where(frame["Occupancy"] == 1, "occupied", "empty")
    return Content(frame.rename(columns={"Occupancy": "room"}), {"date": "date"})


def tumours(data_dir: str | Path | None) -> Content:
    """Load measurements of tumours of the breast; scikit-learn has them."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer(as_frame=True)
    frame = found.data.copy()
    frame["tumour"] = found.target_names[found.target]
    frame["split"] = random_split(frame, "tumour")
    return Content(frame)


def diabetes(data_dir: str | Path | None) -> Content:
    """Load ten measurements of patients, and the progression of diabetes a year later; scikit-learn has them."""
    from sklearn.datasets import load_diabetes

    frame = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
    frame["sex"] = frame["sex"].astype(int)
    frame["split"] = random_split(frame, "progression")
    return Content(frame, {"sex": "category"})


TABLES = (
    Table(
        *("activity", "numbers (series)", "activity", "class"),
        *("phone_watch_har 1408d85; CC BY 4.0", "random, by person", activity),
    ),
    Table(
        *("occupancy", "numbers + date", "room", "class"),
        *("Occupancy detection ba2b1d7; no license stated", "official", occupancy),
    ),
    Table(
        *("tumours", "numbers", "tumour", "class"),
        *("breast cancer of scikit-learn; CC BY 4.0", "random", tumours),
    ),
    Table(
        *("diabetes", "numbers", "progression", "number"),
        *("diabetes of scikit-learn", "random", diabetes),
    ),
)
