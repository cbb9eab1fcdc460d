"""Mixup: mixed inputs and labels, coefficients, and unmixed batches."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.augment.mixup import mixup, one_hot

SIZE, CLASSES = 64, 5


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.integers(0, 256, (3 * SIZE, 4, 4, 1)).astype("uint8"),
        "audio": rng.normal(size=(3 * SIZE, 10)).astype("float32"),
        "present": (rng.random((3 * SIZE, 2)) < 0.7).astype("float32"),
    }
    return tf.data.Dataset.from_tensor_slices((inputs, rng.integers(0, CLASSES, 3 * SIZE))).batch(SIZE)


def numpy_of(batches):
    return [({k: v.numpy() for k, v in x.items()}, y.numpy()) for x, y in batches]


def test_mixup_uses_one_coefficient_per_example(batches):
    for (before, label), (after, soft) in zip(
        numpy_of(batches), numpy_of(mixup(batches, CLASSES, 0.4, 3)), strict=True
    ):
        there, other = before["audio"], np.roll(before["audio"], 1, axis=0)
        share = ((after["audio"] - other) * (there - other)).sum(axis=1) / ((there - other) ** 2).sum(axis=1)
        alike = (before["present"] == np.roll(before["present"], 1, axis=0)).all(axis=1)
        np.testing.assert_allclose(share[~alike], 1, atol=1e-5)
        assert 0.5 - 1e-5 <= share.min() < 0.9
        eye = np.eye(CLASSES)[label]
        mixed = share[:, None] * eye + (1 - share[:, None]) * np.roll(eye, 1, axis=0)
        np.testing.assert_allclose(soft, mixed, atol=1e-5)
        image = before["image"].astype(float)
        expected = share[:, None, None, None] * (image - np.roll(image, 1, axis=0)) + np.roll(image, 1, axis=0)
        np.testing.assert_allclose(after["image"], expected, atol=0.51)
        np.testing.assert_array_equal(after["present"], before["present"])


def test_mixup_coefficients_follow_beta():
    data = tf.data.Dataset.from_tensors(({"audio": tf.eye(4000, 1) * 0 + 1.0}, tf.range(4000) % 2))
    ((_, soft),) = numpy_of(mixup(data, 2, 0.4, 0))
    share = soft.max(axis=1)
    drawn = np.random.default_rng(1).beta(0.4, 0.4, 4000)
    drawn = np.maximum(drawn, 1 - drawn)
    quantiles = np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(np.quantile(share, quantiles), np.quantile(drawn, quantiles), atol=0.02)


def test_mixup_first_step_resumes_the_draws(batches):
    whole = numpy_of(mixup(batches, CLASSES, 0.4, 3))
    later = numpy_of(mixup(batches.skip(1), CLASSES, 0.4, 3, first_step=1))
    other = numpy_of(mixup(batches, CLASSES, 0.4, 4))
    np.testing.assert_array_equal(whole[1][1], later[0][1])
    assert not np.array_equal(whole[0][1], whole[1][1])
    assert not np.array_equal(whole[0][1], other[0][1])


def test_smoothed_labels_train_and_validate(batches):
    inputs = {"audio": keras.Input((10,), name="audio")}
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax")(inputs["audio"]))
    model.compile("sgd", keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"])
    chosen = [data.map(lambda x, y: ({"audio": x["audio"]}, y)) for data in (batches, batches)]
    data = mixup(chosen[0], CLASSES, 0.4, 3), one_hot(chosen[1], CLASSES)
    history = model.fit(data[0], validation_data=data[1], verbose=0).history
    p = np.concatenate([model.predict_on_batch(x) for x, _ in data[1]])
    label = np.concatenate([y for _, y in numpy_of(batches)])
    smooth = 0.9 * np.eye(CLASSES)[label] + 0.1 / CLASSES
    assert history["val_loss"][0] == pytest.approx(-(smooth * np.log(p)).sum(axis=1).mean(), rel=1e-4)
    assert history["val_accuracy"][0] == pytest.approx((p.argmax(axis=1) == label).mean())


def test_mixup_bad_arguments_raise(batches):
    ids = batches.map(lambda x, y: ({"text": tf.zeros((4, 3), tf.int32)}, y))
    with pytest.raises(ValueError, match=r"ids have no mean\. Received: text int32"):
        mixup(ids, CLASSES, 0.4, 0)
    with pytest.raises(ValueError, match="alpha above 0"):
        mixup(batches, CLASSES, 0.0, 0)
