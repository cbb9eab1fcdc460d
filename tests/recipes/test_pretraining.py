"""The three recipes without labels: they train, nothing hidden leaks, and their encoders are of use to another."""

import dataclasses

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from on_device import check_on_device, randomize
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from untraced import untraced

from mmzoo.blocks.log_mel import LogMel
from mmzoo.data.sources import digit_facts, digit_pairs
from mmzoo.data.sources.digit_clusters import picture_clusters
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.models.transfer import load_encoders, read_model
from mmzoo.recipe import Recipe, one_phase
from mmzoo.recipes import autoencoder_pretraining, contrastive_pretraining, masked_pretraining, spoken_digits
from mmzoo.training.loop import Progress, compile_phase, fit

RECIPES = {
    "contrastive": contrastive_pretraining,
    "masked": masked_pretraining,
    "autoencoder": autoencoder_pretraining,
}
THREE = dataclasses.replace(contrastive_pretraining.TINY, modalities=("image", "audio", "text"))
VALUES = dataclasses.replace(masked_pretraining.TINY, targets="values")
BASE = {name: (recipe, recipe.TINY) for name, recipe in RECIPES.items()}
VARIANTS = {
    "three": (contrastive_pretraining, THREE),
    "siglip": (contrastive_pretraining, dataclasses.replace(THREE, objective="siglip")),
    "vicreg": (contrastive_pretraining, dataclasses.replace(THREE, objective="vicreg")),
    "image": (masked_pretraining, dataclasses.replace(VALUES, modalities=("image",))),
    "values": (masked_pretraining, VALUES),
    "words": (masked_pretraining, dataclasses.replace(VALUES, modalities=("image", "text"))),
    "audio": (autoencoder_pretraining, dataclasses.replace(autoencoder_pretraining.TINY, modalities=("audio",))),
}
CONFIGS = BASE | VARIANTS
each_config = pytest.mark.parametrize(("recipe", "config"), CONFIGS.values(), ids=CONFIGS)
# the recipes as they are live through all of test_life
each_variant = pytest.mark.parametrize(("recipe", "config"), VARIANTS.values(), ids=VARIANTS)
TINY_MASKED = masked_pretraining.TINY
STEPS, PROBED = 50, 120


def compiled(recipe, config, steps):
    keras.utils.set_random_seed(0)
    model = recipe.build(config)
    compile_phase(model, recipe.objective(config), one_phase(config)[0], steps)
    return model


# of each recipe one variant always runs; losses and targets of the others have tests of their own
SLOW = ("three", "siglip", "words")


@pytest.mark.parametrize(
    ("recipe", "config"),
    [pytest.param(*c, id=name, marks=[pytest.mark.slow] if name in SLOW else []) for name, c in VARIANTS.items()],
)
def test_data_fits_the_model_and_the_loss_falls(recipe, config):
    model = compiled(recipe, config, STEPS)
    for split in ("train", "validation", "test"):
        inputs, y = next(iter(recipe.dataset(split, config)))
        assert {n: (x.dtype, x.shape[1:]) for n, x in inputs.items()} == {
            n: (x.dtype, x.shape[1:]) for n, x in model.input.items()
        }
        ranges = recipe.export(config).ranges
        assert all(ranges[n][0] <= np.min(x) <= np.max(x) <= ranges[n][1] for n, x in inputs.items())
        assert len(y) == len(next(iter(inputs.values())))
    losses = []
    for inputs, y in recipe.dataset("train", config).take(STEPS):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(inputs, y)[0]))
    assert np.mean(losses[-5:]) < 0.97 * np.mean(losses[:5]), losses
    with untraced():
        said = model.evaluate(inputs, y, verbose=0, return_dict=True)
    assert set(said) == {"loss", *(metric.__name__ for metric in recipe.objective(config)["metrics"])}
    assert np.isfinite(list(said.values())).all()


@each_variant
def test_every_weight_gets_a_gradient(recipe, config):
    keras.utils.set_random_seed(0)
    model = recipe.build(config)
    randomize(model)
    loss = recipe.objective(config)["loss"]
    inputs, y = next(iter(recipe.dataset("train", config)))
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss(tf.cast(y, "float32"), model(inputs, training=True)))
    weights = model.trainable_variables
    gradients = [np.asarray(tf.convert_to_tensor(g)) for g in tape.gradient(value, [w.value for w in weights])]
    assert all(np.isfinite(g).all() for g in gradients)
    assert not [w.path for w, g in zip(weights, gradients, strict=True) if not np.any(g)]


@each_config
def test_encoders_are_those_of_spoken_digits(recipe, config, tmp_path):
    model = recipe.build(config)
    randomize(model)
    model.save(tmp_path / "m.keras")
    target = spoken_digits.build(spoken_digits.Config(embed_dim=config.embed_dim))
    names = [f"{m}_encoder" for m in ("image", "audio") if m in config.modalities]
    assert load_encoders(target, tmp_path / "m.keras", ["image_encoder", "audio_encoder"]) == names
    for name in names:
        for ours, theirs in zip(target.get_layer(name).get_weights(), model.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    inputs, _ = next(iter(recipe.dataset("test", config)))
    np.testing.assert_array_equal(read_model(tmp_path / "m.keras")(inputs), model(inputs))


def exported(recipe, config):
    model = recipe.build(config)
    randomize(model)
    outputs = recipe.export(config).outputs
    return keras.Model(model.input, {name: model.get_layer(layer).output for name, layer in outputs.items()})


@pytest.mark.parametrize("name", ["three", "image"])
def test_what_is_exported_loads_and_runs_on_the_gpu(name, tmp_path, gpu):
    recipe, config = CONFIGS[name]
    model = exported(recipe, config)
    model.save(tmp_path / "m.keras")
    read_model(tmp_path / "m.keras")
    inputs, _ = next(iter(recipe.dataset("test", config)))
    check_on_device(model, {name: np.asarray(x)[:4] for name, x in inputs.items()}, tmp_path, gpu)


@pytest.mark.parametrize("recipe", [masked_pretraining, pytest.param(autoencoder_pretraining, marks=pytest.mark.slow)])
def test_a_stopped_run_ends_where_another_does(recipe, tmp_path, monkeypatch):
    """Of few pictures and no sound, for the sake of time; masks and the noise of the latent go on as well."""
    config = dataclasses.replace(recipe.TINY, modalities=("image",))

    def few(*options):
        bank = digit_facts.load(*options)
        return dataclasses.replace(bank, images=bank.images[:256], image_labels=bank.image_labels[:256])

    monkeypatch.setattr(recipe, "load", few)
    monkeypatch.setattr(digit_pairs, "SMALLEST_EPOCH", 1)
    whole, history = fit(Experiment(Recipe.from_module(recipe), config), tmp_path / "whole", "whole")

    def stop(self, epoch, logs=None):
        if epoch == 1:
            raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_epoch_begin", stop)
        with pytest.raises(InterruptedError):
            fit(Experiment(Recipe.from_module(recipe), config), tmp_path / "stopped", "stopped")
    resumed, again = fit(Experiment(Recipe.from_module(recipe), config), tmp_path / "stopped", "resumed")
    assert len(again["loss"]) == len(history["loss"]) == 2
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_masked_errors_are_those_of_hidden_pixels_and_frames():
    recipe = masked_pretraining
    rng = np.random.default_rng(0)
    hidden = (rng.random((3, 49)) < 0.5).astype("float32"), (rng.random((3, 14)) < 0.5).astype("float32")
    pixels, samples = rng.random((3, 784)).astype("float32"), rng.normal(0, 0.1, (3, 8000)).astype("float32")
    guess = rng.normal(size=(3, 784 + 3920)).astype("float32")
    y = np.concatenate([pixels, hidden[0], samples, hidden[1]], axis=1)
    of_image, of_audio = (np.mean(error(y, guess)) for error in recipe.objective(VALUES)["metrics"])
    expected, count = 0.0, 0
    for example, patch in zip(*hidden[0].nonzero(), strict=True):
        row, column = divmod(patch, 7)
        there = pixels[example].reshape(28, 28)[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        expected += np.square(there.ravel() - guess[example, 16 * patch : 16 * patch + 16]).sum()
        count += 16
    assert of_image == pytest.approx(expected / count, rel=1e-4)
    log_mel = np.asarray(LogMel()(samples)) * 0.25 + 2
    expected, count = 0.0, 0
    for example, span in zip(*hidden[1].nonzero(), strict=True):
        there = log_mel[example, 7 * span : 7 * span + 7]
        expected += np.square(there.ravel() - guess[example, 784 + 280 * span : 784 + 280 * span + 280]).sum()
        count += 280
    assert of_audio == pytest.approx(expected / count, rel=1e-4)
    assert np.mean(recipe.objective(VALUES)["loss"](y, guess)) == pytest.approx(of_image + of_audio, rel=1e-4)


def test_masked_error_of_text_is_the_cross_entropy_of_hidden_bytes():
    recipe, config = masked_pretraining, dataclasses.replace(VALUES, modalities=("image", "text"))
    rng = np.random.default_rng(0)
    hidden, ids = rng.random((5, 8)) < 0.5, rng.integers(3, 259, (5, 8))
    logits = rng.normal(size=(5, 8, 260)).astype("float32")
    y = np.concatenate([np.zeros((5, 784 + 49)), ids, hidden], axis=1).astype("float32")
    guess = np.concatenate([np.zeros((5, 784)), logits.reshape(5, -1)], axis=1).astype("float32")
    likely = np.take_along_axis(scipy.special.log_softmax(logits, axis=-1), ids[..., None], axis=-1)[..., 0]
    of_text = np.mean(recipe.objective(config)["metrics"][1](y, guess))
    assert of_text == pytest.approx(-likely[hidden].mean(), rel=1e-5)


def test_what_was_not_hidden_does_not_count():
    recipe = masked_pretraining
    loss = recipe.objective(VALUES)["loss"]
    inputs, y = next(iter(recipe.dataset("test", VALUES)))
    guess = np.asarray(recipe.build(VALUES)(inputs))
    seen = np.concatenate([np.repeat(1 - y[:, 784:833], 16, axis=1), np.repeat(1 - y[:, -14:], 280, axis=1)], axis=1)
    before, moved, other = (float(np.mean(loss(y, g))) for g in (guess, guess + 9 * seen, guess + 9 * (1 - seen)))
    assert moved == pytest.approx(before, rel=1e-5)
    assert other > 2 * before


def test_clusters_are_those_of_the_whole_picture():
    """k-means by its definition, of the picture before parts of it were hidden."""
    recipe = masked_pretraining
    bank = (TINY_MASKED.source, "", TINY_MASKED.seed, TINY_MASKED.components, TINY_MASKED.snr_db)
    centers = picture_clusters(*bank, TINY_MASKED.clusters)
    assert centers.shape == (TINY_MASKED.clusters, 784)
    _, told = next(iter(recipe.dataset("train", TINY_MASKED)))
    pixels = np.asarray(next(iter(recipe.dataset("train", VALUES)))[1])[:, :784]
    expected = np.linalg.norm(pixels[:, None] - centers[None], axis=-1).argmin(axis=1)
    np.testing.assert_array_equal(told, expected)
    assert len(set(expected)) > TINY_MASKED.clusters / 3
    inputs, heard = next(iter(recipe.dataset("train", dataclasses.replace(TINY_MASKED, modalities=("audio",)))))
    assert list(inputs) == ["audio"]
    np.testing.assert_array_equal(heard, told)


def test_clusters_cost_their_cross_entropy_and_count_when_told():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(5, 2, 32)).astype("float32"), rng.integers(0, 32, 5)
    image, audio = scipy.special.log_softmax(logits, axis=-1).transpose(1, 0, 2)
    expected = -audio[np.arange(5), y] - (np.exp(audio) * image).sum(axis=1)
    said = masked_pretraining.objective(TINY_MASKED)
    np.testing.assert_allclose(said["loss"](y, logits), expected, rtol=1e-5)
    np.testing.assert_allclose(said["loss"](y, logits[:, :1]), -image[np.arange(5), y], rtol=1e-5)
    with tf.GradientTape() as tape:
        guess = tf.Variable(logits)
        loss = said["loss"](y, guess)
    moved = tape.gradient(loss, guess)[:, 1]  # speech learns from the cluster alone
    np.testing.assert_allclose(moved, np.exp(audio) - np.eye(32)[y], atol=1e-5)
    for m, metric in enumerate(said["metrics"]):
        logits[:3, m, y[:3]] += 99 * np.eye(3)
        np.testing.assert_array_equal(metric(y, logits), logits[:, m].argmax(axis=-1) == y)


def test_autoencoder_hears_nothing_of_what_is_missing():
    """All that is made comes from what is present, the missing picture too."""
    recipe = autoencoder_pretraining
    model = recipe.build(recipe.TINY)
    randomize(model)
    inputs, _ = next(iter(recipe.dataset("test", recipe.TINY)))
    inputs = {name: np.asarray(x)[:8] for name, x in inputs.items()}
    only_audio = {**inputs, "present": np.tile(np.float32([[0, 1]]), (8, 1))}
    made, blank = np.asarray(model(only_audio)), {**only_audio, "image": np.zeros_like(inputs["image"])}
    np.testing.assert_array_equal(model(blank), made)
    assert np.abs(made - np.asarray(model(inputs))).max() > 1e-3
    assert np.abs(made[:, :784] - made[::-1, :784]).max() > 1e-3


@pytest.fixture(scope="module")
def examples():
    """Some training and all test examples of `sample` for a linear probe: `{split: (inputs, labels)}`."""
    found = {}
    for split, count in (("train", 8), ("test", 2)):
        batches = spoken_digits.dataset(split, spoken_digits.Config(modality_dropout=0.0)).take(count)
        inputs, labels = zip(*batches, strict=True)
        found[split] = {m: np.concatenate([x[m] for x in inputs]) for m in ("image", "audio")}, np.concatenate(labels)
    return found


def probe(encoders, examples):
    """Test accuracy `{modality: share}` of a linear model on frozen embeddings of some training examples."""
    (train, labels), (test, truth) = examples["train"], examples["test"]
    scores = {}
    for m in ("image", "audio"):
        seen, unseen = (encoders[m].predict(x[m], batch_size=256, verbose=0) for x in (train, test))
        linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
        scores[m] = linear.fit(seen, labels).score(unseen, truth)
    return scores


def test_a_linear_probe_finds_more_than_in_random_encoders(examples):
    """Of contrastive pretraining and speech alone: nothing else that is learned in a minute shows in a linear model."""
    recipe, config = contrastive_pretraining, dataclasses.replace(contrastive_pretraining.TINY, embed_dim=64)
    model = compiled(recipe, config, PROBED)
    encoders = {m: model.get_layer(f"{m}_encoder") for m in ("image", "audio")}
    before = probe(encoders, examples)
    for inputs, y in recipe.dataset("train", config).take(PROBED):
        model.train_on_batch(inputs, y)
    after = probe(encoders, examples)
    assert after["audio"] > before["audio"] + 0.05, (before, after)
    assert after["image"] > before["image"] - 0.03, (before, after)


@pytest.mark.parametrize(
    ("recipe", "wrong", "said"),
    [
        (contrastive_pretraining, {"modalities": ("image",)}, "modalities"),
        (contrastive_pretraining, {"objective": "barlow"}, "objective"),
        (contrastive_pretraining, {"temperature": 0.0}, "temperature"),
        (masked_pretraining, {"hidden": 1.5}, "hidden"),
        (masked_pretraining, {"modalities": ("text",)}, "modalities"),  # text tells no cluster
        (masked_pretraining, {"targets": "words"}, "targets"),
        (masked_pretraining, {"clusters": 1}, "clusters"),
        (autoencoder_pretraining, {"source": "mnist"}, "source"),
        (autoencoder_pretraining, {"modality_dropout": -0.1}, "modality_dropout"),
    ],
)
def test_says_which_option_cannot_be(recipe, wrong, said):
    with pytest.raises(BadInputError, match=f"`{said}` must be"):
        recipe.Config(**wrong)
