"""The whole study on two tiny tables: fit and predict as they are, for one epoch, in this process."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from mmzoo.artifacts.card import Card
from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables import own_fit, study
from mmzoo.studies.own_tables.settings import Settings
from mmzoo.studies.own_tables.table import Content, Table

PEERS = {"constant", "linear, numbers", "boosted trees"}


def rows(seed=0):
    rng = np.random.default_rng(seed)
    kind = np.array(["left", "right"] * 40)
    size = np.where(kind == "left", -1.0, 1.0) + rng.normal(0, 0.4, 80)
    split = ["train"] * 48 + ["validation"] * 16 + ["test"] * 16
    return pd.DataFrame({"size": size, "weight": rng.normal(size=80), "kind": kind, "split": split})


def missing(data_dir):
    raise BadInputError("bikes.npz: not found in `data_dir` or MMZOO_DATA_DIR")


def table(name, load):
    return Table(name, "numbers", "kind", "class", "drawn", "random", load)


@pytest.fixture
def tables(monkeypatch):
    """Let the suite be a table, and one whose source is not there."""
    both = [table("sides", lambda data_dir: Content(rows())), table("bikes", missing)]
    monkeypatch.setattr(study, "chosen", lambda names: both)
    return both


@pytest.fixture
def in_process(monkeypatch, run_main):
    """Run `mmzoo fit` and `predict` in this process, where TensorFlow is imported already; return what was run."""
    ran = []

    def timed(command, log):
        words = [str(word) for word in command[len(own_fit.MMZOO) :]]
        ran.append(words)
        return {"code": run_main(*words), "cpu_seconds": 1.5, "wall_seconds": 2.5}

    monkeypatch.setattr(own_fit, "timed", timed)
    return ran


@pytest.fixture
def fitted_before(monkeypatch):
    """Let a run of `fit` answer the truth with one mistake in a row of the test, and fail where `broken` says so."""
    state = {"runs": [], "broken": set()}

    def run_fit(held, seed, flags, out):
        state["runs"].append((seed, tuple(flags)))
        if seed in state["broken"]:
            raise BadInputError(f"{held.record['name']}, seed {seed}: no memory")
        answers = {split: held.labels[split].copy() for split in ("validation", "test")}
        answers["test"][seed] = 1 - answers["test"][seed]
        inside = {
            "metric": "accuracy",
            "unimodal": {},
            "average": None,
            "replaced": None,
            "linear": {},
            "validation": {},
        }
        used = {"cpu_seconds": 10.0 + seed, "wall_seconds": 6.0, "bytes": 9, "modalities": ["tabular"]}
        return answers, used | {"parameters": 10, "inside": inside}

    monkeypatch.setattr(study, "run_fit", run_fit)
    return state


def runs_in(folder):
    return json.loads((folder / "runs.json").read_text())["runs"]


def test_study_of_tiny_tables(tables, in_process, cache, tmp_path):
    settings = Settings(epochs=1, options="--fusion concat")
    readme = study.compare_on_tables(tmp_path / "out", settings, [4])
    runs = {(run["model"], run["seed"]): run for run in runs_in(tmp_path / "out")}
    assert set(runs) == {(name, 0) for name in PEERS} | {("fit", 4)}
    fit = runs["fit", 4]
    assert fit["flags"] == ["--epochs", "1", "--fusion", "concat"]
    assert fit["rows"] == {"train": 48, "validation": 16, "test": 16}
    assert fit["bytes"] == (tmp_path / "out/models/sides/fit_4/model_float32.tflite").stat().st_size
    assert fit["cpu_seconds"] == 1.5
    assert fit["modalities"] == ["tabular"]
    card = Card.read(tmp_path / "out/models/sides/fit_4")
    assert fit["test"]["accuracy"] == pytest.approx(card.scores.artifacts["model_float32.tflite"]["accuracy"])
    assert [words[0] for words in in_process] == ["fit", "predict"]
    assert {"--seed", "4", "--split", "split", "--target", "kind"} <= set(in_process[0])
    assert fit["inside"]["linear"]["tabular"] > 0.8
    assert runs["linear, numbers", 0]["test"]["accuracy"] > 0.8
    page = readme.read_text()
    assert "| sides | numbers | 48 / 16 / 16 | accuracy |" in page
    assert "## fit: `mmzoo fit --epochs 1 --fusion concat`" in page


def test_finished_runs_are_not_repeated(tables, fitted_before, tmp_path, monkeypatch):
    study.compare_on_tables(tmp_path, Settings(), [0, 1])
    before = runs_in(tmp_path)
    assert fitted_before["runs"] == [(0, ()), (1, ())]
    monkeypatch.setattr(study, "problem_of", lambda *given: pytest.fail("a finished peer is trained again"))
    study.compare_on_tables(tmp_path, Settings(), [0, 1, 2])
    assert fitted_before["runs"] == [(0, ()), (1, ()), (2, ())]
    assert runs_in(tmp_path)[: len(before)] == before
    assert len(runs_in(tmp_path)) == len(before) + 1


def test_progress_and_missing_sources_are_printed(tables, fitted_before, tmp_path, caplog):
    caplog.set_level(logging.INFO, "mmzoo.studies.own_tables.study")
    study.compare_on_tables(tmp_path, Settings(ours_only=True), [1])
    lines = [record.message for record in caplog.records]
    assert lines == [
        "[1/2] sides            fit, seed 1        accuracy: validation 1.0000, test 0.9375, 11 s of CPU",
        "[2/2] bikes            skipped: bikes.npz: not found in `data_dir` or MMZOO_DATA_DIR",
    ]


def test_interrupted_peers_go_on(tables, fitted_before, tmp_path, monkeypatch):
    whole = study.run_peers

    def stopped(problem, names):
        yield next(whole(problem, names))
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "run_peers", stopped)
    with pytest.raises(KeyboardInterrupt):
        study.compare_on_tables(tmp_path, Settings(peers_only=True))
    assert [run["model"] for run in runs_in(tmp_path)] == ["constant"]
    first = runs_in(tmp_path)[0]
    monkeypatch.setattr(study, "run_peers", whole)
    study.compare_on_tables(tmp_path, Settings(peers_only=True))
    assert {run["model"] for run in runs_in(tmp_path)} == PEERS
    assert runs_in(tmp_path)[0] == first
    assert not fitted_before["runs"]


def test_two_studies_write_into_one_folder(tables, fitted_before, tmp_path, monkeypatch):
    fit = study.run_fit

    def meanwhile(held, seed, flags, out):
        monkeypatch.setattr(study, "run_fit", fit)
        study.compare_on_tables(tmp_path, Settings(peers_only=True))
        return fit(held, seed, flags, out)

    monkeypatch.setattr(study, "run_fit", meanwhile)
    page = study.compare_on_tables(tmp_path, Settings(ours_only=True), [0]).read_text()
    assert {run["model"] for run in runs_in(tmp_path)} == {*PEERS, "fit"}
    assert "| boosted trees |" in page


def test_failed_run_is_recorded_and_tried_again(tables, fitted_before, tmp_path):
    fitted_before["broken"] = {1}
    page = study.compare_on_tables(tmp_path, Settings(ours_only=True), [0, 1]).read_text()
    assert "- failed: sides, seed 1: sides, seed 1: no memory" in page
    assert [run.get("error", "") for run in runs_in(tmp_path)] == ["", "sides, seed 1: no memory"]
    fitted_before["broken"] = set()
    page = study.compare_on_tables(tmp_path, Settings(ours_only=True), [0, 1]).read_text()
    assert "failed" not in page
    assert len(runs_in(tmp_path)) == 2
    assert fitted_before["runs"] == [(0, ()), (1, ()), (1, ())]


def test_versions_of_fit_are_compared_under_labels(tables, fitted_before, tmp_path):
    study.compare_on_tables(tmp_path, Settings(label="before"), [0])
    with pytest.raises(BadInputError, match="the runs before have no flags; use another `label`"):
        study.compare_on_tables(tmp_path, Settings(label="before", epochs=3), [1])
    page = study.compare_on_tables(tmp_path, Settings(label="after", epochs=3), [0]).read_text()
    assert "## before: `mmzoo fit` with its defaults" in page
    assert "## after: `mmzoo fit --epochs 3`" in page


def test_other_rows_of_a_table_are_refused(tables, fitted_before, tmp_path):
    study.compare_on_tables(tmp_path / "out", Settings(work=str(tmp_path / "a")), [0])
    tables[0] = table("sides", lambda data_dir: Content(rows(seed=1)))
    with pytest.raises(BadInputError, match="it has runs of other rows of sides"):
        study.compare_on_tables(tmp_path / "out", Settings(work=str(tmp_path / "b")), [1])
    with pytest.raises(BadInputError, match="expected runs of the same limit"):
        study.compare_on_tables(tmp_path / "out", Settings(work=str(tmp_path / "c"), limit=5), [1])


def test_settings_that_exclude_each_other(tables, tmp_path):
    with pytest.raises(BadInputError, match="`peers_only` and `ours_only`"):
        study.compare_on_tables(tmp_path, Settings(peers_only=True, ours_only=True))
    with pytest.raises(BadInputError, match="`label` must not begin as the name of a peer, got linear, new"):
        study.compare_on_tables(tmp_path, Settings(label="linear, new"))


def test_failure_of_fit_has_its_last_line(tables, tmp_path, monkeypatch):
    def timed(words, log):
        log.write_text("decoding\nmmzoo: column size: expected a number\n\n")
        return {"code": 2, "cpu_seconds": 1.0, "wall_seconds": 1.0}

    monkeypatch.setattr(own_fit, "timed", timed)
    study.compare_on_tables(tmp_path, Settings(ours_only=True), [0])
    assert runs_in(tmp_path)[0]["error"] == "sides, seed 0: mmzoo: column size: expected a number (exit code 2)"


def test_autogluon_is_a_peer(tables, fitted_before, tmp_path, monkeypatch):
    def run_autogluon(held, python, work):
        assert python == "other/python"
        answers = {split: held.labels[split] for split in ("validation", "test")}
        return answers, {"cpu_seconds": 3.0, "wall_seconds": 2.0, "settings": "a model, autogluon.tabular 1.0"}

    monkeypatch.setattr(study, "run_autogluon", run_autogluon)
    page = study.compare_on_tables(tmp_path, Settings(autogluon="other/python"), [0]).read_text()
    assert "| AutoGluon |" in page
    run = next(run for run in runs_in(tmp_path) if run["model"] == "AutoGluon")
    assert (run["test"]["accuracy"], run["settings"]) == (1, "a model, autogluon.tabular 1.0")
    monkeypatch.setattr(study, "run_autogluon", lambda *given: pytest.fail("a finished peer is trained again"))
    study.compare_on_tables(tmp_path, Settings(autogluon="other/python"), [0])
