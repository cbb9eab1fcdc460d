"""Late fusion and the transfer of encoders."""

from functools import partial

import keras
import numpy as np
import pytest
from on_device import randomize

from mmzoo.blocks.presence import ConstantWhereNothing
from mmzoo.errors import BadInputError
from mmzoo.fusion.gated import gated
from mmzoo.heads.classifier import classifier
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.transfer import load_encoders, start_from


def encoder(name, width=5, embed_dim=8):
    x = keras.Input((width,))
    return keras.Model(x, keras.layers.Dense(embed_dim, activation="relu")(x), name=f"{name}_encoder")


def model_of(*names, **sizes):
    model = late_fusion({name: encoder(name, **sizes) for name in names}, gated, partial(classifier, num_classes=3))
    randomize(model)
    return model


def test_inputs_are_named_and_present_comes_last():
    model = model_of("image", "audio")
    assert list(model.input) == ["image", "audio", "present"]
    assert model.input["present"].shape == (None, 2)
    assert model.output.shape == (None, 3)
    assert model.get_layer("embedding").output.shape == (None, 8)


def test_late_fusion_one_modality_has_no_present():
    model = model_of("audio")
    assert list(model.input) == ["audio"]
    answer = np.asarray(model({"audio": np.ones((2, 5), "float32")}))
    np.testing.assert_allclose(answer.sum(axis=1), 1, rtol=1e-6)


def test_late_fusion_always_present_is_for_postprocess():
    prior = ConstantWhereNothing([0.5, 0.25, 0.25], name="answer")
    head = partial(classifier, num_classes=3)
    model = late_fusion({"audio": encoder("audio")}, gated, head, postprocess=prior, always_present=True)
    randomize(model)
    assert list(model.input) == ["audio", "present"]
    answer = np.asarray(model({"audio": np.ones((2, 5), "float32"), "present": np.float32([[1], [0]])}))
    plain = keras.Model(model.input, model.get_layer("probabilities").output)
    expected = np.asarray(plain({"audio": np.ones((2, 5), "float32"), "present": np.float32([[1], [0]])}))
    np.testing.assert_allclose(answer, [expected[0], [0.5, 0.25, 0.25]], rtol=1e-6)


def test_load_encoders_copies_weights_by_name(tmp_path):
    model_of("image", "audio").save(tmp_path / "m.keras")
    other = late_fusion({name: encoder(name) for name in ("image", "text")}, gated, partial(classifier, num_classes=7))
    assert load_encoders(other, tmp_path / "m.keras", ["image_encoder", "text_encoder"]) == ["image_encoder"]
    alone = model_of("text")
    assert load_encoders(alone, tmp_path / "m.keras", ["image_encoder", "text_encoder"]) == [], "it starts afresh"
    saved = keras.models.load_model(tmp_path / "m.keras").get_layer("image_encoder").get_weights()
    for ours, theirs in zip(other.get_layer("image_encoder").get_weights(), saved, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_start_from_loads_the_encoders_of_the_recipe(tmp_path):
    model_of("image", "audio").save(tmp_path / "m.keras")
    path = str(tmp_path / "m.keras")
    model, saved = model_of("audio"), keras.models.load_model(path).get_layer("audio_encoder").get_weights()
    before = model.get_weights()
    assert start_from("", model, ("image", "audio")) is model
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert start_from(path, model, ("image", "audio")) is model
    np.testing.assert_array_equal(model.get_layer("audio_encoder").get_weights()[0], saved[0])
    start_from(path, model_of("text"), ("text",), "image_encoder")  # another encoder of the recipe is in the file
    with pytest.raises(BadInputError, match="expected an encoder named text_encoder or reasoner"):
        start_from(path, model_of("text"), ("text",), "reasoner")


def test_load_encoders_bad_input_is_named(tmp_path):
    model_of("image", "audio").save(tmp_path / "m.keras")
    with pytest.raises(BadInputError, match=r"expected an encoder named text_encoder. Received: image_encoder"):
        load_encoders(model_of("text"), tmp_path / "m.keras", ["text_encoder"])
    with pytest.raises(BadInputError, match=r"expected image_encoder of 96 parameters. Received: another, of 48"):
        load_encoders(model_of("image", embed_dim=16), tmp_path / "m.keras", ["image_encoder"])
    with pytest.raises(BadInputError, match=r"no such file"):
        load_encoders(model_of("image"), tmp_path / "none.keras", ["image_encoder"])
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(BadInputError, match=r"text.keras: expected a .keras file"):
        load_encoders(model_of("image"), tmp_path / "text.keras", ["image_encoder"])


def test_unimodal_heads_predict_single_modalities_and_train_on_every_row():
    """A single modality uses its own head; in training each head gets every row."""
    head = partial(classifier, num_classes=3)
    model = late_fusion({name: encoder(name) for name in ("image", "audio")}, gated, head, unimodal_head=head)
    randomize(model)
    rows = {name: np.random.default_rng(i).normal(size=(4, 5)).astype("float32") for i, name in enumerate(model.input)}
    present = np.array([[1, 1], [1, 0], [0, 1], [1, 1]], "float32")
    inputs = {"image": rows["image"], "audio": rows["audio"], "present": present}
    answer, seen = np.asarray(model(inputs)), np.asarray(model(inputs, training=True))
    assert model.output.shape == (None, 3)
    together, image, audio = np.split(seen, 3, axis=1)
    np.testing.assert_allclose(answer, [together[0], image[1], audio[2], together[3]], atol=1e-6)
    np.testing.assert_allclose(image[2], together[2], atol=1e-6)
    changed = model({**inputs, "audio": rows["audio"] + 1})
    np.testing.assert_allclose(changed[1], answer[1], atol=1e-6)
    assert np.abs(changed[0] - answer[0]).max() > 1e-3
    alone = late_fusion({"image": encoder("image")}, gated, head, unimodal_head=head)
    assert alone.output.shape == (None, 3)
    assert [layer.name for layer in alone.layers if "told" in layer.name] == []
