"""Media files of a table as tensors of one size."""

from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.decode.audio import fit_length, read_audio, to_int16
from mmzoo.data.decode.image import read_image
from mmzoo.data.decode.video import import_av, read_frames
from mmzoo.data.tables.series import read_steps, series_note


class MediaReader:
    """Read files of one column as tensors; collect notes on series.

    `kind` is image, audio, video or series, `sizes` a `mmzoo.data.tables.rows.Sizes`, `column` the column of a series.
    `read` maps a path to the tensor, and raises BadInputError.
    """

    def __init__(self, kind: str, sizes: Any, column: Any) -> None:
        readers = {"image": self._image, "audio": self._audio, "video": self._video, "series": self._series}
        self.read, self._sizes, self._column = readers[kind], sizes, column
        self._found: list[tuple[int, int, int]] = []
        if kind == "video":
            import_av()  # a missing package is one error, not one for each row

    def notes(self) -> list[str]:
        """Return the line on the files that were read."""
        return [series_note(self._column, self._found)] if self._found else []

    def _image(self, path: Path) -> np.ndarray:
        return read_image(path, 3, (self._sizes.image_size, self._sizes.image_size))

    def _audio(self, path: Path) -> np.ndarray:
        return fit_length(to_int16(read_audio(path, self._sizes.sample_rate)), self._sizes.samples)

    def _video(self, path: Path) -> np.ndarray:
        side = self._sizes.frame_size
        return read_frames(path, self._sizes.frames, (side, side)).reshape(-1, side, 3)

    def _series(self, path: Path) -> np.ndarray:
        read = read_steps(path, self._column)
        self._found.append((read.length, read.empty, read.cells))
        return read.tensor
