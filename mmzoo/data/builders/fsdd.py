"""Free Spoken Digit Dataset as tfds records: 3,000 clips of six speakers.

From a pinned GitHub commit. Importing this module registers the builder `fsdd` with tensorflow_datasets. Nothing else
in mmzoo imports it before a user asks for the data. Source: https://github.com/Jakobovski/free-spoken-digit-dataset,
license CC BY-SA 4.0.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from mmzoo.data.arrays import SPLITS
from mmzoo.data.decode.audio import decode_audio, to_int16
from mmzoo.data.download.archive import Archive, find_or_download, read_members

ARCHIVE = Archive(
    owner_repo="Jakobovski/free-spoken-digit-dataset",
    commit="26eb9aaf76e81b692f806f9140c2d2777410d7a1",
    wanted=r"recordings/\d_[a-z]+_\d+\.wav",
    sha256="8b0e7dbc4f17ad8a2f31c1be9d2df94d5b8823d1ad53c217377fb272916def93",
)
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
SAMPLE_RATE = 8000  # Hz
TEST, VALIDATION = range(0, 5), range(5, 10)  # numbers of recordings; the test is the official one


class Fsdd(tfds.core.GeneratorBasedBuilder):
    """tfds builder of the Free Spoken Digit Dataset.

    Records hold `audio` int16 `(T,)` at 8 kHz, `label` 0 to 9, `speaker` 0 to 5 and number of `recording`.
    `archive_dir` is searched for the archive before a download.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *args: Any, archive_dir: str | Path | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._archive_dir = archive_dir

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "audio": tfds.features.Audio(shape=(None,), dtype=np.int16, sample_rate=SAMPLE_RATE),
            "label": tfds.features.ClassLabel(num_classes=10),
            "speaker": tfds.features.ClassLabel(names=SPEAKERS),
            "recording": tfds.features.Scalar(np.int32),
        }
        return self.dataset_info_from_configs(
            description="Spoken digits zero to nine in English, 50 recordings of each by six speakers.",
            homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
            license="CC BY-SA 4.0",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("audio", "label"),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        path = find_or_download(ARCHIVE, self._archive_dir, dl_manager.download_dir)
        members = read_members(path, ARCHIVE)
        return {split: self._generate_examples(members, split) for split in SPLITS}

    def _generate_examples(self, members: dict[str, bytes], split: str) -> Iterator[tuple[str, dict]]:
        for name, content in members.items():
            digit, speaker, recording = name.removeprefix("recordings/").removesuffix(".wav").split("_")
            if _split_of(int(recording)) != split:
                continue
            audio = to_int16(decode_audio(content, SAMPLE_RATE, name))
            record = {"audio": audio, "label": int(digit), "speaker": speaker, "recording": int(recording)}
            yield name, record


def _split_of(recording: int) -> str:
    return "test" if recording in TEST else "validation" if recording in VALIDATION else "train"
