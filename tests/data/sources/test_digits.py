"""The three sources hold what their docstrings say."""

import subprocess
import sys

import numpy as np
import pytest

from mmzoo.data.download import tfds
from mmzoo.data.sources import digits
from mmzoo.errors import BadInputError

COUNTS = {"train": (1117 * 4, 640), "validation": (229, 160), "test": (451, 160)}


def check(source, images, clips, noisy):
    """Shapes, types and ranges of one split."""
    assert source.images.shape == (images, 28, 28, 1)
    assert source.images.dtype == np.uint8
    assert source.clips.shape == (clips, 8000)
    assert source.clips.dtype == np.int16
    for labels, count in ((source.image_labels, images), (source.clip_labels, clips)):
        assert labels.shape == (count,)
        assert labels.dtype == np.int32
        assert set(labels) == set(range(10))
    assert source.lengths.dtype == np.int32
    assert (source.lengths > 0).all()
    assert (source.lengths <= 8000).all()
    for clip, length in zip(source.clips, source.lengths, strict=True):
        assert not clip[length:].any()
    assert (source.noise is not None) == (source.snr_db is not None) == noisy
    if noisy:
        assert source.noise.shape == (digits.NOISE_ROWS, 8000)
        np.testing.assert_allclose(np.sqrt(np.square(source.noise).mean(axis=1)), 1, atol=1e-3)


@pytest.mark.parametrize("split", digits.SPLITS)
def test_sample(split):
    check(digits.sample(split, 0), *COUNTS[split], noisy=True)


def test_sample_follows_from_its_seed():
    first, again, other = digits.sample("test", 1), digits.sample("test", 1), digits.sample("test", 2)
    assert digits.checksum(first) == digits.checksum(again) != digits.checksum(other)
    np.testing.assert_array_equal(first.clips, other.clips)
    assert not np.array_equal(first.images, other.images)


def test_sample_pictures_are_in_one_split_each():
    pictures = [digits._handwriting(split)[0] for split in digits.SPLITS]
    assert sum(map(len, pictures)) == 1797
    assert len(np.unique(np.concatenate(pictures), axis=0)) == 1797


def test_sample_needs_no_tensorflow():
    lines = (
        "import sys",
        "from mmzoo.data.sources import digits",
        "digits.sample('test', 0)",
        "sys.exit('tensorflow' in sys.modules)",
    )
    assert subprocess.run([sys.executable, "-c", "; ".join(lines)]).returncode == 0


@pytest.mark.parametrize("source", [lambda s: digits.sample(s, 0), lambda s: digits.mnist_fsdd(s, None, 0)])
def test_unknown_split(source):
    with pytest.raises(BadInputError, match=r"split: expected .* validation, test\. Received: 'dev'"):
        source("dev")


def test_no_components():
    with pytest.raises(BadInputError, match=r"components: expected 1 to 784\. Received: 0"):
        digits.mnist_fsdd_hard("test", None, 0, components=0)


def test_speakers_rotate():
    for seed in range(12):
        parts = [digits.speakers(split, seed) for split in digits.SPLITS]
        assert sorted(speaker for part in parts for speaker in part) == list(range(6))
        assert [len(part) for part in parts] == [4, 1, 1]
    assert [digits.speakers("test", seed) for seed in range(6)] == [[speaker] for speaker in range(6)]


def test_nothing_there_and_no_network(tmp_path, monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "records"))
    monkeypatch.setattr(tfds, "MNIST_URL", "http://127.0.0.1:1/")
    with pytest.raises(BadInputError, match=r"mnist \(not in `data_dir` .* URLError") as raised:
        tfds.mnist("test", tmp_path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "records" / "mnist").exists()


def test_damaged_records(tmp_path):
    (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
    (tmp_path / "mnist" / "3.0.1" / "dataset_info.json").write_text("{")
    with pytest.raises(BadInputError, match="mnist: expected readable records"):
        tfds.mnist("test", tmp_path)


@pytest.mark.parametrize(("split", "images", "clips"), [("validation", 5000, 300), ("test", 10000, 300)])
def test_mnist_fsdd(data_dir, split, images, clips):
    source = digits.mnist_fsdd(split, data_dir, 0)
    check(source, images, clips, noisy=False)
    np.testing.assert_array_equal(np.bincount(source.clip_labels), 30)


@pytest.mark.parametrize("split", digits.SPLITS)
def test_mnist_fsdd_hard_is_reproduced(data_dir, split):
    source = digits.mnist_fsdd_hard(split, data_dir, 0)
    images, clips = {"train": (55000, 2000), "validation": (5000, 500), "test": (10000, 500)}[split]
    check(source, images, clips, noisy=True)
    assert digits.checksum(source) == digits.HARD_CHECKSUMS[split]


def test_a_share_is_of_each_class_and_lies_within_a_larger():
    whole = digits.sample("train", 0)
    tenth, hundredth = digits.take_share(whole, 0.1, 3), digits.take_share(whole, 0.01, 3)
    assert digits.take_share(whole, 1.0, 3) is whole
    for labels, all_labels in (
        (tenth.image_labels, whole.image_labels),
        (tenth.clip_labels, whole.clip_labels),
    ):
        expected = np.maximum(1, np.round(0.1 * np.bincount(all_labels)))
        np.testing.assert_array_equal(np.bincount(labels), expected)
    assert np.bincount(hundredth.clip_labels).min() >= 1
    rows = {row.tobytes() for row in tenth.images}
    assert all(row.tobytes() in rows for row in hundredth.images)
    assert {len(x) for x in (tenth.clips, tenth.lengths, tenth.clip_labels)} == {len(tenth.clips)}
    other = digits.take_share(whole, 0.1, 4)
    assert not np.array_equal(other.images, tenth.images)
