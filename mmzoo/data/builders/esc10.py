"""ESC-10 as tfds records: 400 recordings of ten classes of environmental sound.

From a pinned GitHub commit. Importing this module registers the builder `esc10` with tensorflow_datasets. Nothing else
in mmzoo imports it before a user asks for the data. Source: https://github.com/karolpiczak/ESC-10, license CC BY 3.0;
the README of the archive credits the author of each clip.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from mmzoo.data.batches.clips import lay_out
from mmzoo.data.decode.audio import decode_audio, resample_scipy
from mmzoo.data.download.archive import Archive, find_or_download, read_members
from mmzoo.data.sources.esc10 import CLASSES, FOLDERS, FOLDS, SAMPLE_RATE, SAMPLES

ARCHIVE = Archive(
    owner_repo="karolpiczak/ESC-10",
    commit="553c8f1743b9dba6b282e1323c3ca8fa76923448",
    wanted=r"\d{3} - [A-Z][a-z ]+/[1-5]-\d+-[A-Z]\.ogg",
    sha256="36fea0917396d8272ab854fadcb44052f2d8c2d93711fafde67154dbbfb17801",
)


class Esc10(tfds.core.GeneratorBasedBuilder):
    """tfds builder of ESC-10: environmental sound classification.

    Records hold `audio` int16 `(80000,)` at 16 kHz, `label`, and `name` in the archive. Each fold is a split. Clips are
    cut at 5 s; shorter ones are padded with zeros. `archive_dir` is searched for the archive before a download.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *args: Any, archive_dir: str | Path | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._archive_dir = archive_dir

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "audio": tfds.features.Audio(shape=(SAMPLES,), dtype=np.int16, sample_rate=SAMPLE_RATE),
            "label": tfds.features.ClassLabel(names=CLASSES),
            "name": tfds.features.Text(),
        }
        return self.dataset_info_from_configs(
            description="Environmental sounds of 5 s in ten classes; clips of one recording are in the same fold.",
            homepage="https://github.com/karolpiczak/ESC-10",
            license="CC BY 3.0",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("audio", "label"),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        path = find_or_download(ARCHIVE, self._archive_dir, dl_manager.download_dir)
        members = read_members(path, ARCHIVE)
        return {f"fold{fold}": self._generate_examples(members, fold) for fold in FOLDS}

    def _generate_examples(self, members: dict[str, bytes], fold: int) -> Iterator[tuple[str, dict]]:
        for name, content in members.items():
            kind, found = re.match(r"\d{3} - ([^/]+)/(\d)-", name).groups()
            if int(found) == fold:
                waveform = decode_audio(content, SAMPLE_RATE, name, resample_scipy)
                audio = lay_out(waveform, SAMPLES, name)
                yield name, {"audio": audio, "label": FOLDERS.index(kind), "name": name}
