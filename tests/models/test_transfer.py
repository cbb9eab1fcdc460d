"""A `.keras` file that names classes of other modules, or holds code, is refused before Keras reads it."""

import json
import sys
import zipfile

import keras
import numpy as np
import pytest

from mmzoo.errors import BadInputError
from mmzoo.models.transfer import read_model


@pytest.fixture
def path(tmp_path):
    x = keras.Input((3,), name="x")
    keras.Model({"x": x}, {"y": keras.layers.Dense(2, name="dense")(x)}).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def rewrite(path, change):
    """Write the file with another config, in which `change` has changed the dense layer."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    change(next(layer for layer in config["config"]["layers"] if layer["config"]["name"] == "dense"))
    files["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


CHANGES = {
    "Lambda of keras.layers": {"class_name": "Lambda"},
    "TFSMLayer of keras.layers": {"class_name": "TFSMLayer"},
    "Thing of evil_module.inner": {"module": "evil_module.inner", "class_name": "Thing"},
    "system of os": {"module": "os", "class_name": "system"},
    "Thing of kerasevil": {"module": "kerasevil", "class_name": "Thing"},
    "__lambda__": {"class_name": "__lambda__", "module": None},
}


@pytest.mark.parametrize(("named", "change"), CHANGES.items(), ids=CHANGES)
def test_another_class_is_refused_by_its_name(named, change, path, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil_module").mkdir()
    (tmp_path / "evil_module" / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (tmp_path / "evil_module" / "inner.py").write_text("")
    rewrite(path, lambda layer: layer.update(change))
    with pytest.raises(BadInputError, match=rf"expected layers of Keras and mmzoo, without code. Received: {named}$"):
        read_model(path)
    assert "evil_module" not in sys.modules
    assert not (tmp_path / "ran").exists()


def test_a_lambda_in_the_config_of_a_layer_is_refused(path):
    hidden = {"class_name": "__lambda__", "config": {"value": ""}}
    rewrite(path, lambda layer: layer["config"].update(activation=hidden))
    with pytest.raises(BadInputError, match=r"Received: __lambda__$"):
        read_model(path)


def test_a_layer_that_this_process_has_registered_is_read(tmp_path):
    @keras.saving.register_keras_serializable("test_transfer")
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    x = keras.Input((3,), name="x")
    keras.Model({"x": x}, {"y": Doubled()(x)}).save(tmp_path / "model.keras")
    np.testing.assert_array_equal(read_model(tmp_path / "model.keras")({"x": np.ones((1, 3))})["y"], [[2, 2, 2]])


def test_what_is_no_archive_is_one_line(path):
    whole = path.read_bytes()
    for content in (b"", b"PK nonsense", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(BadInputError, match=r"model\.keras: expected a \.keras file") as caught:
            read_model(path)
        assert "\n" not in str(caught.value)
