"""Utterances of CMU-MOSI and of the embedded reviews, their windows, and what is blended into them."""

import numpy as np
import pytest
from epochs import chain

from mmzoo.data.batches.utterances import Utterances, evaluation_windows, training_windows, windows
from mmzoo.data.sources import mosi, synthetic_reviews
from mmzoo.errors import BadInputError

MODALITIES = tuple(mosi.FEATURES)


def fake_arrays(videos=15):
    """Return the arrays of a file of `videos` training videos, their utterances out of order, and 3 for the test."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", videos), ("test", 3)):
        ids = np.array([f"{part}{v}" for v in range(count) for _ in range(4)])
        numbers = np.tile(np.array([10, 2, 1, 3], np.int16), count)
        arrays |= {f"{part}_{name}": rng.normal(size=(len(ids), width)) for name, width in mosi.FEATURES.items()}
        arrays |= {f"{part}_video_id": ids, f"{part}_utt_no": numbers}
        arrays[f"{part}_transcript"] = np.array([f"said in row {i}" for i in range(len(ids))])
        arrays[f"{part}_label"] = rng.integers(0, 2, len(ids)).astype(np.uint8)
    return arrays


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    mosi._arrays.cache_clear()
    mosi._embedded.cache_clear()


def write(folder, arrays):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / mosi.FILE, **arrays)


def test_transcripts_are_embedded_where_they_are_wanted(tmp_path, monkeypatch):
    """Each row has the features of its own words, in the order of the videos."""
    arrays = fake_arrays()
    write(tmp_path, arrays)
    monkeypatch.setattr(mosi.sentences, "find_model", lambda data_dir: data_dir)

    def embed(texts, folder):
        assert folder == str(tmp_path)
        return np.array([[float(text.rsplit(" ", 1)[1])] * 384 for text in texts], np.float32)

    monkeypatch.setattr(mosi.sentences, "sentence_features", embed)
    plain = mosi.mosi("validation", str(tmp_path))
    data = mosi.mosi("validation", str(tmp_path), ("text", "transcript"))
    assert set(plain.features) == {"text", "audio", "video"}
    assert set(data.features) == {"text", "audio", "video", "transcript"}
    rows = data.features["transcript"][:, 0].astype(int)
    assert data.features["transcript"].shape == (48, 384)
    np.testing.assert_array_equal(data.features["text"], arrays["train_text"][rows].astype(np.float32))
    assert "transcript" not in data.blends


def test_transcripts_without_the_language_model_say_what_is_missing(tmp_path):
    write(tmp_path, fake_arrays())
    with pytest.raises(BadInputError, match="all-MiniLM-L6-v2: not found in `data_dir`"):
        mosi.mosi("train", str(tmp_path), ("transcript",))


@pytest.mark.parametrize("place", [".", "arrays/mosi_features"])
def test_splits_are_whole_videos_in_their_order(tmp_path, place):
    arrays = fake_arrays()
    write(tmp_path / place, arrays)
    splits = {split: mosi.mosi(split, str(tmp_path)) for split in ("train", "validation", "test")}
    assert [len(data.labels) for data in splits.values()] == [12, 48, 12]
    for data, part, first in zip(splits.values(), ("train", "train", "test"), (0, 3, 0), strict=True):
        rows = [4 * (first + v) + i for v in range(len(data.labels) // 4) for i in (2, 1, 3, 0)]
        np.testing.assert_array_equal(data.labels, arrays[f"{part}_label"][rows])
        np.testing.assert_array_equal(data.videos, np.repeat(range(len(rows) // 4), 4))
        for name in MODALITIES:
            np.testing.assert_array_equal(data.features[name], arrays[f"{part}_{name}"][rows].astype(np.float32))
    assert splits["train"].blends == splits["validation"].blends == mosi.BLENDS
    assert splits["test"].blends == {}


def test_the_environment_says_where_it_lies(tmp_path, monkeypatch):
    write(tmp_path, fake_arrays())
    monkeypatch.setenv("MMZOO_DATA_DIR", str(tmp_path))
    assert len(mosi.mosi("test", "").labels) == 12


BAD = {
    "another width": ("train_audio", np.zeros((60, 74)), r"train_audio of shape \(60, 73\).*Received: \(60, 74\)"),
    "another length": ("train_label", np.zeros(59), r"train_text of shape \(59, 100\)"),
    "no examples": ("train_label", np.zeros(()), "train_text of shape"),
    "not a number": ("train_text", np.full((60, 100), np.nan), "finite numbers in train_text"),
    "words": ("train_video", np.full((60, 100), "x"), "finite numbers in train_video"),
    "three classes": ("train_label", np.arange(60) % 3, "0 or 1 in train_label"),
    "few videos": ("train_video_id", np.array(["a", "b"] * 30), "more than 12 training videos. Received: 2"),
    "no text": ("train_transcript", np.zeros(60), "text in train_transcript. Received: float64"),
    "fewer texts": ("train_transcript", np.array(["a"] * 59), r"train_transcript of shape \(60,\)"),
    "objects": ("train_text", np.array([None] * 60), "allow_pickle"),
}


@pytest.mark.parametrize(("name", "array", "said"), BAD.values(), ids=BAD)
def test_other_arrays_are_refused(tmp_path, name, array, said):
    write(tmp_path, fake_arrays() | {name: array})
    with pytest.raises(BadInputError, match=said):
        mosi.mosi("train", str(tmp_path))


def test_a_missing_or_damaged_file_is_refused_with_its_origin(tmp_path):
    origin = "soujanyaporia/contextual-utterance-level-multimodal-sentiment-analysis"
    with pytest.raises(BadInputError, match=f"{mosi.FILE}: not found .*{origin}"):
        mosi.mosi("train", str(tmp_path))
    arrays = fake_arrays()
    del arrays["train_utt_no"]
    write(tmp_path, arrays)
    with pytest.raises(BadInputError, match=f"{origin}.*train_utt_no"):
        mosi.mosi("train", str(tmp_path))
    whole = (tmp_path / mosi.FILE).read_bytes()
    for content in (b"", b"nothing", whole[: len(whole) // 2]):
        (tmp_path / mosi.FILE).write_bytes(content)
        with pytest.raises(BadInputError, match=origin):
            mosi.mosi("train", str(tmp_path))


def test_the_real_file(data_dir):
    if not (data_dir / mosi.FOLDER / mosi.FILE).is_file():
        pytest.skip(f"needs {mosi.FILE}")
    splits = {split: mosi.mosi(split, str(data_dir)) for split in ("train", "validation", "test")}
    counts = {split: (len(data.labels), data.videos.max() + 1) for split, data in splits.items()}
    assert counts == {"train": (1194, 50), "validation": (253, 12), "test": (752, 31)}
    assert round(splits["test"].labels.mean(), 3) == 0.621


@pytest.mark.parametrize("context", [1, 3, 7])
def test_windows_are_mirrored_at_the_ends_of_a_video(context):
    videos = np.array([5, 5, 5, 5, 2, 9, 9])
    made = windows(videos, context)
    assert made.shape == (7, context)
    for i, row in enumerate(made):
        (own,) = np.nonzero(videos == videos[i])
        for k, index in enumerate(row):
            place, last = i - own[0] + k - context // 2, len(own) - 1
            while last and not 0 <= place <= last:
                place = -place if place < 0 else 2 * last - place
            assert index == (own[place] if last else own[0])


def counted(blends=None, videos=40, of_each=5):
    """Return utterances whose features are their number, so that a window shows which rows it has."""
    count = videos * of_each
    features = {
        name: np.tile(np.arange(count, dtype=np.float32)[:, None], width) for name, width in mosi.FEATURES.items()
    }
    labels = (np.arange(count) % 2).astype(np.int32)
    return Utterances(features, labels, np.repeat(np.arange(videos), of_each).astype(np.int32), blends or {})


def stacked(batches):
    batches = [({name: np.asarray(x) for name, x in inputs.items()}, np.asarray(y)) for inputs, y in batches]
    return {n: np.concatenate([x[n] for x, _ in batches]) for n in batches[0][0]}, np.concatenate(
        [y for _, y in batches]
    )


def test_batches_are_the_windows_with_their_labels():
    data = counted()
    around = windows(data.videos, 3)
    inputs, labels = stacked(evaluation_windows(data, MODALITIES, 3, seed=0))
    np.testing.assert_array_equal(labels, data.labels)
    assert np.all(inputs["present"] == 1)
    for name in MODALITIES:
        np.testing.assert_array_equal(inputs[name], np.repeat(around[..., None], mosi.FEATURES[name], axis=2))
    inputs, labels = stacked(training_windows(data, MODALITIES, 3, 100, 0, 0, dropout=0.5))
    middle = inputs["audio"][:, 1, 0].astype(int)
    assert set(np.bincount(middle)) == {21}, "4096 at least, each as often"
    np.testing.assert_array_equal(labels, data.labels[middle])
    np.testing.assert_array_equal(inputs["text"][..., 0], around[middle])
    assert 0.4 < np.mean(inputs["present"].sum(axis=1) == 2) < 0.6


def test_blending_keeps_to_its_share_and_to_its_seed():
    data = counted({"text": (0.2, 0.4)})
    plain, _ = stacked(evaluation_windows(counted(), MODALITIES, 3, seed=0))
    (one, _), (same, _), (other, _) = (stacked(evaluation_windows(data, MODALITIES, 3, seed=s)) for s in (0, 0, 1))
    np.testing.assert_array_equal(one["text"], same["text"])
    assert np.abs(one["text"] - other["text"]).max() > 1
    np.testing.assert_array_equal(one["audio"], plain["audio"])
    moved = one["text"] - plain["text"]
    assert np.ptp(moved, axis=2).max() < 1e-3, "the other row is one row"
    assert 0.3 * 199 < np.abs(moved).max() <= 0.4 * 199
    rows = {}
    for index, value in zip(plain["text"][..., 0].ravel(), one["text"][..., 0].ravel(), strict=True):
        assert rows.setdefault(index, value) == value, "an utterance is the same in all windows of evaluation"


def test_training_is_blended_anew_and_goes_on_where_it_stopped():
    data = counted({"text": (0.5, 1.0)})
    whole = chain(range(2), lambda epoch: training_windows(data, MODALITIES, 3, 100, 3, epoch, dropout=0.4))
    rest = list(training_windows(data, MODALITIES, 3, 100, 3, 1, dropout=0.4))
    steps = len(whole) // 2
    for (x, y), (again, label) in zip(whole[steps:], rest, strict=True):
        np.testing.assert_array_equal(y, label)
        for name in x:
            np.testing.assert_array_equal(x[name], again[name])
    inputs, _ = stacked(whole)
    middle = inputs["audio"][:, 1, 0]
    assert len(set(inputs["text"][middle == 7][:, 1, 0].tolist())) > 20


def test_the_sample_is_of_its_seed_and_its_splits_differ():
    one, same, other = (
        synthetic_reviews.sample("train", 0),
        synthetic_reviews.sample("train", 0),
        synthetic_reviews.sample("train", 1),
    )
    for name, width in mosi.WIDTHS.items():
        np.testing.assert_array_equal(one.features[name], same.features[name])
        assert one.features[name].shape == (len(one.labels), width)
        assert one.features[name].dtype == np.float32
        assert not np.array_equal(one.features[name][:9], other.features[name][:9])
        assert not np.array_equal(one.features[name][:9], synthetic_reviews.sample("test", 0).features[name][:9])
    assert 0.4 < one.labels.mean() < 0.6
    inside = one.videos[1:] == one.videos[:-1]
    stays = (one.labels[1:] == one.labels[:-1])[inside].mean()
    assert abs(stays - synthetic_reviews.STAYS) < 0.05
    assert np.all(np.diff(one.videos) >= 0)
    with pytest.raises(BadInputError, match="split: expected one of train, validation, test"):
        synthetic_reviews.sample("dev", 0)
