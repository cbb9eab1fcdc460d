"""Scenes that are seen and heard: their source, what is done to them, and what cannot be a scene."""

import numpy as np
import pytest
import tensorflow as tf
from epochs import chain

from mmzoo.data.augment.defects import paste_pieces, paste_stretches, swap_audio
from mmzoo.data.batches.anomaly import KINDS, AudioVisualScenes, evaluation_scenes, kinds_told, training_scenes
from mmzoo.data.sources import synthetic_machines
from mmzoo.data.sources.synthetic_machines import DEFECTS, LAMPS, PITCH, PULSES, SAMPLE_RATE, draw_machine, play_machine
from mmzoo.errors import BadInputError

SEED = tf.constant([3, 4])
BOTH = ("image", "audio")


@pytest.fixture(scope="module")
def machines():
    return synthetic_machines.scenes(48, 0.0, [7])


def noise():
    return np.random.default_rng(9).standard_normal(SAMPLE_RATE)


def test_scenes_follow_from_their_seed_and_are_odd_as_asked():
    made = synthetic_machines.scenes(24, 0.5, [1, 2])
    again, other = (synthetic_machines.scenes(24, 0.5, seed) for seed in ([1, 2], [1, 3]))
    assert np.bincount(made.kinds).tolist() == [12, 4, 4, 4]
    for name in ("images", "clips", "kinds"):
        np.testing.assert_array_equal(getattr(made, name), getattr(again, name))
    assert (made.images != other.images).any()
    assert (made.clips != other.clips).any()
    assert not synthetic_machines.scenes(8, 0.0, [1]).kinds.any()


def test_training_and_validation_are_normal(monkeypatch):
    monkeypatch.setattr(synthetic_machines, "SCENES", {"train": 6, "validation": 6, "test": 6})
    made = {split: synthetic_machines.sample.__wrapped__(split, 0) for split in ("train", "validation", "test")}
    assert [sum(data.kinds > 0) for data in made.values()] == [0, 0, 3]
    with pytest.raises(BadInputError, match="split: expected one of train, validation, test"):
        synthetic_machines.sample.__wrapped__("dev", 0)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_the_pitch_follows_the_needle(level):
    rng = np.random.default_rng(0)
    clip = play_machine(level, "green", "", noise(), rng).astype(float)
    found = np.argmax(np.abs(np.fft.rfft(clip * np.hanning(len(clip)))))  # Hz: the clip is a second long
    assert found == pytest.approx(PITCH[0] * (PITCH[1] / PITCH[0]) ** level, rel=0.02)
    image = draw_machine(level, "green", "", rng)
    assert image.shape == (32, 32, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("lamp", LAMPS)
def test_the_pulses_follow_the_lamp(lamp):
    clip = play_machine(0.9, lamp, "", noise(), np.random.default_rng(0)).astype(float)
    envelope = np.abs(clip).reshape(-1, 80).mean(axis=1)  # of 10 ms
    heard = np.abs(np.fft.rfft(envelope - envelope.mean()))
    if PULSES[lamp]:
        assert np.argmax(heard) == pytest.approx(PULSES[lamp], abs=1)
    assert (heard.max() / envelope.sum() > 0.2) == bool(PULSES[lamp])


@pytest.mark.parametrize("defect", DEFECTS["seen"])
def test_what_is_broken_is_seen(defect):
    whole, broken = (draw_machine(0.3, "red", kind, np.random.default_rng(5)).astype(float) for kind in ("", defect))
    assert (np.abs(whole - broken).max(axis=-1) > 60).sum() >= 3  # pixels


@pytest.mark.parametrize("defect", DEFECTS["heard"])
def test_what_is_broken_is_heard(defect):
    made = [play_machine(0.3, "red", kind, noise(), np.random.default_rng(5)).astype(float) for kind in ("", defect)]
    whole, broken = (clip / np.sqrt(np.mean(clip**2)) for clip in made)
    spectrum = [np.abs(np.fft.rfft(clip.reshape(40, -1), axis=1)) for clip in (whole, broken)]
    assert np.abs(spectrum[0] - spectrum[1]).max() > 10


def test_a_mismatch_is_of_another_state():
    rng = np.random.default_rng(0)
    for _ in range(200):
        level, lamp = synthetic_machines.other_state((0.4, "red"), rng)
        assert (abs(level - 0.4) >= 0.2) != (lamp != "red")


def test_a_piece_is_pasted_into_a_part_of_each_picture(machines):
    images = tf.constant(machines.images)
    pasted = paste_pieces(images, SEED).numpy()
    changed = (pasted != machines.images).any(axis=-1).mean(axis=(1, 2))
    assert (changed > 0).mean() > 0.95
    assert changed.max() < 0.4 * 0.4
    np.testing.assert_array_equal(paste_pieces(images, SEED), pasted)
    assert (paste_pieces(images, SEED + 1).numpy() != pasted).any()


def test_a_stretch_is_pasted_into_each_sound(machines):
    clips = machines.clips.astype("float32") / 32768
    pasted = paste_stretches(tf.constant(clips), SEED).numpy()
    assert np.abs(pasted).max() <= 1
    loudest = np.abs(clips).max(axis=1) < 0.3  # what was louder may have been scaled back as a whole
    changed = (pasted != clips)[loudest].mean(axis=1)
    assert changed.min() > 0.02
    assert changed.min() < 0.2 < 0.5 < changed.max()
    np.testing.assert_array_equal(swap_audio(clips), np.concatenate([clips[-2:], clips[:-2]]))


def test_training_tells_what_was_done_and_leaves_the_rest(machines):
    batches = chain(range(4), lambda epoch: training_scenes(machines, BOTH, 48, 0, epoch, 0.75))
    inputs, kinds = (tf.concat(x, 0).numpy() for x in zip(*[(x["audio"], y) for x, y in batches], strict=True))
    assert inputs.shape == (192, 8000)
    assert np.bincount(kinds).tolist() == [48, 48, 48, 48]
    assert np.abs(inputs).max() <= 1
    first = next(iter(batches))[0]
    assert first["present"].shape == (48, 2)
    untouched = next(iter(training_scenes(machines, BOTH, 48, 0, 0, 1e-9)))
    assert not untouched[1].numpy().any()


@pytest.mark.parametrize(("modalities", "kinds"), [(("image",), [1]), (("audio",), [2]), (BOTH, [1, 2, 3])])
def test_only_what_can_be_told_is_done(machines, modalities, kinds):
    assert kinds_told(modalities) == kinds
    inputs, told = next(iter(training_scenes(machines, modalities, 48, 0, 0, 0.5)))
    assert set(inputs) == {*modalities, *(["present"] if len(modalities) > 1 else [])}
    assert set(told.numpy()) == {0, *kinds}
    assert np.count_nonzero(told) == 24


def test_each_kind_changes_what_it_says(machines):
    """The scenes of a batch against those of the same batch to which nothing was done."""
    done, plain = (next(iter(training_scenes(machines, BOTH, 48, 0, 0, p))) for p in (0.9, 1e-9))
    kinds = done[1].numpy()
    seen, heard = ((done[0][name] != plain[0][name]).numpy().reshape(48, -1).any(axis=1) for name in BOTH)
    assert not seen[kinds != 1].any()
    assert not heard[(kinds == 0) | (kinds == 1)].any()
    assert seen[kinds == 1].mean() > 0.9
    assert heard[kinds >= 2].all()
    swapped = np.flatnonzero(kinds == 3)
    np.testing.assert_array_equal(
        done[0]["audio"].numpy()[swapped], np.roll(plain[0]["audio"].numpy(), 2, axis=0)[swapped]
    )


def test_evaluation_has_each_scene_once_as_it_is():
    data = synthetic_machines.scenes(12, 0.5, [2])
    ((inputs, kinds),) = list(evaluation_scenes(data, BOTH, 0))
    np.testing.assert_array_equal(inputs["image"], data.images)
    np.testing.assert_array_equal(inputs["audio"], data.clips.astype("float32") / 32768)
    np.testing.assert_array_equal(kinds, data.kinds)
    assert inputs["present"].numpy().min() == 1


def arrays(images=3, clips=3, samples=8, kinds=(0, 0, 0)):
    return np.zeros((images, 4, 4, 3), np.uint8), np.zeros((clips, samples), np.int16), np.array(kinds, np.int32)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (arrays(images=2), "scenes: expected pictures"),
        (arrays(clips=4), "scenes: expected pictures"),
        (arrays(kinds=(0, 0)), "scenes: expected pictures"),
        (arrays(0, 0, kinds=()), "scenes: expected pictures"),
        (arrays(samples=0), "scenes: expected sounds. Received: 0 seconds of each"),
        (arrays(kinds=(0, 4, -1)), r"scenes: expected kinds 0 to 3. Received: \[-1, 4\]"),
    ],
)
def test_what_cannot_be_scenes(parts, said):
    with pytest.raises(BadInputError, match=said):
        AudioVisualScenes(*parts)


def test_nothing_odd_is_trained_on():
    data = AudioVisualScenes(*arrays(kinds=(0, 1, 3)))
    with pytest.raises(BadInputError, match="expected normal ones alone to train on"):
        training_scenes(data, BOTH, 2, 0, 0, 0.5)
    assert len(KINDS) == 4
