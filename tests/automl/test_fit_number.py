"""`mmzoo fit` where the target is a number: as typed, then predicted, evaluated and trained again from its recipe."""

import csv

import numpy as np
import pandas as pd
import pytest
from json_card import read_card

import mmzoo
from mmzoo import recipes
from mmzoo.api import TrainedModel
from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.data.tables.batches import as_inputs
from mmzoo.data.tables.source import Source, load_splits, target_numbers
from mmzoo.device import Runner
from mmzoo.errors import BadInputError
from mmzoo.metrics.regression import error_interval, number_scores
from mmzoo.reports.verdict import verdict

ROWS = 240
pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return a table in which a note and an area each tell half of a year, of mean 2000 and deviation 7 or so."""
    path = tmp_path_factory.mktemp("own") / "houses.csv"
    rng = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["note", "area", "year"])
        for _ in range(ROWS):
            new, area = rng.random() < 0.5, rng.uniform(20, 200)
            words = rng.permutation([f"w{k}" for k in rng.integers(0, 500, 3)] + ["modern" if new else "old"])
            year = 1990 + 10 * new + area / 20 + rng.normal(0, 0.5)
            cells = [" ".join(words), f"{area:.1f}", f"{year:.2f}"]
            write.writerow(["" if rng.random() < 0.1 and k < 2 else cell for k, cell in enumerate(cells)])
        write.writerow(["no year", "10", ""])
    return path


@pytest.fixture(scope="module")
def done(table, mmzoo_command):
    return mmzoo_command("fit", table.name, "--target", "year", "--epochs", 3, "--out", "out", cwd=table.parent)


@pytest.fixture(scope="module")
def fitted(done, table):
    assert done.returncode in (0, 3), done.stderr[-2000:]
    return table.parent / "out"


def test_the_folder_is_whole_and_verified(fitted, done):
    card = read_card(fitted)
    assert card["verification"]["exit_code"] in (0, 3)
    assert card["task"] == "regression"
    assert "labels" not in card
    assert [entry["name"] for entry in card["outputs"]] == ["value", "embedding"]
    assert set(card["baselines"]["unimodal"]) == {"text", "tabular"}
    assert set(card["baselines"]["linear"]) == {"text", "tabular", "all"}
    subsets = card["scores"]["subsets"]
    assert list(subsets) == ["text+tabular", "text", "tabular", "none"]
    full, constant = subsets["text+tabular"], card["baselines"]["constant"]
    assert full["mae"] < 0.6 * constant["mae"]
    assert full["r2"] > 0.5 > constant["r2"]
    assert full["mae"] < min(subsets[name]["mae"] for name in ("text", "tabular", "none"))
    gain = card["baselines"]["fusion_gain"]
    best = min(one["mae"] for one in card["baselines"]["unimodal"].values())
    assert gain["mae"] == pytest.approx(best - full["mae"], abs=1e-3)
    assert gain["low"] < gain["mae"] < gain["high"]
    assert "test mean absolute error" in done.stdout
    assert "for every row" in done.stdout
    assert "left out: 1 rows without year" in done.stdout


def test_the_terminal_says_settings_epochs_verdict_and_files_once(fitted, done):
    lines = done.stdout.splitlines()
    (chosen,) = [line for line in lines if line.startswith("chosen for you: ")]
    assert chosen.endswith(f"; see {fitted / 'recipe.py'}")
    for said in ("batches of 32", "at most 3 epochs (early stopping after 8)", "texts as ", "width 1"):
        assert said in chosen
    assert [line.split()[0] for line in lines if line.strip().startswith(("1/3", "2/3", "3/3"))] == 3 * [
        "1/3",
        "2/3",
        "3/3",
    ]
    (first,) = [i for i, line in enumerate(lines) if line.startswith("Ships: ")]
    assert lines[first] == verdict(mmzoo.load(fitted).card)
    assert "95 % interval of the gain" in lines[first]
    assert first < lines.index("test mean absolute error")
    listed = [line.split()[0] for line in lines if line.startswith(f"{fitted}/") and " bytes" in line]
    assert sorted(listed) == sorted(str(path) for path in fitted.iterdir())
    assert first < min(i for i, line in enumerate(lines) if line.startswith(f"{fitted}/"))
    assert not (fitted / "labels.txt").exists()
    for noise in ("XNNPACK", "cudart", "cpu_feature_guard", "absl"):
        assert noise not in done.stdout + done.stderr


def test_the_figures_of_the_card_come_from_the_file_that_ships(fitted, table):
    card, module = read_card(fitted), recipes.load(str(fitted / "recipe.py"))
    test = load_splits(module.source, table, module.sizes(module.Config()))["test"]
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(fitted / "model_float32.tflite")).get_signature_runner()
    inputs = as_inputs(test.rows, test.index, ("text", "tabular"))
    rows = [{name: inputs[name][i : i + 1] for name in run.get_input_details()} for i in range(len(test.labels))]
    values = np.concatenate([run(**row)["value"] for row in rows]).reshape(-1)
    found = number_scores(values, test.labels)
    shipped = card["scores"]["artifacts"]["model_float32.tflite"]
    assert {**found, "n": len(values)} == pytest.approx(shipped, rel=1e-5)
    assert found == pytest.approx(card["scores"]["subsets"]["text+tabular"], rel=1e-4)
    low, high = card["scores"]["details"]["interval"].values()
    assert (low, high) == pytest.approx(error_interval(values, test.labels), rel=1e-4)
    assert low < found["mae"] < high


def test_int8_tells_the_number_in_its_unit(fitted):
    """The range of an int8 tensor holds 0: rescaled inside, steps of 2020 / 255 would be all that is left."""
    card = read_card(fitted)
    scored = card["scores"]["artifacts"]
    assert set(scored) >= {"model.keras", "model_float32.tflite", "model_dynamic.tflite", "model_int8.tflite"}
    for name, one in scored.items():
        assert one["r2"] == pytest.approx(scored["model.keras"]["r2"], abs=0.02), name
    (check,) = [c for c in card["verification"]["checks"] if (c["artifact"], c["on"]) == ("model_int8.tflite", "score")]
    assert check["status"] == "right"
    assert check["tolerance"] == 0.01


def test_the_recipe_has_what_a_number_needs(fitted):
    module = recipes.load(str(fitted / "recipe.py"))
    assert (module.source.kind, module.source.target) == ("number", "year")
    assert module.summary == "Regression of year from text and tabular in houses.csv"
    text = (fitted / "recipe.py").read_text(encoding="utf-8")
    for word in ("class_weight", "classes=", "separator"):
        assert word not in text
    assert max(map(len, text.splitlines())) <= 140
    splits = load_splits(module.source, fitted.parent / "houses.csv", module.sizes(module.Config()))
    train = splits["train"].labels
    np.testing.assert_allclose([module.table.mean, module.table.deviation], [train.mean(), train.std()], rtol=1e-6)
    means = [examples.labels.mean() for examples in splits.values()]
    assert np.ptp(means) < 0.5 * train.std()


def test_the_loss_is_that_of_deviations(fitted):
    module = recipes.load(str(fitted / "recipe.py"))
    error = np.array([0.3, -4.0]) * module.table.deviation
    loss = module.objective(module.tiny)["loss"](np.zeros(2, np.float32), error.astype(np.float32))
    assert float(np.mean(loss)) == pytest.approx((0.5 * 0.3**2 + 3.5) / 2, rel=1e-5)


def test_prediction_of_other_rows(fitted, mmzoo_here, table, tmp_path):
    (tmp_path / "new.csv").write_text("note,area\nmodern w1,180\nold w2,30\n,\n", encoding="utf-8")
    done = mmzoo_here("predict", str(fitted), "new.csv", "--artifact", "int8", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "1 of 3 rows have no usable input: the prediction is the mean of the training rows",
        "answers.csv: 3 rows",
    ]
    written = pd.read_csv(tmp_path / "answers.csv")
    assert written.columns.tolist() == ["note", "area", "predicted year"]
    new, old, unknown = written["predicted year"]
    assert new > 2000 > old > 1985
    assert 1990 < unknown < 2010
    predicted = TrainedModel(fitted).predict(tmp_path / "new.csv")
    np.testing.assert_allclose(predicted, written["predicted year"], atol=1.5)
    module = recipes.load(str(fitted / "recipe.py"))
    training = load_splits(module.source, table, module.sizes(module.Config()))["train"]
    assert predicted[2] == pytest.approx(training.labels.mean(), abs=0.01)
    runner = Runner(fitted)(text="modern w1", tabular=np.array([180, 0], np.float32))
    assert runner["value"] == pytest.approx(float(predicted[0]), abs=0.01)
    assert isinstance(runner["value"], float)


def test_the_object_has_the_conventions_of_scikit_learn(fitted, table):
    from sklearn.metrics import r2_score

    model, frame = TrainedModel(fitted), pd.read_csv(table).dropna(subset=["year"])
    assert model.score(frame, frame["year"]) == pytest.approx(r2_score(frame["year"], model.predict(frame)), abs=1e-5)
    assert len(model.classes_) == 0
    with pytest.raises(BadInputError, match="the model has no probabilities"):
        model.predict_proba(frame)


def test_evaluate_scores_it_again(fitted, mmzoo_here):
    before = read_card(fitted)["scores"]
    done = mmzoo_here("evaluate", fitted)
    assert done.returncode == 0, done.stderr[-2000:]
    after = read_card(fitted)["scores"]
    assert after["subsets"]["text+tabular"] == pytest.approx(before["subsets"]["text+tabular"], rel=1e-4)
    assert after["artifacts"].keys() == before["artifacts"].keys()
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["artifact", "modalities", "mae", "rmse", "r2"]
    assert sum("fusion gain: mean absolute error" in line for line in lines) == len(after["artifacts"])
    assert "recorded in" in lines[-1]


def test_its_recipe_is_trained_again(fitted, mmzoo_here, rows_once, tmp_path):
    (tmp_path / "recipe.py").write_text((fitted / "recipe.py").read_text(encoding="utf-8"), encoding="utf-8")
    flags = ("--epochs", 1, "--out", "again", "--embed-dim", 16, "--modalities", "tabular", "--precision")
    done = mmzoo_here("train", "recipe.py", *flags, "mixed_bfloat16", cwd=tmp_path)
    assert done.returncode in (0, 1, 3), done.stderr[-2000:]
    assert read_card(tmp_path / "again")["scores"]["subsets"].keys() == {"tabular", "none"}


def test_card_and_report_tell_errors(fitted):
    readme = (fitted / "README.md").read_text(encoding="utf-8")
    assert "| modalities | mean absolute error | root mean squared error | R² |" in readme
    assert 'print(runner(text=text, tabular=tabular)["value"])' in readme
    assert "int8 files are judged by R²" in readme
    report = (fitted / "report.html").read_text(encoding="utf-8")
    said = ("Predicted against true", "Errors of the test rows", "off by", "Mean absolute error on", "the median, ")
    for words in said:
        assert words in report
    for never in ("confusion", "confidence", "calibration", "accuracy"):
        assert never not in report.lower()


@pytest.mark.parametrize(
    ("cells", "flags", "said"),
    [
        (["1", "a", "3", "b"] * 20, {"task": "number"}, "expected a number in every cell. Received: 'a' in row 2"),
        (["7"] * 60, {"task": "number"}, r"expected at least two values \(number\). Received: only 7"),
        (["1.5", "2.5", "3.5", "1e39"] * 20, {}, "y: expected target numbers in the range of float32. Received: 1e39"),
        (["1.5", "2.5", "3.5"] * 20, {"balance": True}, "`balance` needs a target of classes, got y, a number"),
        (["1.5", "2.5"], {"task": "number"}, "expected rows in"),
        (["1.5", "2.5", "3.5"] * 20, {"task": "words"}, "expected one of 'class', 'number', 'labels'"),
    ],
)
def test_targets_that_cannot_be(cells, flags, said, tmp_path):
    rows = [f"{np.sin(i)},{cell}" for i, cell in enumerate(cells)]
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *rows, ""]), encoding="utf-8")
    with pytest.raises(BadInputError, match=said) as told:
        assemble(tmp_path / "t.csv", "y", Request(**flags))
    assert "\n" not in str(told.value)


def test_what_a_number_is_can_be_said(tmp_path):
    rows = "".join(f"{np.sin(i)},{i % 4}\n" for i in range(80))
    (tmp_path / "t.csv").write_text(f"x,y\n{rows}", encoding="utf-8")
    assert assemble(tmp_path / "t.csv", "y", Request())["kind"] == "class"
    values = assemble(tmp_path / "t.csv", "y", Request(task="number"))
    assert (values["kind"], values["mean"]) == ("number", pytest.approx(1.5, abs=0.2))
    compile(recipe_text(from_values(values)), "recipe.py", "exec")


def test_another_table_has_to_hold_numbers(tmp_path):
    assert target_numbers(["1", 2.5, " -3e2 "], "t.csv").tolist() == [1, 2.5, -300]
    (tmp_path / "t.csv").write_text("x,y\n1,2\n3,four\n", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"t.csv: expected target numbers .* Received: four"):
        load_splits(Source("t.csv", "y", kind="number"), tmp_path / "t.csv", None)
