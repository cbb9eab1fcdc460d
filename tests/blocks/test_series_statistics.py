"""Statistics of series against NumPy, in files and on the GPU accelerator."""

import keras
import numpy as np
from on_device import check_on_device

from mmzoo.blocks.signal_statistics import SeriesStatistics
from mmzoo.models.transfer import read_model

RNG = np.random.default_rng(0)
MEAN, DEVIATION = (3.0, -200.0, 0.5), (2.0, 50.0, 0.01)


def series(count=4, steps=20):
    """Return series `(count, steps, 4)`, each measured up to another step, padded by the mean."""
    values = RNG.normal(MEAN, DEVIATION, (count, steps, 3))
    there = np.arange(steps) < RNG.integers(1, steps + 1, (count, 1))
    there[0] = True
    return np.concatenate([np.where(there[..., None], values, MEAN), there[..., None]], axis=-1).astype(np.float32)


def test_features_are_those_of_numpy():
    layer, given = SeriesStatistics(MEAN, DEVIATION), series()
    layer(given)
    found = keras.ops.convert_to_numpy(layer.measure(given))
    assert found.shape == (4, layer.size((None, 20, 4)))
    for example, row in zip(given, found, strict=True):
        known = (example[example[:, 3] > 0, :3] - MEAN) / DEVIATION
        away, steps = known - known.mean(axis=0), np.abs(np.diff(known, axis=0))
        expected = [known.mean(axis=0), known.std(axis=0), away.min(axis=0), away.max(axis=0)]
        expected[2:] = [np.minimum(expected[2], 0 if len(known) < 20 else np.inf), expected[3]]
        expected[3] = np.maximum(expected[3], 0 if len(known) < 20 else -np.inf)
        expected.append(steps.mean(axis=0) if len(steps) else np.zeros(3))
        np.testing.assert_allclose(row, np.concatenate(expected), rtol=1e-4, atol=1e-4)


def test_is_right_in_files_and_on_the_gpu(tmp_path, gpu):
    x = keras.Input((20, 4), name="series")
    layer = SeriesStatistics(MEAN, DEVIATION, name="front_end")
    y = layer(x)
    layer.adapt([series(30)])
    model = keras.Model({"series": x}, {"features": keras.layers.Dense(3)(y)})
    model.save(tmp_path / "model.keras")
    again = read_model(tmp_path / "model.keras")
    given = {"series": series()}
    np.testing.assert_array_equal(model.predict(given)["features"], again.predict(given)["features"])
    check_on_device(model, given, tmp_path, gpu)
