"""Missing modalities."""

import keras
import numpy as np

from mmzoo.blocks.presence import ConstantWhereNothing, SharesWhereUnknown, replace_absent, split_present


def test_columns_follow_the_order_of_the_modalities():
    present = np.array([[1, 0, 0.5]], "float32")
    columns = split_present(present, ("b", "a", "c"))
    assert {name: float(column[0, 0]) for name, column in columns.items()} == {"b": 1, "a": 0, "c": 0.5}
    assert columns["a"].shape == (1, 1)


def test_replace_absent_is_independent_of_the_missing_content():
    x, present = keras.Input((6,)), keras.Input((1,))
    model = keras.Model([x, present], replace_absent(x, present, "audio"))
    learned = np.arange(6, dtype="float32")
    model.get_layer("audio_absent").set_weights([learned[None]])
    given = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    there = np.array([[1], [0], [0]], "float32")
    answer = model.predict([given, there], verbose=0)
    np.testing.assert_array_equal(answer, [given[0], learned, learned])


def test_replace_absent_uses_one_vector_for_all_steps():
    x, present = keras.Input((4, 1, 6)), keras.Input((1,))
    model = keras.Model([x, present], replace_absent(x, present, "video"))
    learned = np.arange(6, dtype="float32")
    model.get_layer("video_absent").set_weights([learned[None]])
    given = np.random.default_rng(0).normal(size=(2, 4, 1, 6)).astype("float32")
    answer = model.predict([given, np.array([[1], [0]], "float32")], verbose=0)
    np.testing.assert_array_equal(answer, [given[0], np.tile(learned, (4, 1, 1))])


def test_shares_where_unknown_replaces_uninformative_patterns(tmp_path):
    told, present = keras.Input((3,)), keras.Input((2,))
    model = keras.Model([told, present], SharesWhereUnknown(name="answer")([told, present]))
    given = np.random.default_rng(0).dirichlet(np.ones(3), 4).astype("float32")
    patterns = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    np.testing.assert_allclose(model.predict([given, patterns], verbose=0), given, atol=1e-7)
    shares = np.array([0.5, 0.3, 0.2], "float32")
    model.get_layer("answer").set_weights([np.array([0, 1, 0, 1]), shares])
    model.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras", {"SharesWhereUnknown": SharesWhereUnknown})
    answer = read.predict([given, patterns], verbose=0)
    np.testing.assert_allclose(answer, [shares, given[1], shares, given[3]], atol=1e-7)


def test_constant_where_nothing_replaces_rows_without_modality(tmp_path):
    values, present = keras.Input((2,)), keras.Input((3,))
    model = keras.Model([values, present], ConstantWhereNothing([0.5, 2.0], name="answer")([values, present]))
    model.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras", {"ConstantWhereNothing": ConstantWhereNothing})
    given = np.arange(6, dtype="float32").reshape(3, 2)
    patterns = np.array([[0, 0, 0], [0, 1, 0], [1, 1, 1]], "float32")
    for one in (model, read):
        np.testing.assert_array_equal(one.predict([given, patterns], verbose=0), [[0.5, 2], given[1], given[2]])
