"""Spoken sentences with lips: GRID's files, the embedded numbers, and the batches made of them."""

import io
from functools import partial

import numpy as np
import pytest
from epochs import chain
from PIL import Image

from mmzoo.data.batches import speech
from mmzoo.data.batches.speech import (
    CHARACTERS,
    CLEAN,
    Augmentation,
    Sentences,
    encode_sentences,
    evaluation_sentences,
    training_sentences,
)
from mmzoo.data.sources import grid, spoken_numbers
from mmzoo.errors import BadInputError
from mmzoo.metrics.decode import spell

BOTH = ("audio", "video")


def read_labels(labels):
    return spell(labels, CHARACTERS)


def small(count=6, steps=10, height=4, width=6, rate=80):
    """Return sentences whose frames are as bright, and whose sound is as loud, as their time is late."""
    video = np.broadcast_to(np.arange(steps)[:, None, None, None] * 20, (count, steps, height, width, 1))
    audio = np.broadcast_to(np.repeat(np.arange(steps) * 1000, rate), (count, steps * rate))
    noise = np.random.default_rng(0).standard_normal((4, steps * rate)).astype(np.float32)
    labels = encode_sentences(["one two"] * count)
    return Sentences(audio.astype(np.int16), video.astype(np.uint8), labels, noise)


def test_labels_are_read_as_they_were_written():
    texts = ["bin blue at f two now", "a", "z" * 32]
    labels = encode_sentences(texts)
    assert labels.shape == (3, 32)
    assert labels[0, :4].tolist() == [3, 10, 15, 1]  # b, i, n and a space
    assert [read_labels(row) for row in labels] == texts


@pytest.mark.parametrize("text", ["", "x" * 33, "Bin", "two2", "ä"])
def test_what_cannot_be_spelled_is_named(text):
    with pytest.raises(BadInputError, match=r"text: expected 1 to 32 letters a to z and spaces\. Received: '"):
        encode_sentences(["fine", text])


def test_evaluation_is_in_order_and_as_recorded():
    data = small()
    batches = list(evaluation_sentences(data, BOTH, 0, CLEAN))
    inputs = {name: np.concatenate([np.asarray(x[name]) for x, _ in batches]) for name in (*BOTH, "present")}
    np.testing.assert_allclose(inputs["audio"], data.audio / 32768, atol=1e-7)
    np.testing.assert_array_equal(inputs["video"].reshape(data.video.shape), data.video)
    assert inputs["present"].min() == 1


@pytest.mark.parametrize("snr_db", [-5.0, 10.0])
def test_noise_lies_as_far_below_the_speech_as_asked(snr_db):
    data = small(rate=4000)
    (inputs, _) = next(iter(evaluation_sentences(data, ("audio",), 0, snr_db)))
    clean = data.audio / 32768
    # a sum that would leave -1..1 is scaled as a whole: its share of the speech is found by projection
    noisy = np.asarray(inputs["audio"], np.float64)
    scale = (noisy * clean).sum(axis=1, keepdims=True) / np.square(clean).sum(axis=1, keepdims=True)
    left = noisy - scale * clean
    found = 10 * np.log10(np.square(scale * clean).sum(axis=1) / np.square(left).sum(axis=1))
    np.testing.assert_allclose(found, snr_db, atol=0.6)


def test_sound_and_lips_are_moved_together(monkeypatch):
    monkeypatch.setattr(speech, "UNSPOILED", 1.0)
    dataset = training_sentences(small(count=64), BOTH, 32, seed=3, epoch=0, augmentation=Augmentation())
    moved = set()
    for inputs, _ in dataset:
        lips = np.asarray(inputs["video"]).reshape(32, 10, 4, 6)
        for sound, frames in zip(np.asarray(inputs["audio"]), lips, strict=True):
            heard = np.diff(sound.reshape(10, 80).mean(axis=1)) > 1e-3
            seen = np.diff(frames.mean(axis=(1, 2))) > 0.5
            assert not np.any(seen & ~heard), "light may saturate, but what is seen to rise is heard to"
            moved.add(int(np.flatnonzero(heard)[0]))
    assert len(moved) > 2


def test_training_follows_from_the_seed_and_drops_a_modality():
    data = small(count=64)
    one, two, other = (
        chain(range(2), partial(training_sentences, data, BOTH, 32, seed, augmentation=Augmentation(missing=0.5)))
        for seed in (1, 1, 2)
    )
    for (a, _), (b, _) in zip(one, two, strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
    (first, _), (strange, _) = next(iter(one)), next(iter(other))
    assert np.any(np.asarray(first["video"]) != np.asarray(strange["video"]))
    present = np.concatenate([np.asarray(x["present"]) for x, _ in one])
    assert 0.3 < (present.sum(axis=1) == 1).mean() < 0.7
    assert present.sum(axis=1).min() == 1


def test_embedded_numbers_are_said_and_seen():
    data = spoken_numbers.sample("validation", 0)
    assert data.audio.shape == (128, spoken_numbers.SAMPLES)
    assert data.video.shape == (128, spoken_numbers.FRAMES, spoken_numbers.HEIGHT, spoken_numbers.WIDTH, 1)
    words = [read_labels(row).split() for row in data.labels]
    assert {len(row) for row in words} == {3}
    assert {word for row in words for word in row} == set(spoken_numbers.WORDS)
    # the middle of a mouth is darker or brighter than a closed one while there is sound, more than in silence
    per_frame = data.audio.reshape(128, spoken_numbers.FRAMES, -1).astype(np.float64)
    loud = np.sqrt(np.square(per_frame).mean(axis=-1)) > 500
    rows = data.video[:, :, 4:12, 8:16, 0].astype(np.float64)
    change = np.abs(rows - np.median(rows, axis=1, keepdims=True)).mean(axis=(2, 3))
    assert change[loud].mean() > 1.3 * change[~loud].mean()
    again = spoken_numbers.sample.__wrapped__("validation", 0)
    np.testing.assert_array_equal(again.video, data.video)


def fake_files(count=12):
    """Return the arrays of GRID's three files: clip i has mouths as bright as its number and the sound of its code."""
    jpegs = []
    for i in range(count):
        buffer = io.BytesIO()
        mosaic = np.zeros((5, 32, 15, 64), np.uint8) + i
        mosaic[1, :, 2] = 200  # the mouth of frame 17
        Image.fromarray(mosaic.reshape(160, 960)).save(buffer, "JPEG", quality=95)
        jpegs.append(np.frombuffer(buffer.getvalue(), np.uint8))
    offsets = np.cumsum([0, *map(len, jpegs)])
    texts = np.array([f"bin blue at {'abcdefghijklmnop'[i]} two now" for i in range(count)])
    audio = np.tile(np.arange(count, dtype=np.uint8)[:, None] * 20, (1, grid.SAMPLES))
    mouths = {"jpg": np.concatenate(jpegs), "jpg_off": offsets, "grid": np.array([5, 15])}
    times = np.tile(np.arange(12, dtype=np.float32).reshape(6, 2) / 10, (count, 1, 1))
    labels = {"text": texts, "word_times_s": times}
    return dict(zip(grid.FILES, (labels, {"audio": audio}, mouths), strict=True))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    grid._arrays.cache_clear()
    grid.grid.cache_clear()
    yield tmp_path
    grid._arrays.cache_clear()
    grid.grid.cache_clear()


def write(folder, files):
    for name, arrays in files.items():
        np.savez(folder / name, **arrays)


def test_grid_is_split_by_position(folder):
    write(folder, fake_files())
    splits = {split: grid.grid(split, str(folder), 0) for split in grid.SPLITS}
    said = {split: [read_labels(row)[12] for row in data.labels] for split, data in splits.items()}
    assert said == {"test": ["a", "g"], "validation": ["b", "h"], "train": [*"cdefijkl"]}
    assert splits["test"].words[1].tolist() == [[20 * i, 20 * i + 10] for i in range(6)]
    video = splits["test"].video
    assert video.shape == (2, 75, 32, 64, 1)
    assert video[0, 17].mean() > 190  # second row, third column
    assert video[0, 16, :, :48].max() < 10
    # mu-law: code 255 is the loudest, 127.5 would be silence; code 0 the loudest of the other sign
    assert splits["test"].audio[0, 0] == -32767
    assert abs(int(splits["test"].audio[1, 0])) < 400  # code 120


def spoil(files, name, key, value):
    files[name][key] = value
    return files


BAD = {
    "no such file": (
        lambda f: {k: v for k, v in f.items() if k != "labels.npz"},
        "labels.npz: not found in `data_dir`",
    ),
    "an array missing": (lambda f: {**f, "labels.npz": {"words": np.zeros(3)}}, "labels.npz: expected 600 clips"),
    "too short": (lambda f: spoil(f, "audio_16k_mulaw.npz", "audio", np.zeros((12, 9), np.uint8)), r"\(12, 9\)"),
    "other times": (lambda f: spoil(f, "labels.npz", "word_times_s", np.zeros((12, 5, 2))), r"\(12, 5, 2\)"),
    "no JPEG": (lambda f: spoil(f, "mouth_75x32x64_jpg.npz", "jpg", np.zeros(99_999, np.uint8)), "clip 0: expected a"),
    "no letters": (lambda f: spoil(f, "labels.npz", "text", np.array(["BIN"] * 12)), "text: expected 1 to 32"),
}


@pytest.mark.parametrize("name", BAD)
def test_files_that_cannot_be_used_are_named(folder, name):
    change, said = BAD[name]
    write(folder, change(fake_files()))
    with pytest.raises(BadInputError, match=said):
        grid.grid("test", str(folder), 0)


def test_the_real_files_are_what_they_are_said_to_be(data_dir):
    test = grid.grid("test", str(data_dir), 0)
    assert test.audio.shape == (100, 48000)
    assert test.video.shape == (100, 75, 32, 64, 1)
    train = {read_labels(row) for row in grid.grid("train", str(data_dir), 0).labels}
    assert not train & {read_labels(row) for row in test.labels}
    assert np.abs(test.audio.astype(int)).max(axis=1).min() > 1000
