"""A SavedModel that does more than compute is refused by the name of its operator, and nothing of it runs."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from mmzoo.artifacts.runtimes import predictor
from mmzoo.artifacts.saved_model import check_operators
from mmzoo.errors import BadInputError
from mmzoo.export.convert import save_model

PUBLISHED = sorted((Path(__file__).parents[2] / "saved_models").glob("*/saved_model"))


def write(x, target):
    tf.io.write_file(target, "stolen")
    return x


FORMS = {
    "plain": ("WriteFile", write),
    "reads": ("ReadFile", lambda x, target: tf.cast(tf.strings.length(tf.io.read_file(target)), tf.float32) + x),
    "in a branch": (
        "WriteFile",
        lambda x, target: tf.cond(tf.reduce_sum(x) > 0, lambda: write(x, target), lambda: x),
    ),
    "in a loop": ("WriteFile", lambda x, target: tf.while_loop(lambda x: False, lambda x: [write(x, target)], [x])[0]),
    "in a function": ("WriteFile", lambda x, target: tf.function(write)(x, target)),
    "python": (
        "EagerPyFunc",
        lambda x, target: tf.ensure_shape(tf.py_function(lambda x: x, [x], tf.float32), (None, 2)),
    ),
    "prints": ("StringFormat", lambda x, target: (tf.print(x, output_stream=f"file://{target}"), x)[1]),
    "saves": (
        "SaveV2",
        lambda x, target: (tf.raw_ops.SaveV2(prefix=target, tensor_names=["x"], shape_and_slices=[""], tensors=[x]), x)[
            1
        ],
    ),
    "debugs": (
        "DebugIdentityV3",
        lambda x, target: tf.raw_ops.DebugIdentityV3(input=x, debug_urls=[f"file://{target}"]),
    ),
}


def saved(folder, function, **parts):
    """Write a SavedModel of `function` of one vector."""
    module = tf.Module()
    for name, part in parts.items():
        setattr(module, name, part)
    traced = tf.function(lambda x: {"y": function(x)}, autograph=False)
    module.serve = traced.get_concrete_function(tf.TensorSpec((None, 2), tf.float32, name="x"))
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    return folder


def graph(folder):
    whole = saved_model_pb2.SavedModel()
    whole.ParseFromString((folder / "saved_model.pb").read_bytes())
    return whole


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.parent.name)
def test_what_is_published_only_computes(folder):
    check_operators(folder)


def test_layers_of_a_recipe_of_ones_own_only_compute(tmp_path):
    x, y = keras.Input((6, 4), name="x"), keras.Input((8, 8, 3), name="y")
    layers = keras.layers
    series = layers.Bidirectional(layers.GRU(3, return_sequences=True))(layers.LSTM(3, return_sequences=True)(x))
    series = layers.MultiHeadAttention(2, 4)(series, series)
    image = layers.Conv2DTranspose(4, 3)(layers.Resizing(4, 4)(layers.SeparableConv2D(4, 3)(y)))
    image = layers.UpSampling2D()(layers.GroupNormalization(2)(image))
    save_model(tmp_path, keras.Model({"x": x, "y": y}, {"series": series, "image": image}))
    check_operators(tmp_path)


@pytest.mark.parametrize(("operator", "function"), FORMS.values(), ids=FORMS)
def test_an_operator_that_does_not_compute_is_named(operator, function, tmp_path):
    target = tmp_path / "target"
    folder = saved(tmp_path / "saved_model", lambda x: function(x, str(target)))
    with pytest.raises(BadInputError, match=rf"only compute. Received: the operator '{operator}'; .*`trust`$"):
        predictor(folder)
    assert not target.exists()


def test_a_trusted_one_is_executed(tmp_path):
    target = tmp_path / "target"
    folder = saved(tmp_path / "saved_model", lambda x: write(x, str(target)))
    predictor(folder, trust=True)({"x": np.ones((1, 2), np.float32)})
    assert target.read_text() == "stolen"


def test_a_table_that_is_filled_from_a_file_is_refused(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\n")
    filled = tf.lookup.TextFileInitializer(
        str(tmp_path / "words.txt"),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    table = tf.lookup.StaticHashTable(filled, -1)
    folder = saved(tmp_path / "saved_model", lambda x: x, table=table)
    with pytest.raises(BadInputError, match=r"Received: the operator '(HashTableV2|InitializeTableFromTextFileV2)'"):
        check_operators(folder)


def test_functions_that_save_variables_are_there_and_may_not_be_called(tmp_path):
    weight = tf.Variable(tf.ones(2))
    folder = saved(tmp_path / "saved_model", lambda x: x * weight, weight=weight)
    check_operators(folder)
    np.testing.assert_array_equal(predictor(folder)({"x": np.full((1, 2), 3, np.float32)})["y"], [[3, 3]])
    whole = graph(folder)
    functions, called = whole.meta_graphs[0].graph_def.library.function, whole.meta_graphs[0].object_graph_def
    saves = next(one for one in functions if any(node.op == "SaveV2" for node in one.node_def))
    serves = next(one for one in functions if one.signature.name in called.concrete_functions)
    saves.attr["api_implements"].s = b"other"
    (folder / "saved_model.pb").write_bytes(whole.SerializeToString())
    with pytest.raises(BadInputError, match="the operator '"):
        check_operators(folder)
    del saves.attr["api_implements"]
    serves.node_def.add(name="more", op="PartitionedCall").attr["f"].func.name = saves.signature.name
    (folder / "saved_model.pb").write_bytes(whole.SerializeToString())
    with pytest.raises(BadInputError, match="the operator '"):
        check_operators(folder)


def test_a_function_that_is_not_in_it_is_not_called(tmp_path):
    folder = saved(tmp_path / "saved_model", lambda x: x)
    whole = graph(folder)
    call = whole.meta_graphs[0].graph_def.library.function[0].node_def.add(name="more", op="PartitionedCall")
    call.attr["f"].func.name = "of_this_process"
    (folder / "saved_model.pb").write_bytes(whole.SerializeToString())
    with pytest.raises(BadInputError, match="a call of 'of_this_process', which is not in it"):
        check_operators(folder)


@pytest.mark.parametrize("name", ["saved_model.pbtxt", "saved_model.cpb"])
def test_a_second_graph_is_refused(name, tmp_path):
    folder = saved(tmp_path / "saved_model", lambda x: x)
    (folder / name).touch()
    with pytest.raises(BadInputError, match=r"expected a SavedModel with one saved_model\.pb"):
        check_operators(folder)


def test_what_is_no_graph_is_one_line(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(BadInputError, match=r"saved_model\.pb: expected the graph") as caught:
        check_operators(tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(BadInputError, match="expected a SavedModel of TensorFlow 2 with one graph"):
        check_operators(tmp_path)
