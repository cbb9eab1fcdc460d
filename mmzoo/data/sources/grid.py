"""GRID, speaker 1, as `Sentences`: six words as "bin blue at f two now" in 3 s, with the speaker's mouth.

Cooke et al. 2006. No sentence is spoken twice, so that none of the test occurs in training.
"""

import functools
import io

import numpy as np

from mmzoo.data.batches.speech import NOISE_ROWS, Sentences, encode_sentences
from mmzoo.data.decode.audio import pink_noise
from mmzoo.data.download.archive import read_arrays
from mmzoo.errors import BadInputError

CARD = {
    "name": "GRID, speaker s1, 600 of its clips",
    "version": "96c9ef9 of SAGAR0097/LIP-READING-USING-DEEP-LEARNING-",
    "license": "research use",
    "weights_license": "research use",
    "published": "word error rate 4.8 % by LipNet from lips alone, all speakers of GRID (Assael et al. 2016)",
}
FOLDER = "arrays/grid_s1"
FILES = ("labels.npz", "audio_16k_mulaw.npz", "mouth_75x32x64_jpg.npz")
SOURCE = (
    "600 clips of GRID's speaker s1: labels.npz with text (N,) and word_times_s (N, 6, 2), audio_16k_mulaw.npz with "
    "audio (N, 48000) uint8 of mu-law, mouth_75x32x64_jpg.npz with jpg, jpg_off (N + 1,) and grid (5, 15): a gray JPEG "
    "of 75 mouths for each clip"
)
SAMPLE_RATE, SAMPLES = 16_000, 48_000
FRAMES, HEIGHT, WIDTH = 75, 32, 64
MOSAIC = (5, 15)  # mouths in the rows and columns of a JPEG
SPLITS = {"test": (0,), "validation": (1,), "train": (2, 3, 4, 5)}  # by position in the file, modulo 6


@functools.lru_cache(maxsize=3)
def grid(split, data_dir, seed):
    """Load `train` (400 sentences), `validation` (100) or `test` (100) as `Sentences`; `seed` draws the noise.

    Raises:
        BadInputError: the files are in neither `data_dir` nor MMZOO_DATA_DIR, damaged, or of other arrays.
    """
    if split not in SPLITS:
        raise BadInputError(f"split: expected one of {', '.join(SPLITS)}. Received: {split!r}.")
    labels, sound, mouths = (_arrays(name, data_dir) for name in FILES)
    rows = np.flatnonzero(np.isin(np.arange(len(labels["text"])) % 6, SPLITS[split]))
    video = np.stack([_mouths(mouths, row) for row in rows])
    audio = _linear(sound["audio"][rows])
    noise = pink_noise(NOISE_ROWS, SAMPLES, [seed, tuple(SPLITS).index(split)])
    words = np.rint(labels["word_times_s"][rows] * 100).astype(np.int32)
    return Sentences(audio, video, encode_sentences(labels["text"][rows].tolist()), noise, words)


def _linear(codes):
    """Return int16 of the bytes of a mu-law of 255, ITU-T G.711 without its segments."""
    y = codes.astype(np.float32) / 127.5 - 1
    return np.rint(np.sign(y) * (256 ** np.abs(y) - 1) / 255 * 32767).astype(np.int16)


def _mouths(arrays, row):
    """Return the 75 mouths `(75, 32, 64, 1)` of a clip."""
    from PIL import Image

    start, end = arrays["jpg_off"][row : row + 2]
    try:
        mosaic = np.asarray(Image.open(io.BytesIO(arrays["jpg"][start:end].tobytes())).convert("L"))
    except OSError as error:
        raise BadInputError(f"{FILES[2]}: clip {row}: expected a JPEG. Received: {error}") from None
    rows, columns = MOSAIC
    if mosaic.shape != (rows * HEIGHT, columns * WIDTH):
        expected = f"{columns * WIDTH} x {rows * HEIGHT} pixels"
        raise BadInputError(f"{FILES[2]}: clip {row}: expected {expected}. Received: {mosaic.shape[::-1]}")
    frames = mosaic.reshape(rows, HEIGHT, columns, WIDTH).transpose(0, 2, 1, 3)
    return frames.reshape(FRAMES, HEIGHT, WIDTH, 1)


@functools.lru_cache(maxsize=3)
def _arrays(name, data_dir):
    """Return `{array: ...}` of one of `FILES`, checked."""
    keys = {FILES[0]: ("text", "word_times_s"), FILES[1]: ("audio",), FILES[2]: ("jpg", "jpg_off", "grid")}[name]
    path, arrays = read_arrays(name, FOLDER, keys, SOURCE, data_dir)
    shapes = {"audio": (len(arrays.get("audio", ())), SAMPLES), "grid": (2,)}
    shapes["word_times_s"] = (len(arrays.get("text", ())), 6, 2)
    for key, array in arrays.items():
        if array.ndim != len(shapes.get(key, (0,))) or (key in shapes and array.shape != shapes[key]):
            raise BadInputError(f"{path}: expected {SOURCE}. Received: {key} of shape {array.shape}")
    return arrays
