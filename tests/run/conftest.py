"""The models that several tests look at."""

import pytest

from mmzoo.run.verify import REQUIRE


@pytest.fixture
def no_driver(monkeypatch):
    """Hide every Vulkan driver."""
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nonexistent")
    monkeypatch.delenv(REQUIRE, raising=False)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Keep decoded tables in a temporary folder, and there in place of the peer's file a small one: it takes long."""
    import keras

    from mmzoo.run.peers import kept_peer, to_tflite

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMZOO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        x = keras.Input((8,))
        small = keras.Model(x, keras.layers.Dense(8)(x))
        folder = tmp_path_factory.mktemp("peer")
        kept_peer("mobilenet_v3_small", folder, lambda name, place: to_tflite(small, place / f"{name}.tflite"))
        yield


@pytest.fixture(scope="session")
def bugs(tmp_path_factory) -> dict:
    """Return `{name: path of a .tflite}` of the models in `silent_bugs`."""
    from silent_bugs import export_all

    return export_all(tmp_path_factory.mktemp("bugs"))


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Return the folder of a small two-modality model with its artifacts; tests copy it before they change it."""
    from silent_bugs import export_folder

    return export_folder(tmp_path_factory.mktemp("exported"))
