"""A lexicon: what is read of its file, and which files are refused."""

import sys

import numpy as np
import pytest

from mmzoo import BadInputError
from mmzoo.data.lexicon import read_lexicon


def written(folder, content):
    path = folder / "lexicon.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_words_and_their_valence(tmp_path):
    path = written(tmp_path, "great\t3.1\t0.8\t[3, 3]\n\nnot bad\t1\nchair\t0\nawful\t-2.0\n:)\t2.0\n")
    words, valence = read_lexicon(path)
    assert words == ["great", "not bad", "awful", ":)"]
    assert valence.dtype == np.float32
    np.testing.assert_allclose(valence, [3.1, 1, -2, 2])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("great\t3\nawful\nbad\tx\n", r"a number other than 0. Received: line 2: 'awful'; line 3: 'bad\\tx'"),
        ("great\tnan\n", "Received: line 1"),
        ("great\tinf\n", "Received: line 1"),
        ("".join(f"w{i}\n" for i in range(9)), "line 5: 'w4' and 4 more"),
        ("", "Received: no words"),
        ("chair\t0\n", "Received: no words"),
        (b"\xff\xfe", "expected UTF-8. Received: invalid start byte at byte 0"),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    with pytest.raises(BadInputError, match=said):
        read_lexicon(written(tmp_path, content))


def test_vader_is_that_of_its_package(monkeypatch):
    pytest.importorskip("vaderSentiment")
    words, valence = read_lexicon("vader")
    assert len(words) > 7000
    told = dict(zip(words, valence.tolist(), strict=True))
    assert told["great"] > 2
    assert told["awful"] < -1
    assert np.abs(valence).max() <= 4
    monkeypatch.setitem(sys.modules, "vaderSentiment", None)
    with pytest.raises(BadInputError, match=r"vader: expected pip install 'mmzoo\[lexicon\]'. Received"):
        read_lexicon("vader")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"none.txt: expected a readable lexicon. Received: No such file"):
        read_lexicon(tmp_path / "none.txt")
