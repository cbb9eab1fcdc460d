"""What tests of every folder use."""

import fcntl
import gc
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pytest

from mmzoo.verification.accelerator import DRIVER_PACKAGES, Driver, find_driver
from mmzoo.verification.verify import REQUIRE

_TFDS = pytest.StashKey[str]()


def pytest_configure(config):
    """Records that tests prepare go to a temporary folder, one for each process; set before tfds can be imported."""
    only_hands_out = bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")
    if "TFDS_DATA_DIR" not in os.environ and not only_hands_out:
        config.stash[_TFDS] = os.environ["TFDS_DATA_DIR"] = tempfile.mkdtemp(prefix="mmzoo-tfds-")


def pytest_unconfigure(config):
    if _TFDS in config.stash:
        shutil.rmtree(config.stash[_TFDS], ignore_errors=True)


@pytest.fixture(autouse=True, scope="module")
def quick_collection():
    """Exclude the objects of finished modules from garbage collection: with TensorFlow's graphs it takes seconds."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data_dir():
    """Return the folder of real data, or skip where there is none."""
    given = os.environ.get("MMZOO_DATA_DIR")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs real data: MMZOO_DATA_DIR is {given or 'not set'} and there is no {folder}")
    return folder


@pytest.fixture(scope="session")
def gpu() -> Driver:
    """Return a driver on which LiteRT's GPU accelerator runs; without one skip, or fail where it is demanded."""
    driver, reason = find_driver()
    if driver is None:
        said = f"no Vulkan driver for the GPU accelerator ({reason}): apt-get install {DRIVER_PACKAGES}"
        (pytest.fail if os.environ.get(REQUIRE) == "1" else pytest.skip)(said)
    return driver


@pytest.fixture(scope="session")
def mmzoo_command():
    """Return a function that runs `mmzoo WORDS...` as a user types it and returns the finished process."""
    command = Path(sys.executable).with_name("mmzoo")

    def run(*words, **options):
        # what libraries set when a test imports them is not what a user has
        mine = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
        options.setdefault("env", mine)
        return subprocess.run([command, *map(str, words)], capture_output=True, text=True, check=False, **options)

    return run


@pytest.fixture
def run_main(monkeypatch):
    """Return a function that runs `mmzoo WORDS...` in this process and returns its exit code."""
    from mmzoo.cli.app import main

    logger = logging.getLogger("mmzoo")
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(logger, name, getattr(logger, name))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return ended.value.code

    return run


@pytest.fixture
def mmzoo_here(run_main, monkeypatch, capsys):
    """Return a function as `mmzoo_command`, in this process: without the seconds that an import of TensorFlow takes."""

    def run(*words, cwd="."):
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            code = run_main(*words)
        return subprocess.CompletedProcess(words, code, *capsys.readouterr())

    return run


@pytest.fixture
def rows_once(monkeypatch):
    """Pass once an epoch over a small table, where users want it repeated."""
    from mmzoo.data.tables import batches

    monkeypatch.setattr(batches, "SMALLEST_EPOCH", 1)


@pytest.fixture
def untraced():
    """Run the training of a test, which is of a few steps, without tracing it."""
    from untraced import untraced

    with untraced():
        yield


@pytest.fixture(scope="session")
def trained(mmzoo_command, tmp_path_factory):
    """Run the README's first command once for all processes; return its folder, what it printed, and its seconds."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all processes of this run
    place, told = shared / "first_command", shared / "first_command.json"
    with (shared / "first_command.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.is_file():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            began = time.monotonic()
            done = mmzoo_command("train", "spoken_digits", cwd=place)
            assert done.returncode == 0, done.stderr[-2000:]
            told.write_text(json.dumps([done.stdout, time.monotonic() - began]))
    return place / "spoken_digits", *json.loads(told.read_text())


@pytest.fixture
def few_drawn(monkeypatch):
    """Let `nlvr_drawn` draw few scenes and sentences."""
    from mmzoo.data.sources.nlvr_synthetic import dataset

    for name, value in {"POOLS": {"train": 1, "validation": 1}, "POOL": 64, "SENTENCES": 60, "RARE": 0.05}.items():
        monkeypatch.setattr(dataset, name, value)
    dataset.nlvr_drawn.cache_clear()
    yield
    dataset.nlvr_drawn.cache_clear()


@pytest.fixture
def no_driver(monkeypatch):
    """Hide every Vulkan driver."""
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nonexistent")
    monkeypatch.delenv(REQUIRE, raising=False)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Keep decoded tables in a temporary folder, and there in place of the peer's file a small one: it takes long."""
    import keras

    from mmzoo.benchmark.peers import cached_reference, to_tflite

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMZOO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        x = keras.Input((8,))
        small = keras.Model(x, keras.layers.Dense(8)(x))
        folder = tmp_path_factory.mktemp("peer")
        cached_reference("mobilenet_v3_small", folder, lambda name, place: to_tflite(small, place / f"{name}.tflite"))
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
