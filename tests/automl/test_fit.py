"""`mmzoo fit` from a table to a verified folder, its recipe trained again, and `mmzoo predict` on other rows."""

import csv
import html
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from json_card import read_card
from own_tables import TABLES

import mmzoo
from mmzoo import recipes
from mmzoo.api import TrainedModel
from mmzoo.automl import targets
from mmzoo.automl.fit import _modality_dropout, _slug, _write_bad_rows, assemble, fit_table, gather_inputs
from mmzoo.automl.input_sizes import measure
from mmzoo.automl.options import Request
from mmzoo.automl.predictor import predict
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.automl.targets.classification import class_weight
from mmzoo.data.presence import present_patterns
from mmzoo.data.tables.batches import as_inputs
from mmzoo.data.tables.column_types import Column
from mmzoo.data.tables.read import read_table
from mmzoo.data.tables.rows import Rows
from mmzoo.data.tables.source import load_splits
from mmzoo.errors import BadInputError
from mmzoo.metrics.classification import scores
from mmzoo.reports.verdict import verdict

ROWS = 240
pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return a table in which a note and a price each tell half of the kind."""
    path = tmp_path_factory.mktemp("own") / "goods.csv"
    rng = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["number", "note", "price", "sold", "kind"])
        for i in range(ROWS):
            warm, dear = rng.random(2) < 0.5
            words = rng.permutation([f"w{k}" for k in rng.integers(0, 500, 4)] + ["warm" if warm else "cold"])
            note = "" if rng.random() < 0.1 else " ".join(words)
            price = "" if rng.random() < 0.1 else f"{(80 if dear else 20) + rng.normal(0, 5):.2f}"
            sold = f"{1 + i % 28:02d}.{1 + i % 12:02d}.2024"
            write.writerow(
                [f"id{i:04d}x", note, price, sold, f"{'warm' if warm else 'cold'} {'dear' if dear else 'cheap'}"]
            )
    return path


@pytest.fixture(scope="module")
def fitted(table):
    return fit_table(table, "kind", table.parent / "out", Request(epochs=3))


def test_the_folder_is_whole_and_verified(fitted, table):
    card = read_card(fitted)
    assert card["verification"]["exit_code"] in (0, 3)
    assert card["labels"] == ["cold cheap", "cold dear", "warm cheap", "warm dear"]
    assert [entry["name"] for entry in card["inputs"]] == ["text", "tabular", "present"]
    assert card["rows"] == {"train": 168, "validation": 36, "test": 36}
    assert set(card["baselines"]["unimodal"]) == {"text", "tabular"}
    assert set(card["baselines"]["linear"]) == {"text", "tabular", "all"}
    assert card["scores"]["subsets"]["text+tabular"]["accuracy"] > 0.6
    assert (fitted / "recipe.py").is_file()
    assert [model["peer"] for model in card["benchmark"]["models"]] == [False, False, False, True]
    page = " ".join((fitted / "report.html").read_text(encoding="utf-8").split())
    assert "100 runs of each were timed on" in page
    assert "not used: an identifier: distinct in every row" in page
    assert not [path for path in table.parent.iterdir() if path.name.startswith(".")]
    assert (
        (fitted / "README.md")
        .read_text(encoding="utf-8")
        .startswith("# out\n\nClassification of kind from text and tabular in goods.csv")
    )


def test_the_figures_of_the_card_come_from_the_file_that_ships(fitted, table):
    """Run model_float32.tflite alone on the test rows, row by row, and compute every figure of the card again."""
    card = read_card(fitted)
    module = recipes.load(str(fitted / "recipe.py"))
    test = load_splits(module.source, table, module.sizes(module.Config()))["test"]
    modalities = ("text", "tabular")
    inputs = as_inputs(test.rows, test.index, modalities)
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(fitted / "model_float32.tflite")).get_signature_runner()

    def probabilities(pattern):
        given = inputs | {"present": inputs["present"] * np.float32(pattern)}
        rows = ({name: given[name][i : i + 1] for name in run.get_input_details()} for i in range(len(test.labels)))
        return np.concatenate([run(**row)["probabilities"] for row in rows])

    for name, pattern in present_patterns(modalities).items():
        found = scores(probabilities(pattern), test.labels, card["labels"])
        for key, value in card["scores"]["subsets"][name].items():
            assert found[key] == pytest.approx(value, abs=1e-4), (name, key)
        if name == "text+tabular":
            assert found["confusion"] == card["scores"]["details"]["confusion"]
            for own, written in zip(found["per_class"], card["scores"]["details"]["per_class"], strict=True):
                assert own["label"] == written.pop("label")
                assert {key: own[key] for key in written} == pytest.approx(written, abs=1e-6)
            shipped = card["scores"]["artifacts"]["model_float32.tflite"]
            assert {key: found[key] for key in ("accuracy", "ece")} == pytest.approx(
                {key: shipped[key] for key in ("accuracy", "ece")}, abs=1e-6
            )
            best, unimodal = card["baselines"]["best"], card["baselines"]["unimodal"]
            better = max(one["accuracy"] for one in (*unimodal.values(), *card["baselines"]["linear"].values()))
            assert best["accuracy"] == better
            assert best["gain"]["points"] == pytest.approx(100 * (found["accuracy"] - better), abs=1e-3)
            interval = card["scores"]["details"]["interval"]
            assert interval["low"] < found["accuracy"] < interval["high"]


def test_the_verdict_is_the_first_line_of_the_report(fitted):
    page = (fitted / "report.html").read_text(encoding="utf-8")
    first = page[page.index("<main>") :].split("<p")[1]
    assert "<strong>Ships: " in first
    assert verdict(mmzoo.load(fitted).card) in html.unescape(first)
    for said in ("Accuracy by coverage", "most confident", "weights kept: epoch"):
        assert said in page
    assert "<script" not in page


def test_its_recipe_is_a_recipe_that_can_be_edited(fitted, table):
    module = recipes.load(str(fitted / "recipe.py"))
    assert module.source.target == "kind"
    assert [name for name, _ in module.source.inputs] == ["text", "tabular"]
    text = (fitted / "recipe.py").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 140
    with pytest.raises(BadInputError, match="`fusion` must be one of"):
        module.Config(fusion="glue")
    with pytest.raises(BadInputError, match="`modalities`"):
        module.Config(modalities=("image",))


def test_prediction_of_other_rows(fitted, mmzoo_command, tmp_path):
    (tmp_path / "new.csv").write_text("note,price\ncold w1 w2,\n,82.5\nwarm,19\n,\n", encoding="utf-8")
    done = mmzoo_command("predict", str(fitted), "new.csv", "--artifact", "float32", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "columns that the table does not have, treated as missing: sold",
        "1 of 4 rows have no usable input: the prediction is the class prior",
        "answers.csv: 4 rows",
    ]
    written = pd.read_csv(tmp_path / "answers.csv")
    assert written.columns.tolist() == ["note", "price", "predicted kind", "confidence"]
    kinds = written["predicted kind"].tolist()
    assert kinds[0].startswith("cold")
    assert kinds[1].endswith("dear")
    assert written["confidence"].between(0.25, 1).all()
    told = TrainedModel(fitted).predict_table(tmp_path / "new.csv")
    assert told["predicted kind"].tolist() == kinds
    np.testing.assert_allclose(told["confidence"], written["confidence"], atol=2e-4)


def test_the_object_has_the_conventions_of_scikit_learn(fitted, table):
    model, frame = TrainedModel(fitted), pd.read_csv(table)
    shares = model.predict_proba(frame)
    assert shares.shape == (ROWS, len(model.classes_))
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert (model.predict(frame) == model.classes_[shares.argmax(axis=1)]).all()
    assert model.score(frame, frame["kind"]) > 0.6


def test_a_column_less_is_a_modality_less(fitted):
    kinds = TrainedModel(fitted).predict(pd.DataFrame({"price": [82.5, 19]}))
    assert [kind.split()[1] for kind in kinds] == ["dear", "cheap"]
    with pytest.raises(BadInputError, match=r"expected columns note, price, sold\. Received: weight"):
        TrainedModel(fitted).predict(pd.DataFrame({"weight": [1, 2]}))


@pytest.fixture(scope="module")
def grades(tmp_path_factory):
    """Return a model of a table of categories and numbers alone, whose classes are integers."""
    path = tmp_path_factory.mktemp("grades") / "grades.csv"
    rng = np.random.default_rng(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["store", "active", "grade"])
        for store, active in zip(rng.integers(1, 6, ROWS), rng.random(ROWS) < 0.5, strict=True):
            write.writerow([store, "TRUE" if active else "FALSE", int(store > 3) + int(active)])
    return TrainedModel(fit_table(path, "grade", path.parent / "out", Request(epochs=12)))


@pytest.fixture
def grades_table(grades):
    return grades.path.parent / "grades.csv"


def test_fit_categories_alone_are_verified(grades):
    card = read_card(grades.path)
    assert card["verification"]["exit_code"] in (0, 3)
    assert [entry["name"] for entry in card["inputs"]] == ["tabular", "present"]


def test_predict_data_frame_is_the_file_it_came_from(grades, grades_table, tmp_path):
    typed, text = pd.read_csv(grades_table), pd.read_csv(grades_table, dtype=str)
    expected = grades.predict_proba(grades_table)
    typed.to_parquet(tmp_path / "t.parquet")
    for given in (typed, text, typed.astype({"store": float}), text.apply(lambda c: c + " "), tmp_path / "t.parquet"):
        np.testing.assert_allclose(grades.predict_proba(given), expected, atol=1e-5)
    assert grades.classes_.tolist() == [0, 1, 2]
    assert (grades.predict(grades_table) == typed["grade"]).all()
    assert grades.score(grades_table, typed["grade"]) == grades.score(grades_table, text["grade"]) == 1


def test_predict_table_keeps_rows_index_and_columns(grades, grades_table, caplog):
    table = pd.read_csv(grades_table).assign(confidence="mine").sample(frac=0.3, random_state=1)
    before = table.copy()
    predicted = grades.predict_table(table)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(predicted[before.columns], before)
    assert (predicted["predicted grade"] == table["grade"]).all()
    assert predicted["confidence 2"].between(0, 1).all()
    assert "the table has a column 'confidence': the prediction is in 'confidence 2'" in caplog.messages


@pytest.mark.parametrize(
    "row",
    [pd.Series({"store": 5, "active": True}), {"store": 5, "active": "TRUE"}, [{"store": "5", "active": True}]],
    ids=["series", "dict", "dicts"],
)
def test_predict_takes_rows(row, grades):
    assert grades.predict(row).tolist() == [2]
    assert grades.predict(store=[5, 1], active=[True, False]).tolist() == [2, 0]


@pytest.mark.parametrize("table", [5, [], [[1, 2]], "nowhere.csv"], ids=str)
def test_predict_refuses_what_is_no_table(table, grades):
    with pytest.raises(BadInputError, match=r"table: expected a path|nowhere\.csv: expected a table"):
        grades.predict(table)


def test_fit_refuses_a_data_frame(grades_table):
    with pytest.raises(BadInputError, match=r"expected the path .* Received: DataFrame: write a DataFrame with"):
        mmzoo.fit(pd.read_csv(grades_table), "grade")


def test_predict_names_what_is_missing(grades, caplog):
    found = grades.predict_proba(pd.DataFrame({"Store": [1, 2], "self": [3, 4], "grade": [0, 1]}))
    assert caplog.messages == [
        "columns that the table does not have, treated as missing: store (did you mean Store?), active",
        "2 of 2 rows have no usable input: the prediction is the class prior",
    ]
    np.testing.assert_allclose(found[0], found[1])
    labels = load_splits(*_loaded(grades))["validation"].labels
    np.testing.assert_allclose(found[0], np.bincount(labels) / len(labels), atol=1e-6)


def _loaded(model):
    module = recipes.load(str(model.path / "recipe.py"))
    return module.source, model.path.parent / "grades.csv", module.sizes()


def test_predict_wants_a_folder_of_fit(tmp_path):
    (tmp_path / "card.json").write_text(json.dumps({"recipe": "spoken_digits", "config": {}}), encoding="utf-8")
    with pytest.raises(BadInputError, match="expected what `mmzoo fit` wrote"):
        predict(tmp_path, pd.DataFrame({"a": ["1"]}), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind,price\na,1\nb,2\n", "expected repeated classes"),
        ("sort,price\na,1\nb,2\n", "target: expected one of 'sort', 'price'"),
        ("kind,price\na,1\na,2\n", "expected at least two values"),
        ("kind\na\nb\na\nb\na\nb\n", "expected a column to learn kind from"),
    ],
)
def test_tables_that_cannot_be(text, said, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=said) as told:
        fit_table(path, "kind", tmp_path / "out")
    assert "\n" not in str(told.value)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_pictures_sounds_and_texts_stand_by_themselves():
    columns = [
        *(Column(name, kind) for name, kind in (("Front view", "image"), ("back", "image"), ("call", "audio"))),
        *(Column(name, kind) for name, kind in (("title", "text"), ("size", "number"), ("note", "text"))),
    ]
    training = pd.DataFrame({"size": ["1", "3"]}, dtype=object)
    inputs = gather_inputs(columns, training)
    names = [(modality, len(own)) for modality, own in inputs]
    texts = [("text_title", 1), ("text_note", 1)]
    assert names == [("image_front_view", 1), ("image_back", 1), ("audio", 1), *texts, ("tabular", 1)]
    many = [Column(f"note {i}", "text") for i in range(5)]
    assert [(modality, len(own)) for modality, own in gather_inputs(many, training)] == [("text", 5)]
    assert [modality for modality, _ in gather_inputs(many[:1], training)] == ["text"]
    same = [Column("a b", "image"), Column("a-b", "image")]
    assert [modality for modality, _ in gather_inputs(same, training)] == ["image_a_b_1", "image_a_b_2"]
    same = [Column("größe", "audio"), Column("grüße", "audio")]
    assert [modality for modality, _ in gather_inputs(same, training)] == ["audio_gr__e_1", "audio_gr__e_2"]


def test_slugs():
    assert [_slug(name) for name in ("Price (€)", "a-b c", "値段")] == ["price", "a_b_c", "column"]


def test_rows_are_shown_incomplete_less_where_each_modality_learns_alone():
    classes, numbers = targets.load("class").own_heads, targets.load("number").own_heads
    assert [_modality_dropout(classes, count) for count in (1, 2, 3, 4, 9)] == [0, 0.2, 0.4, 0.6, 0.6]
    assert [_modality_dropout(numbers, count) for count in (1, 2, 3, 4)] == [0.2, 0.4, 0.6, 0.6]


def test_rare_classes_weigh_more():
    assert class_weight(np.array([0, 0, 1, 1]), 2) == ()
    weight = class_weight(np.array([0] * 16 + [1]), 2)
    assert weight[1] / weight[0] == pytest.approx(4, rel=1e-2)
    assert 16 * weight[0] + weight[1] == pytest.approx(17, rel=1e-3)


def test_sizes_follow_what_is_there(tmp_path):
    import soundfile
    from PIL import Image

    for i, side in enumerate((40, 70, 300)):
        Image.new("RGB", (side, 2 * side)).save(tmp_path / f"{i}.png")
        soundfile.write(tmp_path / f"{i}.wav", np.zeros(8000 * (i + 1)), 8000)
    frame = pd.DataFrame(
        {
            "p": ["0.png", "1.png", "2.png", None],
            "s": ["0.wav", "1.wav", "2.wav", "gone.wav"],
            "t": ["x" * 33, "y", None, "z"],
        },
        dtype=object,
    )
    inputs = (("image", ("p",)), ("audio", ("s",)), ("text", ("t",)))
    measured = {"image_size": 64, "sample_rate": 8000, "seconds": 2.9, "text_bytes": 32, "frames": 8, "frame_size": 64}
    assert measure(frame, tmp_path, inputs) == measured
    usual = measure(frame, tmp_path, ())
    assert (usual["image_size"], usual["sample_rate"]) == (96, 16000)


def test_folders_train_and_test_are_the_split(tmp_path):
    from PIL import Image

    for split, count in (("train", 6), ("test", 3)):
        for label in ("cat", "dog"):
            (tmp_path / "own" / split / label).mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (32, 32), (i, 20 * i, 0)).save(tmp_path / "own" / split / label / f"{i}.png")
    values = assemble(tmp_path / "own", "label", Request())
    assert (values["split"], values["inputs"], values["image_size"]) == ("split", (("image", ("file",)),), 32)


def test_rows_left_out_are_listed(tmp_path):
    rows = Rows({}, np.zeros((3, 0), bool), {1: "b.png: expected a picture, that decodes"}, np.array([4, 7, 9]))
    _write_bad_rows(rows, tmp_path)
    listed = [*csv.reader((tmp_path / "bad_rows.csv").open(encoding="utf-8"))]
    assert listed == [["row", "why"], ["7", "b.png: expected a picture, that decodes"]]
    (tmp_path / "none").mkdir()
    _write_bad_rows(Rows({}, rows.present, {}, rows.numbers), tmp_path / "none")
    assert not [*(tmp_path / "none").iterdir()]


def test_what_was_inferred_is_code(table):
    values = assemble(table, "kind", Request())
    text = recipe_text(from_values(values))
    assert 'left_out=(("number", "an identifier: distinct in every row"),),' in text
    assert 'Number(name="price", mean=' in text
    assert len(read_table(table)) == ROWS


def majority(labels):
    return np.bincount(labels).max() / len(labels)


def check_scores(folder, labels):
    """The bars of real tables: no linear model is better, no input that is left says less than one trained alone."""
    card = read_card(folder)
    assert card["verification"]["exit_code"] in (0, 3)
    subsets = {name: scores["accuracy"] for name, scores in card["scores"]["subsets"].items()}
    shipped = next(iter(subsets.values()))
    assert shipped >= max(one["accuracy"] for one in card["baselines"]["linear"].values())
    for name, accuracy in subsets.items():
        assert name == "none" or accuracy >= round(majority(labels), 6)  # as cards have it
        if name in card["baselines"]["unimodal"] and len(card["inputs"]) > 1:
            assert accuracy >= card["baselines"]["unimodal"][name]["accuracy"] - 0.02
    assert abs(card["scores"]["artifacts"]["model_int8.tflite"]["accuracy"] - shipped) <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_real_tables(name, data_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("MMZOO_DATA_DIR", str(data_dir))
    (tmp_path / name).mkdir()
    target = TABLES[name](tmp_path / name)
    path = tmp_path / name / "table.csv"
    folder = fit_table(path, target, tmp_path / "out")
    module = recipes.load(str(folder / "recipe.py"))
    config = module.Config()
    check_scores(folder, load_splits(module.source, path, module.sizes(config))["test"].labels)


def test_rare_classes_weigh_more_where_it_is_asked_for(tmp_path, caplog):
    caplog.set_level("INFO", "mmzoo")
    rows = "".join(f"word {i} of many here,{'rare' if i % 6 == 0 else 'usual'}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"note,kind\n{rows}", encoding="utf-8")
    assert assemble(tmp_path / "t.csv", "kind", Request())["class_weight"] == ()
    assert "`balance` weights rare ones more" in caplog.text
    rare, usual = assemble(tmp_path / "t.csv", "kind", Request(balance=True))["class_weight"]
    assert rare > usual


def test_a_table_in_another_encoding_is_told_once_in_a_line(tmp_path, monkeypatch, capsys):
    from mmzoo.cli.app import _show_warnings

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    _show_warnings(str)
    (tmp_path / "t.csv").write_bytes("note,kind\ncrème,a\n".encode("cp1252"))
    for _ in range(2):
        with pytest.raises(BadInputError):
            assemble(tmp_path / "t.csv", "gone", Request())
    told = [line for line in capsys.readouterr().err.splitlines() if "Windows-1252" in line]
    assert told == [f"mmzoo: {tmp_path / 't.csv'}: read as Windows-1252, as it is not UTF-8: line 2"]
