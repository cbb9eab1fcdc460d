"""A large table is not held in memory: what reading, comparing and linear models take, and the rows that these get."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from mmzoo.automl import linear_baselines
from mmzoo.automl.leakage import duplicates
from mmzoo.automl.linear_baselines import SelectedRows, baseline_examples, baseline_input, format_baseline_rows
from mmzoo.data.decode.text import encode_bytes
from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.read import read_table
from mmzoo.data.tables.rows import Rows
from mmzoo.studies import fit_cost
from mmzoo.studies.fit_cost import CLASSES, cost, picture_table, text_table

MEGABYTE = 2**20
LIMIT = 2 * 1024 * MEGABYTE
# what happens to a table outside of training, each step with the most memory of no file that it took until then
STEPS = """
import json, os, sys, threading, time
from pathlib import Path
import tensorflow
from mmzoo import recipes
from mmzoo.automl import fit as own
from mmzoo.automl.cross_validation import table_splits
from mmzoo.automl.leakage import duplicates
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.studies import fit_cost
place, peaks, stage = Path(sys.argv[1]), {}, ["start"]
def watch():
    while stage:
        peaks[stage[0]] = max(peaks.get(stage[0], 0), fit_cost._memory(os.getpid())[1])
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
def step(name, work, *given):
    time.sleep(0.1)
    stage[0] = name
    return work(*given)
values = step("reading", own.assemble, place, "kind", Request())
recipe = place.with_name("recipe.py")
recipe.write_text(recipe_text(from_values(values)))
experiment = recipes.experiment(str(recipe))
splits = step("decoding", table_splits, experiment, place)
step("duplicates", duplicates, splits)
step("linear models", own._linear_baselines, splits, experiment)
stage.clear()
print(json.dumps(peaks))
"""


def examples(arrays, count):
    """Return splits of 70, 15 and 15 % of `count` rows, none of them missing."""
    rows = Rows(arrays, np.ones((count, len(arrays)), bool), {}, np.arange(count) + 1)
    bounds = [0, int(0.7 * count), int(0.85 * count), count]
    index = [np.arange(*pair) for pair in itertools.pairwise(bounds)]
    named = zip(("train", "validation", "test"), index, strict=True)
    return {name: Examples(rows, own, (own % 3).astype(np.int32)) for name, own in named}


def test_rows_of_linear_models_are_drawn_from_each_split(monkeypatch):
    splits = examples({"image": np.zeros((400, 4, 4, 3), np.uint8), "text": np.zeros((400, 8), np.uint16)}, 400)
    assert baseline_examples(splits) == splits
    assert format_baseline_rows(splits, splits) == ""
    monkeypatch.setattr(linear_baselines, "ROWS", {"train": 100, "validation": 70, "test": 30})
    few = baseline_examples(splits, seed=1)
    assert [len(own.index) for own in few.values()] == [100, 60, 30]
    for name, own in few.items():
        assert np.isin(own.index, splits[name].index).all()
        assert len(np.unique(own.index)) == len(own.index)
        np.testing.assert_array_equal(own.labels, own.index % 3)
    assert format_baseline_rows(few, splits) == "The linear baselines use 100 of 280 train, 30 of 60 test rows."
    assert not np.array_equal(baseline_examples(splits, seed=2)["train"].index, few["train"].index)
    monkeypatch.setattr(linear_baselines, "TEXT", 8 * 20)
    assert [len(own.index) for own in baseline_examples(splits).values()] == [20, 20, 20]


def test_rows_are_read_as_they_are_asked_for():
    sounds, index = np.arange(-40, 40, dtype=np.int16).reshape(10, 8), np.array([7, 2, 5])
    chosen, rate = baseline_input("audio_call", sounds, index, 8000)
    assert (len(chosen), chosen.shape, rate) == (3, (3, 8), 8000)
    np.testing.assert_array_equal(chosen[1:3], sounds[[2, 5]].astype(np.float32) / 32768)
    pictures = np.arange(80, dtype=np.uint8).reshape(10, 2, 4, 1)
    shown = baseline_input("image", pictures, index, 0)
    assert isinstance(shown, SelectedRows)
    np.testing.assert_array_equal(shown[:2], pictures[[7, 2]])
    texts = encode_bytes(["a", "", "ç"], 4)
    assert baseline_input("text", texts, np.array([2, 1, 0]), 0) == ["ç", None, "a"]
    np.testing.assert_array_equal(baseline_input("tabular", np.eye(3), np.array([2]), 0), [[0, 0, 1]])


def test_texts_of_two_splits_are_found_on_disk():
    texts = [f"the number {i} of many numbers stands here, {i * 7919 % 1000}" for i in range(40)]
    texts[35], texts[39] = texts[3], texts[4].replace("the", "The")
    splits = examples({"text": encode_bytes(texts, 96).astype(np.uint16)}, 40)
    found = duplicates(splits)["text"]
    assert (found["exact"], found["near"]) == (1, 1)
    assert found["first"] == ["exact: row 4 (train), row 36 (test)", "near text: row 5 (train), row 40 (test)"]
    splits["train"].rows.present[3] = False
    assert duplicates(splits)["text"]["exact"] == 0


def test_tables_of_any_size(tmp_path, monkeypatch):
    texts = read_table(text_table(tmp_path, 500))
    assert list(texts) == ["note", "kind"]
    assert len(texts) == 500
    told = [kind in note.split() for note, kind in zip(texts["note"], texts["kind"], strict=True)]
    assert np.mean(told) == pytest.approx(0.7, abs=0.07)
    pictures = read_table(picture_table(tmp_path, 6))
    assert set(pictures["kind"]) <= set(CLASSES)
    assert all((tmp_path / name).stat().st_size > 2000 for name in pictures["photo"])


def test_a_table_is_not_held_in_memory(tmp_path):
    """Bytes of memory that a row more takes until linear models, which get a part of the rows alone."""
    peaks = {}
    for rows in (1000, 31_000):
        place = tmp_path / str(rows)
        place.mkdir()
        command = [sys.executable, "-c", STEPS, text_table(place, rows)]
        own = {**fit_cost.os.environ, "MMZOO_CACHE_DIR": str(place / "cache")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
        assert done.returncode == 0, done.stderr[-2000:]
        peaks[rows] = json.loads(done.stdout.splitlines()[-1])
    more = {stage: (peaks[31_000][stage] - peaks[1000][stage]) / 30_000 for stage in peaks[1000]}
    assert more["reading"] < 600  # 76 letters and a class as Python has them
    assert more["decoding"] < 800
    assert more["duplicates"] < 1200


@pytest.mark.slow
@pytest.mark.parametrize(("make", "rows"), [(picture_table, 10_000), (text_table, 1_000_000)])
def test_two_gigabytes_are_enough(make, rows, tmp_path):
    told = cost(make(tmp_path, rows), ["--epochs", "1"])
    assert told["resident"] < LIMIT
