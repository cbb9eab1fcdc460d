"""Tests of the linear baselines: features against manual values, model selection, bad input."""

import subprocess
import sys
import warnings

import librosa
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from mmzoo.automl import linear_features
from mmzoo.automl.linear_baselines import SPLITS, STRENGTHS, linear_scores
from mmzoo.automl.linear_features import _tabular, _text, color_features, frame_features, mel_filters, mfcc
from mmzoo.errors import BadInputError

SIZES = {"train": 240, "validation": 80, "test": 80}


def draw_labels(classes, seed=0):
    rng = np.random.default_rng(seed)
    return {split: rng.integers(0, classes, size) for split, size in SIZES.items()}


def draw_texts(classes, seed=1):
    """Return texts of two dozen words, of which one in four indicates the class."""
    rng = np.random.default_rng(seed)
    drawn = np.where(
        rng.random((len(classes), 24)) < 0.25, np.asarray(classes)[:, None], rng.integers(9, 60, (len(classes), 24))
    )
    return [" ".join(f"word{'abcdefghij'[n % 10]}{n}" for n in row) for row in drawn]


def draw_images(classes, channels=3, seed=2):
    """Return noise images, brighter on the right or the left by class."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 200, (len(classes), 16, 20, channels))
    images[np.asarray(classes) == 1, :, 10:] += 30
    return images.astype(np.uint8)


def draw_sounds(classes, rate=8000, seed=3):
    rng = np.random.default_rng(seed)
    hertz = 400 * (1 + np.asarray(classes)) * rng.uniform(0.95, 1.05, len(classes))
    tones = 0.3 * np.sin(2 * np.pi * hertz[:, None] * np.arange(2000) / rate)
    return (tones + 0.05 * rng.normal(size=tones.shape)).astype(np.float32), rate


def draw_tables(classes, seed=4, noise=1.0):
    rng = np.random.default_rng(seed)
    return (
        np.asarray(classes)[:, None] * [1.0, 0.0, -50.0] + [1, 1, 50] * rng.normal(0, noise, (len(classes), 3))
    ).astype(np.float32)


DRAW = {"text": draw_texts, "image": draw_images, "audio": draw_sounds, "tabular": draw_tables}


@pytest.mark.parametrize("kind", DRAW)
def test_linear_scores_each_kind_learns(kind):
    labels = draw_labels(2)
    scores = linear_scores({split: {f"{kind}_of_it": DRAW[kind](labels[split])} for split in SPLITS}, labels, 2)
    assert list(scores) == [f"{kind}_of_it"]
    held = scores[f"{kind}_of_it"]
    assert held["accuracy"] > 0.75
    assert held["c"] in STRENGTHS
    shuffled = {split: np.random.default_rng(9).permutation(y) for split, y in labels.items()}
    held = linear_scores({split: {kind: DRAW[kind](labels[split])} for split in SPLITS}, shuffled, 2)[kind]
    assert held["accuracy"] < 0.68


def test_linear_scores_all_combines_modalities():
    labels = draw_labels(8)
    inputs = {
        split: {"text": draw_texts(y // 4), "image": draw_images(y // 2 % 2), "audio": draw_sounds(y % 2)}
        for split, y in labels.items()
    }
    scores = linear_scores(inputs, labels, 8)
    assert list(scores) == ["text", "image", "audio", "all"]
    assert max(scores[name]["accuracy"] for name in ("text", "image", "audio")) < 0.45
    assert scores["all"]["accuracy"] > 0.75


@pytest.mark.parametrize("noise", [0.5, 2.0, 6.0])
def test_linear_scores_c_is_selected_on_validation(noise):
    labels = draw_labels(3)
    tables = {split: draw_tables(y, seed=i, noise=noise) for i, (split, y) in enumerate(labels.items())}
    scaler = StandardScaler().fit(tables["train"])
    x = {split: scaler.transform(table) for split, table in tables.items()}
    models = [LogisticRegression(C=c, tol=1e-6).fit(x["train"], labels["train"]) for c in STRENGTHS]
    best = int(np.argmax([model.score(x["validation"], labels["validation"]) for model in models]))
    scores = linear_scores({split: {"tabular": table} for split, table in tables.items()}, labels, 3)["tabular"]
    assert scores["c"] == STRENGTHS[best]
    assert scores["accuracy"] == pytest.approx(models[best].score(x["test"], labels["test"]), abs=0.013)


def test_linear_scores_numbers_use_ridge_regression():
    rng = np.random.default_rng(0)
    tables = {split: rng.normal(3, 5, (size, 30)).astype(np.float32) for split, size in SIZES.items()}
    labels = {split: table[:, 0] - 2 * table[:, 1] + rng.normal(0, 40, len(table)) for split, table in tables.items()}
    scaler = StandardScaler().fit(tables["train"])
    x = {split: scaler.transform(table) for split, table in tables.items()}
    models = [Ridge(alpha=1 / c).fit(x["train"], labels["train"]) for c in STRENGTHS]
    errors = [[np.abs(m.predict(x[s]) - labels[s]).mean() for s in ("validation", "test")] for m in models]
    best = int(np.argmin([validated for validated, _ in errors]))
    inputs = {
        split: {"tabular": table, "text": draw_texts(np.zeros(len(table), int))} for split, table in tables.items()
    }
    scores = linear_scores(inputs, labels, 0)
    assert scores["tabular"]["c"] == STRENGTHS[best]
    assert scores["tabular"]["mae"] == pytest.approx(errors[best][1], rel=1e-4)
    assert scores["tabular"]["r2"] == pytest.approx(models[best].score(x["test"], labels["test"]), abs=1e-4)
    assert scores["text"]["r2"] < 0.05
    assert scores["all"].keys() == {"mae", "rmse", "r2", "c"}


class TestAbsent:
    def given(self, fill):
        """Return inputs with half of the rows absent: `fill` for images and audio, None for texts."""
        labels = draw_labels(2)
        inputs = {}
        for split, y in labels.items():
            there = np.random.default_rng(len(y)).random(len(y)) < 0.5
            images, (sounds, rate), texts = draw_images(y), draw_sounds(y), draw_texts(y)
            images[~there], sounds[there] = fill, fill / 255
            texts = [text if i % 3 else None for i, text in enumerate(texts)]
            inputs[split] = {"image": images, "audio": (sounds, rate), "text": texts}
            inputs[split]["present"] = {"image": there, "audio": ~there}
        return inputs, labels

    def test_values_of_absent_rows_have_no_effect(self):
        scores = linear_scores(*self.given(0), 2)
        assert scores == linear_scores(*self.given(255), 2)
        assert scores["all"]["accuracy"] > max(scores[name]["accuracy"] for name in ("image", "audio", "text"))

    def test_absent_rows_get_mean_features(self):
        texts = {split: [*draw_texts([0, 1, 0, 1] * 5), None] for split in SPLITS}
        present = {split: np.array([text is not None for text in rows]) for split, rows in texts.items()}
        features = _text(texts, present)["train"].toarray()
        np.testing.assert_allclose(np.square(features[:-1]).sum(axis=1), 2, atol=1e-5)  # of words, and of characters
        mean = features[:-1].mean(axis=0)
        kept = np.argsort(-mean, kind="stable")[:1000]
        np.testing.assert_allclose(features[-1, kept], mean[kept], rtol=1e-5)
        assert features[-1].sum() == pytest.approx(mean[kept].sum(), rel=1e-4)

        tables = {split: np.array([[1, 5], [3, np.nan], [99, 99], [2, 11]], np.float32) for split in SPLITS}
        present = {split: np.array([True, True, False, True]) for split in SPLITS}
        third = np.sqrt(1.5)
        expected = [[-third, -third], [third, 0], [0, 0], [0, third]]
        np.testing.assert_allclose(_tabular(tables, present)["test"], expected, atol=1e-6)

    def test_modality_absent_in_all_rows(self):
        labels = draw_labels(2)
        inputs = {
            split: {
                "text": [None, " "] * (len(y) // 2),
                "image": draw_images(y),
                "tabular": np.full((len(y), 2), np.nan, np.float32),
                "present": {"image": np.zeros(len(y), bool)},
            }
            for split, y in labels.items()
        }
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scores = linear_scores(inputs, labels, 2)
        majority = np.bincount(labels["train"]).argmax()
        assert {held["accuracy"] for held in scores.values()} == {np.mean(labels["test"] == majority)}


@pytest.mark.parametrize("shape", [(3, 16, 16, 3), (2, 17, 30, 1), (2, 3, 2, 3), (1, 1, 1, 1)])
def test_color_features_equal_manual_values(shape, monkeypatch):
    monkeypatch.setattr(linear_features, "BATCH", 2)
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    _, height, width, channels = shape
    expected = []
    for image in images:
        row = [np.histogram(image[..., c], bins=8, range=(0, 256))[0] / (height * width) for c in range(channels)]
        for i in range(4):
            for j in range(4):
                top, left = i * height // 4, j * width // 4
                bottom, right = max(top + 1, (i + 1) * height // 4), max(left + 1, (j + 1) * width // 4)
                row.append(image[top:bottom, left:right].mean(axis=(0, 1)) / 255)
        expected.append(np.concatenate(row))
    features = color_features(images)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_frame_features_are_mean_over_frames(monkeypatch):
    monkeypatch.setattr(linear_features, "BATCH", 16)
    videos = np.random.default_rng(0).integers(0, 256, (5, 3, 12, 12, 3)).astype(np.uint8)
    found = frame_features(videos.reshape(5, 36, 12, 3))
    for row, video in zip(found, videos, strict=True):
        np.testing.assert_allclose(row, color_features(video).mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(("rate", "length"), [(8000, 200), (16000, 400), (22050, 552), (1000, 26)])
def test_mel_filters_equal_librosa(rate, length):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at low rates filters lie between bins
        theirs = librosa.filters.mel(sr=rate, n_fft=length, n_mels=40, norm=None, dtype=np.float64)
    np.testing.assert_allclose(mel_filters(rate, length), theirs.T, atol=1e-9)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_mfcc_equal_librosa(rate):
    waveforms = np.random.default_rng(0).normal(0, 0.1, (3, rate)).astype(np.float32)
    waveforms[1] *= np.linspace(0, 1, rate) ** 4
    waveforms[2, 1000:] = 0
    length, hop = rate // 40, rate // 100
    for waveform, ours in zip(waveforms, mfcc(waveforms, rate), strict=True):
        power = librosa.feature.melspectrogram(
            y=waveform.astype(np.float64), sr=rate, n_fft=length, hop_length=hop, center=False, n_mels=40, norm=None
        )
        theirs = librosa.feature.mfcc(S=np.log(np.maximum(power / length, 1e-6)), n_mfcc=20)
        np.testing.assert_allclose(ours, theirs.T, atol=2e-3)


def test_mfcc_short_clip_is_padded():
    assert mfcc(np.zeros((2, 10), np.float32), 8000).shape == (2, 1, 20)


def test_text_features_scripts_and_punctuation():
    labels = {split: np.arange(size) % 2 for split, size in SIZES.items()}
    for pair in (["日本", "中国"], ["!", "?"], ["😀", "😡"], ["a", "b"], ["كتاب", "قلم"], ["\ufeffx", "y"]):
        texts = {split: [pair[n] for n in y] for split, y in labels.items()}
        assert linear_scores({split: {"text": texts[split]} for split in SPLITS}, labels, 2)["text"]["accuracy"] == 1


class TestErrors:
    labels = draw_labels(2)

    def inputs(self, **change):
        return {split: {"tabular": draw_tables(y)} | change for split, y in self.labels.items()}

    def test_unknown_kind_raises(self):
        with pytest.raises(BadInputError, match=r"text, image, video, audio, series, tabular. Received: smell_front"):
            linear_scores(self.inputs(smell_front=[]), self.labels, 2)
        with pytest.raises(BadInputError, match="at least one modality"):
            linear_scores({split: {"present": {}} for split in SPLITS}, self.labels, 2)

    def test_row_counts_that_differ_raise(self):
        with pytest.raises(
            BadInputError, match=r"image of train: expected 240 rows, the number of labels. Received: 7"
        ):
            linear_scores(self.inputs(image=np.zeros((7, 4, 4, 1), np.uint8)), self.labels, 2)
        inputs = self.inputs()
        inputs["test"]["text"] = ["x"] * 80
        with pytest.raises(BadInputError, match=r"expected tabular and labels in test. Received: tabular, text"):
            linear_scores(inputs, self.labels, 2)

    def test_bad_labels_raise(self):
        with pytest.raises(BadInputError, match=r"expected classes 0 to 1. Received: 0 to 2"):
            linear_scores(self.inputs(), self.labels | {"test": np.arange(80) % 3}, 2)
        with pytest.raises(BadInputError, match=r"at least two classes in train. Received: only 1"):
            linear_scores(self.inputs(), self.labels | {"train": np.ones(240, int)}, 2)


def test_linear_baselines_imports_no_tensorflow():
    code = "import sys, mmzoo.automl.linear_baselines\n"
    code += "print({'tensorflow', 'keras', 'sklearn', 'scipy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
