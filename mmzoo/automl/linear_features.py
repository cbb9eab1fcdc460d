"""Features of the linear baselines, by modality."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmzoo.data.tables.split import SPLITS

Present = dict[str, np.ndarray]  # {split: bool (N,)}
Features = dict[str, Any]  # {split: dense or sparse matrix (N, F)}

# text
CHARACTERS = 1000  # characters of a text used for n-grams
TERMS = 30_000  # maximum number of words, and of character n-grams: the most frequent
RARE = 1000  # from this number of texts on, a term must occur in two
MEAN_TERMS = 1000  # terms of the mean text, which replaces an absent one
# image
LEVELS = 8  # bins of a channel's histogram
CELLS = 4  # side of the grid of mean colors
# audio
FRAME, HOP = 0.025, 0.010  # seconds
MELS, COEFFICIENTS = 40, 20
FLOOR = 1e-6  # minimum power, as in blocks/log_mel.py
BATCH = 256  # images or clips per batch


def concatenate_features(blocks: Sequence) -> Any:
    """Concatenate dense or sparse feature matrices `(N, F)` along the features."""
    from scipy import sparse

    if any(sparse.issparse(block) for block in blocks):
        return sparse.hstack([sparse.csr_matrix(block) for block in blocks], format="csr")
    return np.hstack(blocks)


def _text(texts: dict[str, list], present: Present) -> Features:
    """Compute sparse TF-IDF `(N, F)` of words and character n-grams.

    Both have norm 1.
    The n-grams have 3 to 5 characters within words.
    """
    from scipy import sparse

    given = {
        split: [text if available else "" for text, available in zip(texts[split], present[split], strict=True)]
        for split in SPLITS
    }
    if not any(text.strip() for text in given["train"]):
        return {split: sparse.csr_matrix((len(rows), 1), dtype=np.float32) for split, rows in texts.items()}
    vectorizers = _vectorizers(len(texts["train"]))
    features = {"train": concatenate_features([one.fit_transform(given["train"]) for one in vectorizers])}
    for split in SPLITS[1:]:
        features[split] = concatenate_features([one.transform(given[split]) for one in vectorizers])
    mean = np.asarray(features["train"][present["train"]].mean(axis=0)).ravel()
    mean[np.argsort(-mean, kind="stable")[MEAN_TERMS:]] = 0
    mean = sparse.csr_matrix(mean, dtype=np.float32)
    absent = {split: sparse.csr_matrix(~rows[:, None], dtype=np.float32) for split, rows in present.items()}
    return {split: (block + absent[split] @ mean).tocsr() for split, block in features.items()}


def _vectorizers(count: int) -> list[Any]:
    """Return TF-IDF vectorizers of words and character n-grams for `count` training texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    options = {"max_features": TERMS, "min_df": 2 if count >= RARE else 1, "sublinear_tf": True, "dtype": np.float32}
    words = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]+", **options)
    return [words, TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), preprocessor=_beginning, **options)]


def _beginning(text: str) -> str:
    return text[:CHARACTERS].lower()


def _standardize(features: Features, present: Present) -> Features:
    """Standardize features `(N, F)` by the available training rows.

    Absent rows become 0.
    """
    known = features["train"][present["train"]]
    known = known if len(known) else np.zeros((1, features["train"].shape[1]), np.float32)
    mean, deviation = known.mean(axis=0, dtype=np.float64), known.std(axis=0, dtype=np.float64)
    deviation[deviation < 1e-6 * np.maximum(1, np.abs(mean))] = 1
    return {
        split: np.where(present[split][:, None], (block - mean) / deviation, 0).astype(np.float32)
        for split, block in features.items()
    }


def _tabular(tables: dict[str, np.ndarray], present: Present) -> Features:
    tables = {split: np.where(np.isfinite(table), table, np.nan) for split, table in tables.items()}
    known = tables["train"][present["train"]]
    counts = np.maximum(1, np.isfinite(known).sum(axis=0))
    mean = np.nansum(known, axis=0, dtype=np.float64) / counts
    return _standardize({split: np.where(np.isnan(table), mean, table) for split, table in tables.items()}, present)


def _image(images: dict[str, Any], present: Present) -> Features:
    return _standardize({split: color_features(batch) for split, batch in images.items()}, present)


def _video(strips: dict[str, Any], present: Present) -> Features:
    return _standardize({split: frame_features(batch) for split, batch in strips.items()}, present)


def frame_features(strips: Any) -> np.ndarray:
    """Average `color_features` over the frames of strips, uint8 `(N, T*S, S, C)`.

    Frames are square. The result is float32 `(N, 24 * C)`.
    """
    side = strips.shape[2]
    parts = (strips[start : start + BATCH // 8] for start in range(0, len(strips), BATCH // 8))
    frames = ((color_features(x.reshape(-1, side, *x.shape[2:])), len(x)) for x in parts)
    return np.concatenate([found.reshape(size, -1, found.shape[1]).mean(axis=1) for found, size in frames])


def color_features(images: Any) -> np.ndarray:
    """Compute color features `(N, 24 * C)` of images `(N, H, W, C)`.

    Images are uint8, features float32.
    The features are a histogram of 8 levels per channel, with sum 1, and 4 x 4 mean colors in 0..1.
    """
    return np.concatenate([_colors(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])


def _colors(images: np.ndarray) -> np.ndarray:
    count, height, width, channels = images.shape
    levels = images.reshape(count, -1, channels) // (256 // LEVELS)
    bins = levels + np.arange(channels) * LEVELS + np.arange(count)[:, None, None] * channels * LEVELS
    histograms = np.bincount(bins.ravel(), minlength=count * channels * LEVELS) / (height * width)
    rows, columns = (np.arange(CELLS) * size // CELLS for size in (height, width))
    cells = np.add.reduceat(np.add.reduceat(images, rows, axis=1, dtype=np.float64), columns, axis=2)
    tall, wide = (np.maximum(1, np.diff(np.append(at, size))) for at, size in ((rows, height), (columns, width)))
    means = cells / (tall[:, None, None] * wide[:, None] * 255)
    return np.hstack([histograms.reshape(count, -1), means.reshape(count, -1)]).astype(np.float32)


def _audio(clips: dict[str, tuple[Any, int]], present: Present) -> Features:
    features = {}
    for split, (waveforms, rate) in clips.items():
        parts = [mfcc(waveforms[start : start + BATCH], rate) for start in range(0, len(waveforms), BATCH)]
        features[split] = np.concatenate([np.hstack([part.mean(axis=1), part.std(axis=1)]) for part in parts])
    return _standardize(features, present)


def _series(series: dict[str, Any], present: Present) -> Features:
    return _standardize({split: series_features(batch) for split, batch in series.items()}, present)


def series_features(series: Any) -> np.ndarray:
    """Compute statistics `(N, 5 * C)` of series `(N, T, C + 1)`, whose last channel is 1 for a measured step.

    Of each channel: mean, deviation, minimum, maximum and mean absolute step, over the measured steps.
    """
    return np.concatenate([_statistics(series[start : start + BATCH]) for start in range(0, len(series), BATCH)])


def _statistics(series: np.ndarray) -> np.ndarray:
    values, there = series[..., :-1].astype(np.float64), series[..., -1:] > 0.5
    count, both = np.maximum(there.sum(axis=1), 1), there[:, 1:] & there[:, :-1]
    mean = (values * there).sum(axis=1) / count
    away = np.where(there, values - mean[:, None], 0)
    steps = (np.abs(np.diff(values, axis=1)) * both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    deviation = np.sqrt(np.square(away).sum(axis=1) / count)
    return np.concatenate([mean, deviation, away.min(axis=1), away.max(axis=1), steps], axis=1).astype(np.float32)


def length(features: Any) -> float:
    """Return the root of the mean squared length of the rows of dense or sparse `features` `(N, F)`; 1 if all are 0.

    Features that are divided by it suit one strength: dense ones of images and sparse ones of texts.
    """
    if hasattr(features, "multiply"):
        squared = features.multiply(features).sum()
    else:
        squared = np.einsum("ij,ij->", features, features, dtype="float64")
    return float(np.sqrt(squared / max(1, features.shape[0]))) or 1.0


def mfcc(waveforms: np.ndarray, sample_rate: int) -> np.ndarray:
    """Compute 20 mel-frequency cepstral coefficients of waveforms `(N, T)` in [-1, 1].

    Frames of 25 ms start every 10 ms, without padding. The logarithm is natural. The formula equals `blocks/mfcc.py`,
    which needs a Keras backend.

    Returns:
        float32 `(N, frames, 20)`.
    """
    from scipy.fft import dct, rfft
    from scipy.signal.windows import hann

    length, hop = 2 * round(FRAME * sample_rate / 2), round(HOP * sample_rate)
    missing = max(0, length - waveforms.shape[1])
    waveforms = np.pad(np.asarray(waveforms, np.float32), ((0, 0), (0, missing)))
    frames = np.lib.stride_tricks.sliding_window_view(waveforms, length, axis=1)[:, ::hop]
    spectrum = rfft(frames * hann(length, sym=False).astype(np.float32))
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) / length
    energy = power @ mel_filters(sample_rate, length).astype(np.float32)
    return dct(np.log(np.maximum(energy, FLOOR)), norm="ortho")[..., :COEFFICIENTS]


def mel_filters(sample_rate: int, frame_length: int) -> np.ndarray:
    """Return a mel filter bank on Slaney's scale.

    The shape is `(frame_length // 2 + 1, 40)`.
    The filters are triangles of height 1, from 0 Hz to half the rate.
    """
    step = np.log(6.4) / 27  # logarithmic step of a mel above 1000 Hz
    top = sample_rate / 2
    highest = 15 + np.log(top / 1000) / step if top >= 1000 else top * 3 / 200
    mels = np.linspace(0, highest, MELS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * step))
    bins = np.arange(frame_length // 2 + 1)[:, None] * sample_rate / frame_length
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling))


KINDS = {"text": _text, "image": _image, "video": _video, "audio": _audio, "series": _series, "tabular": _tabular}
