"""What tests of every folder use."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

_TFDS = pytest.StashKey[str]()


def pytest_configure(config):
    """Records that tests prepare go to a temporary folder; set before anything can import tfds."""
    if "TFDS_DATA_DIR" not in os.environ:
        config.stash[_TFDS] = os.environ["TFDS_DATA_DIR"] = tempfile.mkdtemp(prefix="mmzoo-tfds-")


def pytest_unconfigure(config):
    if _TFDS in config.stash:
        shutil.rmtree(config.stash[_TFDS], ignore_errors=True)


@pytest.fixture(scope="session")
def data_dir():
    """Return the folder of real data, or skip where there is none."""
    given = os.environ.get("MMZOO_DATA_DIR")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs real data: MMZOO_DATA_DIR is {given or 'not set'} and there is no {folder}")
    return folder
