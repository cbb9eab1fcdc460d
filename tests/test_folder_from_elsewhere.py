"""A folder that another person made is data: every verb uses it or refuses it, and nothing of it runs."""

import dataclasses
import json
import shutil
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from json_card import change_card, read_card

import mmzoo
from mmzoo.artifacts.card import Card, Tensor
from mmzoo.artifacts.folder import sha256
from mmzoo.automl.table_recipe import TableConfig, TableRecipe
from mmzoo.commands import export as command
from mmzoo.data.tables.description import Source
from mmzoo.data.tables.features import Number
from mmzoo.export import writer

pytestmark = pytest.mark.usefixtures("cache", "no_driver")
VERBS = {
    "predict": ["predict", "FOLDER", "TABLE", "--out", "OUT"],
    "predict saved_model": ["predict", "FOLDER", "TABLE", "--out", "OUT", "--artifact", "saved_model"],
    "evaluate": ["evaluate", "FOLDER"],
    "verify": ["verify", "FOLDER", "--seeds", "1"],
    "benchmark": ["benchmark", "FOLDER", "--training", "--runs", "20"],
    "publish": ["publish", "--scores-only", "FOLDER", "--root", "ROOT", "--name", "mine"],
    "export": ["export", "FOLDER"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of an untrained model of a table, beside the table."""
    place = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    lines = [f"{rng.normal():.3f},{'ab'[row % 2]}" for row in range(60)]
    (place / "t.csv").write_text("\n".join(["n,y", *lines, ""]))
    source = Source("t.csv", "y", classes=("a", "b"), inputs=(("tabular", (Number("n", 0.0, 1.0),)),))
    config = TableConfig(modalities=("tabular",), embed_dim=8, width=0.25, epochs=1)
    recipe = TableRecipe(file=str(place / "model" / "recipe.py"), source=source, config=config)
    keras.utils.set_random_seed(0)
    model, spec = recipe.build(), dataclasses.replace(recipe.export(), precisions=("float32",))
    exported = keras.Model(model.input, {name: model.get_layer(layer).output for name, layer in spec.outputs.items()})
    inputs = tuple(Tensor(n, (1, *x.shape[1:]), str(x.dtype), range=spec.ranges[n]) for n, x in model.input.items())
    card = Card(
        recipe="recipe.py",
        task=spec.task,
        config=dataclasses.asdict(config),
        table=recipe.values,
        inputs=inputs,
        labels=source.classes,
        max_score_drop=1.0,
    )
    (place / "model").mkdir()
    exported.save(place / "model" / "model.keras")
    given = {name: np.concatenate([x[name] for x, _ in recipe.dataset("test")]) for name in model.input}
    golden = (given, np.zeros(len(given["tabular"]), int))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "has_onnx", lambda: False)
        writer.export(exported, place / "model", spec, given, golden, card).write(place / "model")
    (place / "README.md").write_text("<!-- models:begin -->\n<!-- models:end -->\n")
    return place


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """Return a place with a copy of the folder, whose `recipe.py` is hostile, and with a file outside of it."""
    monkeypatch.setattr(writer, "has_onnx", lambda: False)
    monkeypatch.setattr(command, "has_onnx", lambda: False)
    shutil.copytree(made, tmp_path / "place")
    (tmp_path / "place" / "victim.txt").write_text("mine")
    for name in ("evil.py", "model/recipe.py"):
        hostile(tmp_path / "place" / name)
    return tmp_path / "place"


def hostile(path):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(f"open({str(path.parents[0] / 'ran')!r}, 'w')\nopen({str(path.parents[1] / 'ran')!r}, 'w')\n")


def words(verb, place):
    names = {"FOLDER": place / "model", "TABLE": place / "t.csv", "OUT": place / "answers.csv", "ROOT": place}
    return [names.get(word, word) for word in VERBS[verb]]


def outside(place):
    """Return the content of every file that the verbs are not asked to write."""
    asked = {place / "answers.csv", place / "README.md", place / "saved_models"}
    files = [path for path in place.rglob("*") if path.is_file() and path != place / "model"]
    files = [path for path in files if not {path, *path.parents} & {place / "model", *asked}]
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_works_and_runs_no_code_of_the_folder(verb, place, mmzoo_here):
    before = outside(place)
    done = mmzoo_here(*words(verb, place), cwd=place)
    assert done.returncode == 0, done.stderr
    assert outside(place) == before
    assert not list(place.rglob("ran"))


def test_the_object_of_a_folder_runs_no_code_of_it(place, monkeypatch):
    monkeypatch.chdir(place)
    model, rows = mmzoo.load(place / "model"), [{"n": 0.5}, {"n": None}]
    assert set(model.predict(rows)) <= {"a", "b"}
    assert model.predict_proba(rows).shape == (2, 2)
    assert list(model.predict_table(rows)) == ["n", "predicted y", "confidence"]
    assert model.evaluate("float32")["model_float32.tflite"]
    assert not list(place.rglob("ran"))


def code_without_values(place):
    change_card(place / "model", table=None)


def code_above(place):
    change_card(place / "model", table=None, recipe="../evil.py")


def code_elsewhere(place):
    change_card(place / "model", table=None, recipe=str(place / "evil.py"))


def module_elsewhere(place):
    change_card(place / "model", table=None, recipe="os")


def graph_that_writes(place):
    """Replace the SavedModel by one that copies a file, with its hash in the card."""
    folder, module = place / "model" / "saved_model", tf.Module()
    shutil.rmtree(folder)
    inputs = read_card(place / "model")["inputs"]
    specs = {entry["name"]: tf.TensorSpec((None, *entry["shape"][1:])) for entry in inputs}

    @tf.function(input_signature=[specs])
    def serve(inputs):
        tf.io.write_file(str(place / "ran"), tf.io.read_file(str(place / "victim.txt")))
        return {"probabilities": inputs["tabular"], "embedding": inputs["tabular"]}

    tf.saved_model.save(module, str(folder), signatures=serve)
    files = read_card(place / "model")["files"] | {"saved_model": {"bytes": 1, "sha256": sha256(folder)}}
    change_card(place / "model", files=files)


def graph_of_another_hash(place):
    (place / "model" / "saved_model" / "fingerprint.pb").write_bytes(b"changed")


def layer_that_runs(place):
    """Put a Lambda into `model.keras`."""
    path = place / "model" / "model.keras"
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    config["config"]["layers"][-1] |= {"class_name": "Lambda", "module": "keras.layers"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files | {"config.json": json.dumps(config)}).items():
            archive.writestr(name, content)


def link_to_write(place):
    (place / "model" / "README.md").symlink_to(place / "victim.txt")


def link_to_read(place):
    (place / "model" / "saved_model" / "assets").mkdir(exist_ok=True)
    (place / "model" / "saved_model" / "assets" / "words.txt").symlink_to(place / "victim.txt")


def link_to_a_folder(place):
    (place / "model" / "learning_curve.png").symlink_to(place)


NEED_CODE = ("predict", "predict saved_model", "evaluate", "benchmark", "export")
NEED_KERAS = ("predict", "evaluate", "verify", "export")
ATTACKS = {
    code_without_values: (NEED_CODE, "recipe.py: code of the folder is not run; read it, and allow it with --trust"),
    code_above: (NEED_CODE, "expected the name of a file in it. Received: ../evil.py"),
    code_elsewhere: (NEED_CODE, "expected the name of a file in it. Received: /"),
    module_elsewhere: (NEED_CODE, "expected a recipe of mmzoo.recipes. Received: os"),
    graph_that_writes: (("predict saved_model", "evaluate", "verify"), "Received: the operator '"),
    graph_of_another_hash: (("predict saved_model", "evaluate"), "saved_model: it is not the one of card.json"),
    layer_that_runs: (NEED_KERAS, "model.keras: expected layers of Keras and mmzoo, without code. Received: Lambda"),
    link_to_write: (tuple(VERBS), "README.md: expected a file or folder. Received: a link"),
    link_to_read: (tuple(VERBS), "words.txt: expected a file or folder. Received: a link"),
    link_to_a_folder: (tuple(VERBS), "learning_curve.png: expected a file or folder. Received: a link"),
}
REFUSED = [(attack, verb) for attack, (verbs, _) in ATTACKS.items() for verb in verbs]


@pytest.mark.parametrize(("attack", "verb"), REFUSED, ids=[f"{a.__name__}-{verb}" for a, verb in REFUSED])
def test_an_attack_is_one_line_and_nothing_ran(attack, verb, place, mmzoo_here):
    attack(place)
    before, card = outside(place), (place / "model" / "card.json").read_bytes()
    done = mmzoo_here(*words(verb, place), cwd=place)
    assert done.returncode == 2, done.stderr
    assert ATTACKS[attack][1] in done.stderr
    assert done.stderr.count("\n") == 1
    assert outside(place) == before
    assert (place / "model" / "card.json").read_bytes() == card
    assert not list(place.rglob("ran"))


def test_a_graph_of_another_hash_is_wrong_and_not_executed(place, mmzoo_here):
    graph_that_writes(place)
    graph_of_another_hash(place)
    done = mmzoo_here("verify", place / "model", "--seeds", "1")
    assert done.returncode == 1
    checks = {(row["artifact"], row["against"]): row for row in read_card(place / "model")["verification"]["checks"]}
    assert checks["saved_model", "model.keras"]["status"] == "not executed"
    assert not list(place.rglob("ran"))


def test_a_published_name_that_leads_out_is_refused(place, mmzoo_here):
    change_card(place / "model", recipe="../../evil")
    before = outside(place)
    done = mmzoo_here("publish", "--scores-only", place / "model", "--root", place)
    assert done.returncode == 2
    assert "expected the name of a file in it. Received: ../../evil" in done.stderr
    assert outside(place) == before


def test_a_trusted_recipe_is_run(place, mmzoo_here):
    code_without_values(place)
    assert mmzoo_here("evaluate", place / "model", "--trust").returncode == 2  # it is no recipe
    assert (place / "ran").exists()
