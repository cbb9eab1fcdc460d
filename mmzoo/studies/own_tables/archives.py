"""Files of a folder of data, and their pictures and sounds as bytes of files."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from mmzoo.data.arrays import SPLITS
from mmzoo.data.download.archive import Archive, data_dirs, read_members
from mmzoo.data.tables.split import split_rows
from mmzoo.errors import BadInputError


def find_file(name: str, data_dir: str | Path | None) -> Path:
    """Return the path of `name`, relative to a data folder.

    Raises:
        BadInputError: it is in none of the data folders.
    """
    for place in data_dirs(data_dir):
        if (place / name).is_file():
            return place / name
    raise BadInputError(f"{name}: not found in `data_dir` or MMZOO_DATA_DIR")


def read_arrays(name: str, data_dir: str | Path | None) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file of a data folder."""
    with np.load(find_file(name, data_dir), allow_pickle=False) as file:
        return dict(file)


def members_of(archive: Archive, data_dir: str | Path | None) -> dict[str, bytes]:
    """Return the verified members of an archive that lies in a data folder; nothing is downloaded."""
    return read_members(find_file(f"archives/{archive.file_name}", data_dir), archive)


def jpeg(arrays: dict[str, np.ndarray], number: int, name: str = "jpg", offsets: str = "off") -> bytes:
    """Return the JPEG file of image `number` of arrays of one stream, whose common header may be apart."""
    stream, off = arrays[name], arrays[offsets]
    header = arrays["header"].tobytes() if "header" in arrays else b""
    return header + stream[off[number] : off[number + 1]].tobytes()


def png(pixels: np.ndarray) -> bytes:
    """Return pixels, uint8 `(H, W)` or `(H, W, 3)`, as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def wav(waveform: np.ndarray, rate: int) -> bytes:
    """Return a waveform, float `(T,)` in [-1, 1], as a WAV file of 16 bits."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(waveform, -1, 1), rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def numbered(name: str) -> int:
    """Return the number before the ending in the name of a file that a table names, as 7 of `photos/00007.jpg`."""
    return int(Path(name).stem)


def random_split(frame: pd.DataFrame, target: str, group: str = "") -> np.ndarray:
    """Divide rows 70 : 15 : 15, stratified by `target`; equal values of the column `group` stay together."""
    labels = frame[target].to_numpy()
    return split_rows(frame, labels if labels.dtype.kind == "f" else labels.astype(str), group=group)


def drawn(frame: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return `count` rows drawn at random by a fixed seed, in their order."""
    return frame.iloc[np.sort(np.random.default_rng(0).permutation(len(frame))[:count])].reset_index(drop=True)


def named_split(codes: np.ndarray) -> np.ndarray:
    """Return the names of the splits 0, 1 and 2."""
    return np.array(SPLITS)[codes]
