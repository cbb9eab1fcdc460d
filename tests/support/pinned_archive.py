"""What the tests of builders of pinned archives share: a small archive in place of GitHub's, and tfds' own checks."""

import dataclasses
import os
import tempfile
import zipfile
from pathlib import Path
from unittest import mock

from mmzoo.data.download.archive import members_sha256


def write_archive(folder, archive, members):
    """Write them where GitHub's `archive` would be and return what is pinned of it."""
    top = archive.file_name.removesuffix(".zip")
    with zipfile.ZipFile(Path(folder) / archive.file_name, "w") as file:
        file.writestr(f"{top}/LICENSE", "not wanted")
        for name, content in members.items():
            file.writestr(f"{top}/{name}", content)
    return dataclasses.replace(archive, sha256=members_sha256(members))


class FromArchive:
    """Before a `DatasetBuilderTestCase`: the archive of `MODULE` has `members()`, and is found where downloads are."""

    test_session = None  # of TensorFlow, no test: as a method it would be collected, and skipped

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.EXAMPLE_DIR = temporary.name  # stands for the folder of downloads
        pinned = write_archive(temporary.name, cls.MODULE.ARCHIVE, cls.members())
        environment = {name: value for name, value in os.environ.items() if name != "MMZOO_DATA_DIR"}
        for patch in (
            mock.patch.object(cls.MODULE, "ARCHIVE", pinned),
            mock.patch.dict(os.environ, environment, clear=True),
        ):
            patch.start()
            cls.addClassCleanup(patch.stop)
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.test_session = super().test_session
