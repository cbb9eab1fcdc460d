"""A folder as `fit` writes it, of a small model that was not trained, its table, and files of all kinds to damage."""

import csv
import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from mmzoo import recipes
from mmzoo.artifacts.card import Baselines, Card, Scores, Tensor
from mmzoo.artifacts.folder import BASELINES
from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.data.arrays import test_arrays
from mmzoo.data.boxes.coco import write_coco
from mmzoo.data.boxes.records import Boxed
from mmzoo.data.boxes.voc import write_voc
from mmzoo.device.index import Index
from mmzoo.experiment import Experiment
from mmzoo.export.writer import export
from mmzoo.metrics.language_model import learn_language
from mmzoo.reports.write import write_card

ROWS, SIDE, RATE = 40, 12, 1000
PICTURES, SOUNDS = ("png", "jpg", "gif", "bmp", "webp", "tiff"), ("wav", "flac", "ogg")


def make(place):
    """Write `model`, `table.csv` with its `files`, tables of two rows, boxes, an index and a series into `place`."""
    import soundfile

    place, rng = Path(place), np.random.default_rng(0)
    (place / "files").mkdir(parents=True)
    rows = []
    for i in range(ROWS):
        picture, sound = f"files/{i}.{PICTURES[i % len(PICTURES)]}", f"files/{i}.{SOUNDS[i % len(SOUNDS)]}"
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(place / picture)
        soundfile.write(place / sound, rng.uniform(-0.5, 0.5, RATE // 4), 8000)
        rows.append([picture, sound, f"{rng.normal():.2f}", f"note {i}", ("dear", "cheap")[i % 2]])
    _write_table(place / "table.csv", rows)
    _write_table(place / "few.csv", rows[: len(PICTURES)])
    lines = [dict(zip(("picture", "sound", "price", "note"), row, strict=False)) for row in rows[:3]]
    (place / "few.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    import pandas as pd

    pd.DataFrame(lines).to_parquet(place / "few.parquet")
    _write_model(place / "model", place / "table.csv", rng)
    _write_others(place, rng)


def _write_table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["picture", "sound", "price", "note", "kind"], *rows])


def _write_model(folder, table, rng):
    folder.mkdir()
    values = assemble(table, "kind", Request(epochs=1))
    (folder / "recipe.py").write_text(recipe_text(from_values(values)), encoding="utf-8")
    recipe = recipes.load(str(folder / "recipe.py"))
    experiment = Experiment(recipe, recipe.Config())
    inputs, labels = test_arrays(experiment)
    model, spec = _model(inputs), experiment.export()
    tensors = [
        Tensor(name, (1, *x.shape[1:]), str(x.dtype), spec.units.get(name, ""), spec.ranges.get(name))
        for name, x in inputs.items()
    ]
    config = {key: value for key, value in dataclasses.asdict(experiment.config).items() if key != "data_dir"}
    card = Card(
        recipe="recipe.py",
        task="classification",
        config=config,
        table=recipe.table.values,
        inputs=tuple(tensors),
        outputs=(Tensor("probabilities", (1, 2), "float32"), Tensor("embedding", (1, 4), "float32")),
        labels=tuple(spec.labels),
        scores=Scores(n=len(labels)),
        baselines=Baselines(fusion_gain={"over": "price", "points": 1.0, "low": -1.0, "high": 2.0}),
    )
    model.save(folder / "model.keras")
    small = {name: x[:4] for name, x in inputs.items()}
    card = export(model, folder, dataclasses.replace(spec, precisions=("float32",)), small, (small, labels[:4]), card)
    np.savez(folder / BASELINES, price=rng.dirichlet([1, 1], len(labels)).astype(np.float32))
    write_card(folder, card)


def _model(inputs):
    """Return a model of a dense layer for each input."""
    keras.utils.set_random_seed(0)
    x = {name: keras.Input(a.shape[1:], dtype=str(a.dtype), name=name) for name, a in inputs.items()}
    flat = [keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(one)) for one in x.values()]
    parts = [keras.layers.Dense(3, activation="tanh")(one) for one in flat]
    embedding = keras.layers.Dense(4, name="embedding")(keras.layers.Concatenate()(parts))
    answer = keras.layers.Dense(2, activation="softmax", name="answer")(embedding)
    return keras.Model(x, {"probabilities": answer, "embedding": embedding})


def _write_others(place, rng):
    Index(rng.normal(size=(9, 4)), [f"entry {i}" for i in range(9)]).save(place / "index.npz")
    learn_language(["one two", "two three"], "abcdefghijklmnopqrstuvwxyz ").write(place / "language.json")
    times = [[f"2024-01-01T00:00:{i:02d}", f"{rng.normal():.3f}", "1.5"] for i in range(20)]
    (place / "series.csv").write_text("\n".join(",".join(row) for row in [["time", "a", "b"], *times]) + "\n")
    np.save(place / "series.npy", rng.normal(size=(20, 2)))
    boxed = [Boxed(f"{i}.png", (SIDE, SIDE), np.array([[1.0, 1, 8, 8]]), ("cell",)) for i in (0, 6)]
    write_coco(boxed, place / "boxes.json")
    write_voc(boxed, place / "voc")
