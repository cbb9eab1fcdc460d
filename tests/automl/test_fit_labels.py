"""`mmzoo fit` where the target is several labels: as typed, then predicted, evaluated and trained from its recipe."""

import csv
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from json_card import read_card

from mmzoo import recipes
from mmzoo.api import TrainedModel
from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.predictor import write_predictions
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.automl.targets.multilabel import constant
from mmzoo.data.tables.read import read_table
from mmzoo.data.tables.source import load_splits, target_labels
from mmzoo.device import Runner
from mmzoo.errors import BadInputError
from mmzoo.metrics.labels import best_threshold, label_scores

ROWS = 240
pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return a table in which a note tells two of three labels, and a price the third."""
    path = tmp_path_factory.mktemp("own") / "goods.csv"
    rng = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["note", "price", "tags"])
        for _ in range(ROWS):
            warm, red, dear = (rng.random(3) < (0.35, 0.35, 0.6)).tolist()
            dear = dear or not (warm or red)  # an empty cell would be no target
            words = rng.permutation([f"w{k}" for k in rng.integers(0, 500, 3)] + ["warm"] * warm + ["red"] * red)
            tags = ["warm"] * warm + ["red"] * red + ["dear"] * dear
            cells = [" ".join(words), f"{(80 if dear else 20) + rng.normal(0, 5):.2f}", ";".join(tags)]
            write.writerow(["" if rng.random() < 0.05 and k < 2 else cell for k, cell in enumerate(cells)])
        write.writerow(["w1", "10", "warm; seldom"])
        write.writerow(["w1", "10", ""])
    return path


@pytest.fixture(scope="module")
def done(table, mmzoo_command):
    return mmzoo_command("fit", table.name, "--target", "tags", "--epochs", 4, "--out", "out", cwd=table.parent)


@pytest.fixture(scope="module")
def fitted(done, table):
    assert done.returncode in (0, 3), done.stderr[-2000:]
    return table.parent / "out"


def test_the_folder_is_whole_and_verified(fitted, done):
    card = read_card(fitted)
    assert card["verification"]["exit_code"] in (0, 3)
    assert card["labels"] == ["dear", "red", "warm"]
    assert [entry["name"] for entry in card["outputs"]] == ["label_probabilities", "embedding"]
    assert (set(card["baselines"]["unimodal"]), set(card["baselines"]["linear"])) == (
        {"text", "tabular"},
        {"text", "tabular", "all"},
    )
    subsets, constant = card["scores"]["subsets"], card["baselines"]["constant"]
    assert list(subsets) == ["text+tabular", "text", "tabular", "none"]
    assert set(subsets["text"]) == {"micro_f1", "macro_f1", "map", "exact"}
    assert subsets["text+tabular"]["micro_f1"] > max(constant["micro_f1"], subsets["none"]["micro_f1"])
    assert constant["labels"] == ["dear", "red"]
    assert [row["label"] for row in card["scores"]["details"]["per_class"]] == card["labels"]
    for name, one in card["scores"]["artifacts"].items():
        assert one["micro_f1"] == pytest.approx(subsets["text+tabular"]["micro_f1"], abs=0.05), name
    (check,) = [c for c in card["verification"]["checks"] if (c["artifact"], c["on"]) == ("model_int8.tflite", "score")]
    assert check["status"] == "right"
    assert "test micro F1" in done.stdout
    assert "dear, red for every row" in done.stdout
    assert "left out: labels of a single row, seldom" in done.stdout


def test_its_threshold_is_chosen_on_validation_rows(fitted, table):
    card = read_card(fitted)
    threshold = card["config"]["threshold"]
    module = recipes.load(str(fitted / "recipe.py"))
    splits = load_splits(module.source, table, module.sizes(module.Config()))
    rows = read_table(table, "tags").iloc[splits["validation"].index]
    shares = TrainedModel(fitted).predict_proba(rows.drop(columns="tags"))
    assert threshold == best_threshold(shares, splits["validation"].labels)
    assert card["scores"]["details"]["threshold"] == threshold
    assert f"at a probability of {threshold} or more" in (fitted / "README.md").read_text(encoding="utf-8")


def test_linear_models_learn_each_label(fitted):
    peers = read_card(fitted)["baselines"]["linear"]
    assert peers["all"]["micro_f1"] > max(0.9, peers["text"]["micro_f1"], peers["tabular"]["micro_f1"])


def test_the_recipe_has_what_labels_need(fitted, table):
    module = recipes.load(str(fitted / "recipe.py"))
    assert (module.source.kind, module.source.separator) == ("labels", ";")
    assert module.summary == "Multi-label classification of tags from text and tabular in goods.csv"
    text = (fitted / "recipe.py").read_text(encoding="utf-8")
    for word in ("class_weight", "mean=", "deviation="):
        assert word not in text.split("RECIPE = ")[1]
    splits = load_splits(module.source, table, module.sizes(module.Config()))
    shares = np.stack([examples.labels.mean(axis=0) for examples in splits.values()])
    assert np.ptp(shares, axis=0).max() < 0.2
    assert sum(len(examples.labels) for examples in splits.values()) == ROWS + 1


def test_prediction_of_other_rows(fitted, mmzoo_here, tmp_path):
    (tmp_path / "new.csv").write_text("note,price\nwarm red w1,82.5\nw2 w3,19\nred,19\n", encoding="utf-8")
    done = mmzoo_here("predict", str(fitted), "new.csv", "--artifact", "float32", cwd=tmp_path)
    assert done.stdout.strip() == "answers.csv: 3 rows"
    written = pd.read_csv(tmp_path / "answers.csv", keep_default_na=False)
    assert written.columns.tolist() == ["note", "price", "predicted tags"]
    told = [cell.split(";") if cell else [] for cell in written["predicted tags"]]
    assert "dear" in told[0]
    assert "dear" not in told[1] + told[2]
    model = TrainedModel(fitted)
    marked = model.predict(tmp_path / "new.csv")
    assert [model.classes_[row > 0].tolist() for row in marked] == told
    shares = model.predict_proba(tmp_path / "new.csv")
    assert ((shares >= read_card(fitted)["config"]["threshold"]) == marked).all()
    answer = Runner(fitted)(text="warm red w1", tabular=np.array([82.5, 0], np.float32))
    assert answer["labels"] == told[0]
    np.testing.assert_allclose(list(answer["probabilities"].values()), shares[0], atol=1e-4)
    assert list(answer["probabilities"]) == model.classes_.tolist()
    cells = [";".join(row) for row in told]
    assert model.score(tmp_path / "new.csv", cells) == 1
    assert model.score(tmp_path / "new.csv", [*cells[:2], "dear;red;warm"]) == pytest.approx(2 / 3)


def test_evaluate_scores_it_again(fitted, mmzoo_here):
    before = read_card(fitted)["scores"]
    done = mmzoo_here("evaluate", fitted, "--artifact", "int8")
    assert done.returncode == 0, done.stderr[-2000:]
    after = read_card(fitted)["scores"]
    assert after["subsets"] == before["subsets"]
    assert done.stdout.split()[:6] == ["artifact", "modalities", "micro_f1", "macro_f1", "map", "exact"]
    assert "fusion gain: " in done.stdout


def test_its_recipe_is_trained_again(fitted, mmzoo_here, rows_once, tmp_path):
    (tmp_path / "recipe.py").write_text((fitted / "recipe.py").read_text(encoding="utf-8"), encoding="utf-8")
    flags = ("--epochs", 1, "--out", "again", "--embed-dim", 16, "--modalities", "tabular", "--precision")
    done = mmzoo_here("train", "recipe.py", *flags, "mixed_bfloat16", cwd=tmp_path)
    assert done.returncode in (0, 1, 3), done.stderr[-2000:]
    assert read_card(tmp_path / "again")["scores"]["subsets"].keys() == {"tabular", "none"}


def test_card_and_report_tell_labels(fitted):
    readme = (fitted / "README.md").read_text(encoding="utf-8")
    assert "| modalities | micro F1 | macro F1 | mean average precision | exact match |" in readme
    assert 'print(runner(text=text, tabular=tabular)["labels"])' in readme
    assert "int8 files are judged by micro F1" in readme
    report = (fitted / "report.html").read_text(encoding="utf-8")
    for said in (
        "Micro F1 on",
        "By label, all modalities",
        "Rows by label in tags",
        "Predicting dear, red for every row",
    ):
        assert said.lower() in report.lower()
    for never in ("confusion", "confidence", "calibration", "accuracy"):
        assert never not in report.lower()


def test_lists_are_labels_and_an_empty_one_is_none(tmp_path):
    lines = [{"x": float(np.sin(i)), "y": [["a", "b"], ["b"], [], ["a"]][i % 4]} for i in range(80)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    values = assemble(tmp_path / "t.jsonl", "y", Request())
    assert (values["kind"], values["classes"], values["separator"]) == ("labels", ("a", "b"), "")
    compile(recipe_text(from_values(values)), "recipe.py", "exec")
    marked = target_labels([["a", "b"], [], ["c", "b"]], ("a", "b"), "")
    assert marked.tolist() == [[1, 1], [0, 0], [0, 1]]
    write_predictions(pd.DataFrame({"y": [["ä", "b"], []], "x": [1, 2]}), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1:] == ['"[""ä"", ""b""]",1', "[],2"]


@pytest.mark.parametrize(
    ("cells", "flags", "said"),
    [
        ([["a", "b"]], {}, "expected a column to learn y from"),
        ([["a"], ["b"], ["c"], []], {}, "expected labels of two rows or more. Received: a, b, c"),
        ([["a"]] * 20, {}, r"expected at least two values \(labels\). Received: only a"),
        ([["a"], ["b"]] * 20, {"task": "number"}, "expected number. Received: lists"),
        ([["a"], ["b"]] * 20, {"balance": True}, "`balance` needs a target of classes"),
    ],
)
def test_targets_that_cannot_be(cells, flags, said, tmp_path):
    lines = [json.dumps({"x": float(np.sin(i)), "y": cell}) for i, cell in enumerate(cells)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadInputError, match=said) as told:
        assemble(tmp_path / "t.jsonl", "y", Request(**flags))
    assert "\n" not in str(told.value)


def test_the_constant_has_the_highest_micro_f1_of_all_sets_of_labels():
    rng = np.random.default_rng(4)
    training, truth = (rng.random((90, 4)) < (0.6, 0.3, 0.25, 0.05) for _ in range(2))
    source = SimpleNamespace(classes=("a", "b", "c", "d"))
    sets = [np.array(one) for one in itertools.product((0, 1), repeat=4)]
    f1 = [label_scores(np.tile(one, (90, 1)), training, source.classes)["micro_f1"] for one in sets]
    best = sets[int(np.argmax(f1))]
    found = constant(training, truth, source)
    assert found["labels"] == [name for name, there in zip("abcd", best, strict=True) if there]
    assert found["micro_f1"] == label_scores(np.tile(best, (90, 1)), truth, source.classes)["micro_f1"]
