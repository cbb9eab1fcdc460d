"""The recipe `sound_events`: its flags, its folds, its loss on whole and shared labels, what is not in its graph."""

import dataclasses

import keras
import numpy as np
import pytest

from mmzoo.data.batches.clips import Sounds
from mmzoo.data.sources import esc10, synthetic_events
from mmzoo.errors import BadInputError
from mmzoo.models.transfer import load_encoders
from mmzoo.recipes import sound_events

TINY = sound_events.TINY


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"modalities": ("image",)}, "`modalities` must be any of audio in this order"),
        ({"modalities": ()}, "`modalities` must be"),
        ({"source": "esc50"}, "`source` must be one of sample, esc10, got esc50"),
        ({"fold": 0}, "`fold` must be one of 1, 2, 3, 4, 5, got 0"),
        ({"fold": 6}, "`fold` must be"),
        ({"width": 6}, "`width` must be a multiple of 4, got 6"),
        ({"width": 0}, "`width` must be"),
        ({"mixing": 1.5}, "`mixing` must be a number from 0 to 1"),
        ({"dropout": 1.0}, "`dropout` must be a number from 0 to below 1"),
        ({"passes": 0}, "`passes` must be 1 or more, got 0"),
        ({"embed_dim": 0}, "`embed_dim` must be a number above 0"),
        ({"seed": -1}, "`seed` must be"),
    ],
    ids=str,
)
def test_flags_that_cannot_be(flags, said):
    with pytest.raises(BadInputError, match=said):
        sound_events.Config(**flags)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    config = dataclasses.replace(TINY, source="esc10", data_dir=str(tmp_path / "none"))
    with pytest.raises(BadInputError, match="`data_dir`: no such folder"):
        sound_events.dataset("test", config)


def test_the_fold_is_that_of_the_config(monkeypatch):
    asked = []

    def load(split, fold, data_dir):
        asked.append((split, fold, data_dir))
        return Sounds(np.zeros((1, esc10.SAMPLES), np.int16), np.zeros(1, np.int32), 10)

    monkeypatch.setattr(esc10, "esc10", load)
    config = dataclasses.replace(TINY, source="esc10", fold=4, data_dir="here")
    sound_events.dataset("test", config)
    joined = dataclasses.replace(config, join_validation=True, batch_size=1)
    for split in ("train", "validation"):
        sound_events.dataset(split, joined)
    assert asked == [("test", 4, "here"), ("train+validation", 4, "here"), ("validation", 4, "here")]


def test_esc10_is_heard_by_few_parameters():
    model = sound_events.build(sound_events.Config(source="esc10"))
    assert model.count_params() < 200_000
    assert model.input["audio"].shape == (None, 80000)
    assert model.output.shape == (None, 10)


def test_training_alone_hides_and_drops():
    keras.utils.set_random_seed(0)
    model = sound_events.build(TINY)
    audio = synthetic_events.sample("test", 0).clips[:4].astype("float32") / 32768
    told = [np.asarray(model({"audio": audio})) for _ in range(2)]
    np.testing.assert_array_equal(*told)
    dropping = sound_events.build(dataclasses.replace(TINY, dropout=0.5)).get_layer("audio_encoder")
    assert [dropping.get_layer(f"{part}_dropout").rate for part in ("heard", "measured")] == [0.5, 0.5]
    encoder = model.get_layer("audio_encoder")
    front = keras.Model(encoder.input, encoder.get_layer("spec_augment").output)
    first, second = (np.asarray(front(audio, training=True)) for _ in range(2))
    assert (first != second).any()


def test_time_is_told_by_mean_maximum_and_deviation():
    keras.utils.set_random_seed(0)
    encoder = sound_events.build(TINY).get_layer("audio_encoder")
    outputs = [encoder.get_layer(name).output for name in ("over_frequency_relu", "pool")]
    audio = synthetic_events.sample("test", 0).clips[:4].astype("float32") / 32768
    heard, told = (np.asarray(x) for x in keras.Model(encoder.input, outputs)(audio))
    assert heard.shape == (4, 7, 1, 64), "8 channels four times wider, two weighings of the frequencies of each"
    x = heard[:, :, 0].astype("float64")
    deviation = np.abs(x - x.mean(axis=1, keepdims=True)).mean(axis=1)
    np.testing.assert_allclose(
        told, np.concatenate([x.mean(axis=1), x.max(axis=1), deviation], axis=1), rtol=1e-4, atol=1e-6
    )


def test_statistics_are_measured_and_modulation_of_bands_next_to_each_other():
    encoder = sound_events.build(TINY).get_layer("audio_encoder")
    audio = synthetic_events.sample("test", 0).clips[:4].astype("float32") / 32768
    names = ("front_end", "spec_augment", "modulation", "statistics", "tonality")
    outputs = [encoder.get_layer(name).output for name in names]
    rows, energies, modulation, statistics, tonality = (
        np.asarray(x) for x in keras.Model(encoder.input, outputs)(audio)
    )
    frames = energies.shape[1]
    assert rows.shape == (4, frames + 4 + 7 + 2, 64), "2 s tell no modulation below 0.5 Hz"
    np.testing.assert_array_equal(statistics.reshape(4, 4, 64), rows[:, frames : frames + 4])
    bands = rows[:, frames + 4 : -2].reshape(4, 7, 16, 4).mean(axis=-1)
    np.testing.assert_allclose(modulation.reshape(4, 7, 16), bands, rtol=1e-5)
    np.testing.assert_array_equal(tonality, rows[:, -2:].reshape(4, 128))


def test_two_answers_are_learned_and_their_mean_is_given():
    keras.utils.set_random_seed(0)
    model = sound_events.build(TINY)
    audio = synthetic_events.sample("test", 0).clips[:4].astype("float32") / 32768
    names = ("heard_probabilities", "measured_probabilities")
    answers = keras.Model(model.input, [model.get_layer(name).output for name in names])({"audio": audio})
    told = np.asarray(model({"audio": audio}))
    np.testing.assert_allclose(told, np.mean(answers, axis=0), atol=1e-6)
    count = len(synthetic_events.CLASSES)
    assert model({"audio": audio}, training=True).shape == (4, 3 * count)
    labels = np.eye(count, dtype="float32")[[0, 1, 2, 3]]
    rows = np.concatenate([told, *answers], axis=1)
    loss, one = sound_events.objective(TINY)["loss"], sound_events.cross_entropy(count)
    expected = one(labels, told) + sum(one(labels, answer) for answer in answers) / 2
    np.testing.assert_allclose(loss(labels, rows), expected, rtol=1e-5)


def test_an_encoder_goes_on_where_another_stopped(tmp_path):
    model = sound_events.build(TINY)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(weight + 0.1)
    model.save(tmp_path / "m.keras")
    again = sound_events.build(dataclasses.replace(TINY, init_from=str(tmp_path / "m.keras")))
    assert load_encoders(again, tmp_path / "m.keras", ["audio_encoder"]) == ["audio_encoder"]
    ours, theirs = (m.get_layer("audio_encoder").get_weights() for m in (again, model))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
