"""Counts of texts on disk equal the counts of each text."""

import numpy as np
import pytest

from mmzoo.data.tables.text_counts import PARTS, read_counts, write_counts
from mmzoo.device.text_hash import SIZE, text_counts

TEXTS = ["one two", "", "naïve 語 😀", "two one two"]


@pytest.fixture
def stored(tmp_path):
    write_counts([TEXTS[:3], TEXTS[3:]], tmp_path, "text")
    return read_counts(tmp_path, "text")


def expected():
    return np.stack([text_counts(text) if text else np.zeros(SIZE, np.uint8) for text in TEXTS])


@pytest.mark.parametrize("index", [0, -1, slice(1, 3), slice(0, 0), [3, 0, 3], np.array([1]), np.array([], int)])
def test_text_counts_rows_are_dense(stored, index):
    found = stored[index]
    np.testing.assert_array_equal(found, expected()[index])
    assert found.dtype == stored.dtype == np.uint8
    assert stored.shape == (len(stored), SIZE) == (4, SIZE)


def test_text_counts_matrix_is_sparse(stored):
    index = np.array([2, 1, 2, 3])
    found = stored.matrix(index)
    np.testing.assert_array_equal(found.toarray(), expected()[index])
    assert (found.dtype, found.nnz) == (np.float32, np.count_nonzero(expected()[index]))


def test_text_counts_take_three_bytes_per_bucket(stored, tmp_path):
    assert sum((tmp_path / f"text.{part}.npy").stat().st_size for part in PARTS) < 500 + 3 * np.count_nonzero(
        expected()
    )


def test_text_counts_of_no_text(tmp_path):
    write_counts([], tmp_path, "text")
    assert read_counts(tmp_path, "text")[:].shape == (0, SIZE)
