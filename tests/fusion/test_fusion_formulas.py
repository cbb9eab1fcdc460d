"""Fusions by statistics and by products, against NumPy."""

import itertools

import keras
import numpy as np
import pytest
from numpy_transformer import dense, softmax, weights_of
from on_device import randomize

from mmzoo.fusion.film import film
from mmzoo.fusion.low_rank import low_rank
from mmzoo.fusion.maximum import maximum
from mmzoo.fusion.median import median
from mmzoo.fusion.minimum import minimum
from mmzoo.fusion.product_of_experts import gaussians, product, product_of_experts
from mmzoo.fusion.tensor_product import tensor_product
from mmzoo.fusion.weighted import weighted

WIDTH = 8
NAMES = ("image", "audio", "text", "video", "series")


def every_pattern(count):
    """Return random embeddings under each pattern of `present`, `{..., "present": (2**count, count)}`."""
    patterns = np.array(list(itertools.product((0, 1), repeat=count)), "float32")
    rng = np.random.default_rng(count)
    values = {name: rng.normal(size=(len(patterns), WIDTH)).astype("float32") for name in NAMES[:count]}
    return {**values, "present": patterns}


def answers(fuse, count=3):
    """Return the output of `fuse` for `every_pattern`, its weights by path, and the inputs."""
    inputs = {name: keras.Input((WIDTH,), name=name) for name in NAMES[:count]}
    present = keras.Input((count,), name="present")
    model = keras.Model({**inputs, "present": present}, fuse(inputs, present))
    randomize(model)
    given = every_pattern(count)
    return model(given), weights_of(model), given


def zeroed(given):
    """Return the embeddings of `every_pattern` with zeros for missing ones, and `present` as columns."""
    columns = dict(zip(given, given["present"].T[:, :, None], strict=False))
    return {name: given[name] * there for name, there in columns.items()}, columns


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("fuse", "formula"), [(maximum, np.max), (minimum, np.min), (median, np.median)])
def test_statistics_are_over_available_modalities(fuse, formula, count):
    for scale, shift in ((1, 0), (3, 40), (3, -40)):
        inputs = [keras.Input((WIDTH,)) for _ in range(count)]
        present = keras.Input((count,))
        model = keras.Model([inputs, present], fuse(dict(zip(NAMES, inputs, strict=False)), present))
        assert not model.weights
        given = every_pattern(count)
        rows = np.stack([given[name] for name in NAMES[:count]]) * scale + shift
        answer = np.asarray(model([list(rows), given["present"]]))
        there = given["present"] == 1
        expected = [formula(rows[t, i], axis=0) if t.any() else np.zeros(WIDTH) for i, t in enumerate(there)]
        np.testing.assert_allclose(answer, expected, rtol=1e-6, atol=1e-6 * (1 + abs(shift)))


def test_weighted():
    answer, weights, given = answers(weighted)
    np.testing.assert_array_equal(answer[0], np.zeros(WIDTH))
    for i, there in list(enumerate(given["present"] == 1))[1:]:
        shares = softmax((given["present"][i] @ weights["scores/kernel"])[there])
        rows = np.stack([given[name][i] for name in NAMES[:3]])[there]
        np.testing.assert_allclose(answer[i], shares @ rows, atol=1e-6)


def test_weighted_begins_as_the_mean():
    x, y, present = keras.Input((WIDTH,)), keras.Input((WIDTH,)), keras.Input((2,))
    model = keras.Model([x, y, present], weighted({"image": x, "audio": y}, present))
    given = every_pattern(2)
    answer = np.asarray(model([given["image"], given["audio"], given["present"]]))
    np.testing.assert_allclose(answer[3], (given["image"][3] + given["audio"][3]) / 2, atol=1e-6)


def test_film():
    answer, weights, given = answers(film)
    parts, columns = zeroed(given)
    first, *others = [x + (1 - columns[n]) * weights[f"{n}_absent/kernel"] for n, x in parts.items()]
    said = np.concatenate(others, axis=1)
    np.testing.assert_allclose(
        answer, (1 + dense(said, weights, "scale")) * first + dense(said, weights, "shift"), atol=1e-5
    )


@pytest.mark.parametrize("count", [2, 3, 4])
def test_tensor_product(count):
    answer, weights, given = answers(lambda x, present: tensor_product(x, present, units=3), count)
    columns = zeroed(given)[1]
    expected = []
    for i in range(len(given["present"])):
        cube = np.ones(())
        for name, there in columns.items():
            factor = np.tanh(dense(given[name][i], weights, f"{name}_factor")) * there[i]
            cube = np.multiply.outer(cube, np.append(factor, 1))
        expected.append(np.maximum(dense(cube.ravel(), weights, "fusion"), 0))
    assert cube.shape == (4,) * count
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_low_rank_is_a_tensor_product_of_low_rank():
    answer, weights, given = answers(lambda x, present: low_rank(x, present, rank=2))
    parts, _ = zeroed(given)
    tensor = 0
    for r in range(2):
        columns = slice(r * WIDTH, (r + 1) * WIDTH)
        # (9, D): what the features weigh, and what the appended 1 weighs
        image, audio, text = (
            np.vstack([weights[f"{n}_factor/kernel"], weights[f"{n}_factor/bias"]])[:, columns] for n in parts
        )
        tensor = tensor + np.einsum("ad,bd,cd->abcd", image, audio, text) / 2
    appended = [np.append(x, np.ones((len(x), 1)), axis=1) for x in parts.values()]
    np.testing.assert_allclose(answer, np.einsum("na,nb,nc,abcd->nd", *appended, tensor), atol=1e-5)


def test_product_of_experts():
    answer, weights, given = answers(lambda x, present: product_of_experts(x, present, 4))
    both, _, _ = answers(lambda x, present: product(gaussians(x, 4), present))
    # by sampling the densities on a grid: the product is a Gaussian of this mean and variance
    grid = np.linspace(-12, 12, 20001)
    for i, k in itertools.product(range(8), range(4)):
        log_density = -(grid**2) / 2
        for name, there in zip(NAMES[:3], given["present"][i], strict=True):
            mean = dense(given[name][i], weights, f"{name}_mean")[k]
            log_variance = 6 * np.tanh(dense(given[name][i], weights, f"{name}_spread")[k] / 6)
            log_density = log_density - there * (grid - mean) ** 2 / 2 / np.exp(log_variance)
        density = np.exp(log_density - log_density.max())
        expected = (grid * density).sum() / density.sum()
        np.testing.assert_allclose(answer[i, k], expected, atol=1e-4)
        np.testing.assert_allclose(both[0][i, k], expected, atol=1e-4)
        variance = ((grid - expected) ** 2 * density).sum() / density.sum()
        np.testing.assert_allclose(both[1][i, k], np.log(variance), atol=1e-3)
    np.testing.assert_array_equal(answer[0], np.zeros(4))
    np.testing.assert_array_equal(both[1][0], np.zeros(4))
