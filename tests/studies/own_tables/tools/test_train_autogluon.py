"""The script runs in another Python; here that Python finds a package of the name that answers the majority."""

import sys

import numpy as np
import pandas as pd
import pytest

from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables.held import read_held
from mmzoo.studies.own_tables.table import Content, Table, write_table
from mmzoo.studies.own_tables.tools.run import run_autogluon, takes

PACKAGE = """
class TabularPredictor:
    model_best = "majority"

    def __init__(self, label, problem_type, eval_metric, path, verbosity):
        self.label, self.kind, self.metric = label, problem_type, eval_metric

    def fit(self, train, tuning_data, time_limit):
        assert list(train) == ["code", "size", self.label], list(train)
        assert train["code"].tolist()[0] == "007", train["code"].tolist()
        assert (len(train), len(tuning_data), time_limit) == (6, 2, 300)
        print(self.kind, self.metric)
        values = train[self.label]
        self.value = values.median() if self.kind == "regression" else values.mode()[0]

    def predict(self, rows):
        import pandas as pd
        return pd.Series([self.value] * len(rows))
"""
METADATA = "Metadata-Version: 2.1\nName: autogluon.tabular\nVersion: 9.9\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put a package autogluon.tabular 9.9 where a Python that is started finds it."""
    place = tmp_path / "site"
    (place / "autogluon" / "tabular").mkdir(parents=True)
    (place / "autogluon" / "tabular" / "__init__.py").write_text(PACKAGE)
    info = place / "autogluon.tabular-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    monkeypatch.setenv("PYTHONPATH", str(place))


def held(folder, task, cells):
    frame = pd.DataFrame({"photo": [f"{row}.png" for row in range(10)], "code": ["007"] * 10, "size": range(10)})
    frame["goal"], frame["split"] = cells, ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    kinds = {"photo": "image", "code": "category"}
    table = Table(
        "goals", "image + numbers", "goal", task, "drawn", "random", lambda d: Content(frame, kinds, str.encode)
    )
    path, record = write_table(table, folder)
    return read_held(path.parent, record)


@pytest.mark.parametrize(
    ("task", "cells", "expected", "said"),
    [
        ("class", ["02", "1", "02", "02", "1", "02", "1", "02", "02", "1"], 0, "binary accuracy"),
        ("class", ["a", "b", "b", "b", "a", "c", "c", "a", "b", "b"], 1, "multiclass accuracy"),
        ("number", np.arange(10.0), 2.5, "regression mean_absolute_error"),
    ],
)
def test_script_answers_in_another_python(package, tmp_path, task, cells, expected, said):
    table = held(tmp_path, task, cells)
    assert takes(table)
    answers, used = run_autogluon(table, sys.executable, tmp_path / "work")
    assert answers["validation"].tolist() == answers["test"].tolist() == [expected] * 2
    assert used["settings"] == "majority, autogluon.tabular 9.9"
    assert (tmp_path / "work/log").read_text().strip() == said


def test_failure_is_one_line(tmp_path):
    table = held(tmp_path, "number", np.arange(10.0))
    with pytest.raises(BadInputError, match=r"goals, AutoGluon: ModuleNotFoundError: .*autogluon.*exit code 1"):
        run_autogluon(table, sys.executable, tmp_path / "work")
    with pytest.raises(BadInputError, match="`autogluon`: nowhere/python: No such file"):
        run_autogluon(table, "nowhere/python", tmp_path / "work")


def test_several_labels_are_not_taken(tmp_path):
    assert not takes(held(tmp_path, "labels", ["a|b", "b"] * 5))
