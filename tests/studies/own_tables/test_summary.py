"""The tables of the results, from runs that are written down here."""

import numpy as np
import pytest

from mmzoo.studies.own_tables.held import answers_path
from mmzoo.studies.own_tables.scores import score
from mmzoo.studies.own_tables.summary import best, is_peer, summary


@pytest.fixture
def runs(tmp_path):
    """Return runs of two tables, whose answers are on disk: a table of classes, and one of numbers."""
    rng, found = np.random.default_rng(0), []

    def add(table, model, seed, answers, truth, task, metric, **more):
        folder = tmp_path / "answers" / table
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(answers_path(folder, model, seed), validation=answers, test=answers, true_test=truth)
        scores = score(answers, truth, task)
        about = {"table": table, "model": model, "seed": seed, "kind": "numbers", "task": task, "metric": metric}
        rows = {"train": 10, "validation": len(truth), "test": len(truth)}
        run = about | {"rows": rows, "validation": scores, "test": scores, "flags": [], "cpu_seconds": 5.0}
        found.append(run | {"wall_seconds": 2.0, "bytes": 1234, "modalities": ["tabular"]} | more)

    inside = {"metric": "accuracy", "unimodal": {"image": 0.5, "text": 0.7}, "average": 0.71, "replaced": None}
    truth = rng.integers(0, 2, 200)
    for model, seed, wrong in (("constant", 0, 100), ("linear, all", 0, 40), ("boosted trees", 0, 30)):
        add("coins", model, seed, np.where(np.arange(200) < wrong, 1 - truth, truth), truth, "class", "accuracy")
    for seed, wrong in enumerate((20, 24)):
        answers = np.where(np.arange(200) >= 200 - wrong, 1 - truth, truth)
        kept = inside | {"linear": {"all": 0.8}, "validation": {}}
        add("coins", "fit", seed, answers, truth, "class", "accuracy", inside=kept)
    number = rng.normal(size=100)
    for model, error in (("constant", 3.0), ("linear, all", 1.0), ("boosted trees", 2.0)):
        add("lengths", model, 0, number + error, number, "number", "mae")
    kept = {"metric": "mae", "unimodal": {}, "average": None, "replaced": 1.7, "linear": {}, "validation": {}}
    add("lengths", "fit", 0, number + 1.5, number, "number", "mae", inside=kept)
    return found


def cells(page, table, head):
    """Return the cells of the row of `table` in the first table whose head has the column `head`."""
    lines = page.splitlines()
    at = next(i for i, line in enumerate(lines) if f"| {head} |" in line)
    names = [cell.strip() for cell in lines[at].split("|")[1:-1]]
    row = next(line for line in lines[at:] if line.startswith(f"| {table} |"))
    return dict(zip(names, [cell.strip() for cell in row.split("|")[1:-1]], strict=True))


def test_main_table_has_mean_interval_and_difference(runs, tmp_path):
    page = summary(runs, tmp_path)
    row = cells(page, "coins", "best peer")
    assert (row["fit"], row["± seeds"]) == ("89.0", "1.4")
    low, high = (float(end) for end in row["interval"].strip("[]").split(","))
    assert 84 < low < 86 < 92 < high < 94
    assert row["best peer"] == "85.0 boosted trees"
    gain, error = row["difference"].split(" ± ")
    assert gain == "+4.0"
    assert 2.5 < float(error) < 4.5  # two models that err on other rows
    assert (row["CPU s"], row["bytes"]) == ("5", "1,234")
    assert "At least the best peer on 1 of 2 tables; worse by more than a standard error on 1." in page


def test_smaller_errors_are_better(runs, tmp_path):
    row = cells(summary(runs, tmp_path), "lengths", "best peer")
    assert row["best peer"] == "1 linear, all"
    assert row["difference"].startswith("-0.5")
    assert row["± seeds"] == ""


def test_models_inside_are_shown(runs, tmp_path):
    page = summary(runs, tmp_path)
    row = cells(page, "coins", "plain average")
    assert (row["plain average"], row["unimodal"]) == ("71.0", "image 50.0, text 70.0")
    assert (row["shipped"], row["multimodal"], row["its linear models"]) == ("89.0", "", "all 80.0")
    assert cells(page, "lengths", "plain average")["multimodal"] == "1.7"


def test_ranks_are_means_over_tables(runs, tmp_path):
    page = summary(runs, tmp_path)
    ranks = {name: cells(page, name, "mean rank")["mean rank"] for name in ("constant", "linear models", "fit")}
    # coins: fit 1, trees and best peer 2.5, linear 4, constant 5; lengths: linear and best peer 1.5, fit 3, 4, 5
    assert ranks == {"constant": "5.00", "linear models": "2.75", "fit": "2.00"}
    assert cells(page, "best of all peers", "mean rank")["mean rank"] == "2.00"


def test_all_models_are_listed(runs, tmp_path):
    row = cells(summary(runs, tmp_path), "lengths", "metric")
    assert row["metric"] == "mae"
    page = summary(runs, tmp_path)
    assert cells(page[page.index("## All models") :], "lengths", "metric")["linear, all"] == "1 / 1"


def test_peers_alone_have_a_page(runs, tmp_path):
    page = summary([run for run in runs if is_peer(run["model"])], tmp_path)
    assert "## All models" in page
    assert "best peer |" not in page


def test_best_run_is_chosen_by_its_metric(runs):
    own = [run for run in runs if run["table"] == "lengths"]
    assert best(own, "test")["model"] == "linear, all"
    assert is_peer("SVM, text")
    assert not is_peer("fit")
