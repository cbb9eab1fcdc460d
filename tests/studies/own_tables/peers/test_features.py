"""Features are fitted on training rows and match scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from mmzoo.data.arrays import SPLITS
from mmzoo.studies.own_tables.peers.features import balanced, cheap, join, table_features, tree_numbers


def frames(**columns):
    """Return rows of three splits: the cells of each, separated by |."""
    parts = {name: dict(zip(SPLITS, cells, strict=True)) for name, cells in columns.items()}
    return {split: pd.DataFrame({name: cells[split] for name, cells in parts.items()}) for split in SPLITS}


def test_texts_are_tfidf_of_words_and_characters(tmp_path):
    rows = frames(note=(["red hat", "blue hat", "red shoe"], ["red coat"], [None]))
    found = table_features(rows, {"note": "text"}, tmp_path)["text"]
    words = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), sublinear_tf=True)
    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    for model, start in ((words, 0), (runs, -1)):
        expected = model.fit_transform(["red hat", "blue hat", "red shoe"]).toarray()
        width = expected.shape[1]
        own = found["train"].toarray()
        np.testing.assert_allclose(own[:, :width] if start == 0 else own[:, -width:], expected, atol=1e-6)
    assert found["validation"].nnz
    assert not found["test"].nnz


def test_numbers_are_standardized_with_flags(tmp_path):
    rows = frames(size=([1.0, 3.0, np.nan, 2.0], [4.0], [np.nan]))
    found = table_features(rows, {"size": "number"}, tmp_path)["numbers"]
    deviation = np.std([1, 3, 2])
    np.testing.assert_allclose(found["train"][:, 0], [-1 / deviation, 1 / deviation, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found["train"][:, 1], [0, 0, 1, 0])
    np.testing.assert_allclose(found["validation"], [[2 / deviation, 0]], rtol=1e-6)
    np.testing.assert_allclose(found["test"], [[0, 1]])


def test_numbers_that_are_always_there_have_no_flag(tmp_path):
    rows = frames(size=([5, 5, 5], [6], [5]))
    found = table_features(rows, {"size": "number"}, tmp_path)["numbers"]
    assert found["train"].shape == (3, 1)
    np.testing.assert_allclose(found["validation"], [[1]])


def test_categories_are_one_hot_and_unknown_ones_nothing(tmp_path):
    rows = frames(shop=(["a", "b", "a"], ["b"], ["c"]))
    found = table_features(rows, {"shop": "category"}, tmp_path)["numbers"]
    np.testing.assert_array_equal(found["train"].toarray(), [[1, 0], [0, 1], [1, 0]])
    np.testing.assert_array_equal(found["test"].toarray(), [[0, 0]])


def test_dates_have_parts(tmp_path):
    rows = frames(day=(["2024-01-01 06:00", "2024-03-02 18:00", None], ["01-Feb-2024"], ["2024-01-01"]))
    numbers, categorical = tree_numbers(rows, {"day": "date"})
    np.testing.assert_array_equal(numbers["train"][:2, 1:], [[1, 0, 6], [3, 5, 18]])
    assert np.isnan(numbers["train"][2]).all()
    assert numbers["validation"][0, 1] == 2
    assert categorical == [False] * 4


def test_trees_get_codes_of_categories(tmp_path):
    rows = frames(shop=(["b", "a", None], ["b"], ["c"]), size=([1, 2, 3], [4], [5]))
    numbers, categorical = tree_numbers(rows, {"shop": "category", "size": "number"})
    np.testing.assert_array_equal(numbers["train"], [[1, 1], [0, 2], [np.nan, 3]])
    assert np.isnan(numbers["test"][0, 0])
    assert categorical == [True, False]
    assert tree_numbers(rows, {"shop": "text"}) is None


def test_absent_file_has_the_mean(tmp_path):
    for name, value in (("a", 10), ("b", 250)):
        Image.new("L", (64, 64), value).save(tmp_path / f"{name}.png")
    rows = frames(photo=(["a.png", "b.png", None], ["a.png"], [""]))
    found = table_features(rows, {"photo": "image"}, tmp_path)["image"]
    assert found["train"].shape == (3, 1836)
    np.testing.assert_array_equal(found["train"][2], 0)
    np.testing.assert_array_equal(found["test"][0], 0)
    np.testing.assert_allclose(found["train"][0], found["validation"][0])
    assert found["train"][0].any()


def test_columns_of_a_kind_are_concatenated(tmp_path):
    rows = frames(a=(["x y", "z"], ["x"], ["z"]), b=(["u", "v"], ["u"], ["v"]), n=([1, 2], [1], [2]))
    found = table_features(rows, {"n": "number", "a": "text", "b": "text"}, tmp_path)
    assert list(found) == ["text", "numbers"]
    alone = table_features(rows, {"a": "text"}, tmp_path)["text"]["train"].shape[1]
    assert found["text"]["train"].shape[1] > alone


def test_blocks_are_balanced_and_joined():
    dense = {split: np.full((2, 3), 4.0) for split in SPLITS}
    thin = {split: sparse.csr_matrix(np.eye(2)) for split in SPLITS}
    assert np.square(balanced(dense)["train"]).sum() / 2 == pytest.approx(1)
    assert balanced(thin)["train"].multiply(balanced(thin)["train"]).sum() / 2 == pytest.approx(1)
    assert join([dense, thin])["test"].shape == (2, 5)
    assert isinstance(join([dense, dense])["test"], np.ndarray)


def test_many_features_are_reduced_for_trees():
    rng = np.random.default_rng(0)
    wide = {split: sparse.csr_matrix(rng.random((80, 200))) for split in SPLITS}
    assert cheap(wide)["validation"].shape == (80, 50)
    narrow = {split: rng.random((80, 20)) for split in SPLITS}
    assert cheap(narrow) is narrow
