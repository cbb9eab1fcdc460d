"""Tests of batches of decoded rows: model inputs, augmentation in training only, modality dropout."""

from dataclasses import replace

import numpy as np
import pytest

from mmzoo.data.tables.batches import Examples, as_inputs, epoch_line, evaluation_rows, training_rows
from mmzoo.data.tables.rows import Rows

MODALITIES = ("image", "audio", "text", "tabular")
COUNT = 40


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    arrays = {
        "image": rng.integers(0, 256, (COUNT, 16, 16, 3), np.uint8),
        "audio": rng.integers(-9000, 9000, (COUNT, 80), np.int16),
        "text": np.tile(np.r_[np.arange(3, 23), np.zeros(12)].astype(np.uint16), (COUNT, 1)),
        "tabular": np.arange(COUNT, dtype=np.float32)[:, None],
    }
    present = rng.random((COUNT, 4)) < 0.7
    present[:3] = [[1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]
    return Examples(
        Rows(arrays, present, {}, np.arange(COUNT) + 1, (np.float32([-5]), np.array([0]))),
        np.arange(0, COUNT, 2),
        np.arange(COUNT // 2, dtype=np.int32),
    )


def test_evaluation_rows_equal_inputs(data):
    ((inputs, labels),) = [*evaluation_rows(data, MODALITIES, 0)]
    assert labels.numpy().tolist() == [*range(COUNT // 2)]
    expected = as_inputs(data.rows, data.index, MODALITIES)
    assert [*inputs] == [*expected] == [*MODALITIES, "present"]
    for name, x in inputs.items():
        assert x.dtype.name == expected[name].dtype
        np.testing.assert_array_equal(x, expected[name])
    assert np.abs(inputs["audio"]).max() < 0.3
    np.testing.assert_array_equal(inputs["present"], data.rows.present[::2])


def test_evaluation_rows_modality_subset_selects_present_columns(data):
    ((inputs, _),) = [*evaluation_rows(data, ("audio", "tabular"), 0)]
    np.testing.assert_array_equal(inputs["present"], data.rows.present[::2][:, [1, 3]])
    ((inputs, _),) = [*evaluation_rows(data, ("text",), 0)]
    assert [*inputs] == ["text", "present"]
    np.testing.assert_array_equal(inputs["present"], data.rows.present[::2][:, [2]])


def collect(data, **changed):
    given = {"batch_size": 10, "seed": 3, "epoch": 0, "dropout": 0.5, "augment": True} | changed
    batches = training_rows(data, MODALITIES, *given.values())
    return batches, [({k: v.numpy() for k, v in x.items()}, y.numpy()) for x, y in batches.take(20)]


def test_training_rows_dropout_keeps_at_least_one_modality(data):
    batches, found = collect(data)
    assert len(batches) == 206
    own = data.rows.present[::2].astype(np.float32)
    dropped = 0
    for inputs, labels in found:
        there = own[labels]
        assert (inputs["present"] <= there).all()
        assert (inputs["present"].any(axis=1) == there.any(axis=1)).all()
        dropped += (inputs["present"] < there).sum()
    assert dropped > 20


def test_training_rows_mask_single_cells(data):
    rows = Rows({"tabular": np.ones((COUNT, 5), np.float32)}, np.ones((COUNT, 1), bool), {}, data.rows.numbers)
    rows = replace(rows, empty=(np.arange(-5, 0, dtype=np.float32), np.array([0, 0, 1, 2, 2])))
    whole = Examples(rows, data.index, data.labels)
    found = np.concatenate([x["tabular"].numpy() for x, _ in training_rows(whole, ("tabular",), 20, 0, 0, 0.0, True)])
    hidden = found != 1
    assert (hidden[:, 0] == hidden[:, 1]).all()
    assert (hidden[:, 3] == hidden[:, 4]).all()
    assert (found[hidden] == np.broadcast_to(rows.empty[0], found.shape)[hidden]).all()
    np.testing.assert_allclose(hidden.mean(axis=0), 0.1, atol=0.03)
    assert (hidden[:, 0] != hidden[:, 2]).any()


def test_training_rows_half_of_dropout_is_unimodal(data):
    whole = Examples(Rows(data.rows.arrays, np.ones((COUNT, 4), bool), {}, data.rows.numbers), data.index, data.labels)
    batches = training_rows(whole, MODALITIES, 20, 0, 0, 0.7, False)
    present = np.concatenate([x["present"].numpy() for x, _ in batches])
    patterns, counts = np.unique(present, axis=0, return_counts=True)
    assert len(patterns) == 15
    shares, size = counts / counts.sum(), patterns.sum(axis=1)
    np.testing.assert_allclose(shares[(size == 2) | (size == 3)], 0.35 / 14, atol=0.02)
    np.testing.assert_allclose(shares[size == 1], 0.35 / 4 + 0.35 / 14, atol=0.03)
    np.testing.assert_allclose(shares[size == 4], 0.3, atol=0.05)


def test_training_rows_augmentation_is_reproducible(data):
    (_, first), (_, again), (_, other) = collect(data), collect(data), collect(data, seed=4)
    plain = as_inputs(data.rows, data.index, MODALITIES)
    for (x, y), (same, _), (different, _) in zip(first, again, other, strict=True):
        for name in ("image", "audio", "text"):
            np.testing.assert_array_equal(x[name], same[name])
            assert x[name].dtype == plain[name].dtype
            assert (x[name] != plain[name][y]).any()
        assert not np.array_equal(x["present"], different["present"]) or not np.array_equal(
            x["image"], different["image"]
        )
        cells = x["tabular"][:, 0]
        assert ((cells == plain["tabular"][y, 0]) | (cells == -5)).all()
        hidden = x["text"] != plain["text"][y]
        assert (x["text"][hidden] == 1).all()
        assert not hidden[:, 20:].any()


def test_training_rows_without_augmentation_equal_inputs(data):
    _, found = collect(data, augment=False, dropout=0.0)
    plain = as_inputs(data.rows, data.index, MODALITIES)
    for inputs, labels in found:
        for name, x in inputs.items():
            np.testing.assert_array_equal(x, plain[name][labels])


def test_training_rows_augment_video_frames_equally(data):
    side, frames = 16, 4
    one = np.random.default_rng(1).integers(0, 256, (COUNT, 1, side, side, 3), np.uint8)
    strips = np.repeat(one, frames, axis=1).reshape(COUNT, frames * side, side, 3)
    rows = Rows({"video": strips}, np.ones((COUNT, 1), bool), {}, data.rows.numbers)
    whole = Examples(rows, data.index, data.labels)
    x, y = next(iter(training_rows(whole, ("video",), 20, 0, 0, 0.0, True)))
    changed = x["video"].numpy().reshape(20, frames, side, side, 3)
    assert x["video"].dtype == "uint8"
    assert (changed == changed[:, :1]).all()
    plain = one[data.index][y.numpy(), 0].astype(int)
    difference = np.abs(changed[:, 0] - plain).mean(axis=(1, 2, 3))
    assert (difference > 5).all()  # by a crop and by color
    apart = changed[:, 0].astype(int) - plain
    assert np.abs(apart[0] - apart[1]).mean() > 5


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (358, "an epoch has each of the 358 training rows 6 times"),
        (2048, "an epoch has each of the 2,048 training rows once"),
        (100_000, "an epoch has each of the 100,000 training rows once"),
        (1_000_000, "an epoch has one of 10 parts of the 1,000,000 training rows"),
    ],
)
def test_epoch_line(rows, line):
    assert epoch_line(rows) == line
