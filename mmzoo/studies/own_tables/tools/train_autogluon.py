"""Train AutoGluon on a table: a script for a Python that has autogluon.tabular; it imports nothing of mmzoo.

Erickson et al. 2020, AutoGluon-Tabular: Robust and Accurate AutoML for Structured Data.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

KINDS = {"class": ("binary", "multiclass"), "number": ("regression",)}
METRICS = {"accuracy": "accuracy", "weighted_f1": "f1_weighted", "mae": "mean_absolute_error"}


def main(path: str) -> None:
    """Train by the settings in the JSON file at `path`; write answers and version to the JSON file that it names.

    The settings are `table`, `target`, `task`, `metric`, `columns` to learn from, `seconds`, `work` and `out`.
    """
    import pandas as pd
    from autogluon.tabular import TabularPredictor

    job = json.loads(Path(path).read_text(encoding="utf-8"))
    target, texts = job["target"], dict.fromkeys(job["texts"], str)
    frame = pd.read_csv(job["table"], dtype=texts if job["task"] == "number" else texts | {target: str})
    parts = {split: frame[frame["split"] == split][[*job["columns"], target]] for split in set(frame["split"])}
    kind = KINDS[job["task"]][-1 if frame[target].nunique() > 2 else 0]
    predictor = TabularPredictor(target, kind, METRICS[job["metric"]], path=job["work"], verbosity=1)
    predictor.fit(parts["train"], tuning_data=parts["validation"], time_limit=job["seconds"])
    answers = {split: predictor.predict(parts[split]).tolist() for split in ("validation", "test")}
    best = f"{predictor.model_best}, autogluon.tabular {version('autogluon.tabular')}"
    Path(job["out"]).write_text(json.dumps({"answers": answers, "settings": best}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
