"""Detection of duplicate and near-duplicate rows across the splits of a table.

With duplicates, a test score partly measures memorization. A row of validation or test is reported once, with the first
matching row of an earlier split.
"""

import hashlib
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from mmzoo.data.tables.split import SPLITS
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    from PIL.Image import Image

LIMIT = 100  # crossings listed; all are counted
PAIRS = 1 << 17  # pairs compared at a time
# images
HASH_BITS = 3  # maximum number of differing hash bits, of 64
SIDE = 8  # side of a thumbnail, pixels
STEP = 1.0  # minimum brightness step of a set hash bit, of 255: lossy compression adds less to a flat area
CONTRAST = 2.0  # minimum standard deviation of a thumbnail, of 255; flatter images match nothing
# minimum correlation of thumbnails: their difference has a tenth of their standard deviation, for spectra a twentieth
CORRELATION = {"image": 0.995, "audio": 0.999}
# texts
SIMILAR = 0.9  # minimum Jaccard index
WORDS = 3  # words per shingle
BANDS, ROWS = 12, 8  # 1 - (1 - 0.9^8)^12: one pair in 900 at 0.9 is missed
AGREEMENT = 0.8  # minimum agreement of sketches for a full comparison: 3 standard deviations below 0.9
CHUNK = 4096  # texts per chunk
MOST = 16  # maximum candidates of a text per band
TRIED = 3  # maximum candidates of a text compared in full, best agreement first
APOSTROPHES = (0x27, 0x2019)  # removed within a word
UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF))


@dataclass(frozen=True)
class Crossing:
    """Hold two rows of different splits with the same content.

    `kind` is exact, near image, near audio or near text.
    """

    kind: str
    first_row: int
    first_split: str
    second_row: int
    second_split: str


def exact_duplicates(
    digests: Sequence[bytes | None], splits: ArrayLike, limit: int = LIMIT
) -> tuple[list[Crossing], int]:
    """Find rows with equal digests across splits.

    Args:
        digests: N digests; None for missing content.
        splits: `(N,)` of `SPLITS`.
        limit: maximum number of crossings returned.

    Returns:
        up to `limit` crossings, and their total number.

    Raises:
        BadInputError: the lengths differ.
    """
    splits = _check(digests, splits)
    return _crossings("exact", _equal(digests, splits), splits, limit)


def near_duplicates(
    kind: str,
    content: Sequence,
    splits: ArrayLike,
    digests: Sequence[bytes | None] | None = None,
    limit: int = LIMIT,
) -> tuple[list[Crossing], int]:
    """Find near-duplicate rows across splits.

    Images match if 61 of the 64 bits of their hashes are equal and their thumbnails correlate; flat images never match.
    Waveforms are compared by `spectrogram_image` with a higher correlation, independent of loudness. Texts match if
    their sets of words are equal, or if their sets of three consecutive words have a Jaccard index of 0.9. Candidates
    come from MinHash with banding (Broder 1997; Leskovec, Rajaraman and Ullman 2014, section 3.4), which misses few.

    Args:
        kind: image, audio or text.
        content: N results of `fingerprint`, or N strings; None for missing content.
        splits: `(N,)` of `SPLITS`.
        digests: as for `exact_duplicates`; exact duplicates are not reported again.
        limit: maximum number of crossings returned.

    Returns:
        up to `limit` crossings, and their total number.

    Raises:
        BadInputError: the kind is unknown, or the lengths differ.
    """
    if kind not in ("image", "audio", "text"):
        raise BadInputError(f"kind: expected image, audio or text. Received: {kind}")
    splits = _check(content, splits)
    known = np.full(len(splits), -1) if digests is None else _equal(digests, _check(digests, splits))
    found = _near_texts(content, splits) if kind == "text" else _near_images(content, splits, CORRELATION[kind])
    return _crossings(f"near {kind}", np.where(known >= 0, -1, found), splits, limit)


def image_hash(image: ArrayLike) -> int:
    """Compute the 64-bit difference hash of an image, uint8 `(H, W, C)`.

    Difference hash: Krawetz 2013, "Kind of like that". A bit states whether an area of 9 x 8 is brighter than its left
    neighbor. A flat image has the hash 0.
    """
    gray = _image(image).convert("F").resize((9, 8), 4)  # 4: mean over the area
    brighter = np.diff(np.asarray(gray), axis=1) > STEP
    return int.from_bytes(np.packbits(brighter).tobytes(), "little")


def fingerprint(image: ArrayLike) -> np.ndarray:
    """Compute the fingerprint of an image, uint8 `(H, W, C)`, for `near_duplicates`.

    Returns:
        uint8 `(200,)`: hash and thumbnail.
    """
    thumbnail = np.asarray(_image(image).convert("RGB").resize((SIDE, SIDE), 4))
    return np.frombuffer(image_hash(image).to_bytes(8, "little") + thumbnail.tobytes(), np.uint8)


def words_of(text: str) -> list[str]:
    """List the words of a text, case-folded and without punctuation.

    In a script without spaces, each character is a word.
    """
    return unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN).split()


class _Plain(dict):
    """Map code points to their replacements in text comparison, filled on demand."""

    def __missing__(self, code: int) -> str:
        category = unicodedata.category(chr(code))
        if category == "Cf" or code in APOSTROPHES:
            plain = ""
        elif category[0] in "PZC":
            plain = " "
        else:
            plain = f" {chr(code)} " if any(low <= code <= high for low, high in UNSPACED) else chr(code)
        self[code] = plain
        return plain


_PLAIN = _Plain()


def _image(image: ArrayLike) -> "Image":
    from PIL import Image

    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or not image.size:
        raise BadInputError(f"image: expected uint8 (H, W, 1 or 3). Received: {image.dtype} {image.shape}")
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _check(content: Sequence, splits: ArrayLike) -> np.ndarray:
    splits = np.asarray(splits)
    if splits.ndim != 1 or len(content) != len(splits):
        raise BadInputError(f"splits: expected one for each of {len(content)} rows. Received: shape {splits.shape}")
    if unknown := sorted(set(splits.tolist()) - set(SPLITS)):
        raise BadInputError(f"splits: expected {', '.join(SPLITS)}. Received: {unknown[0]}")
    return splits


def _crossings(kind: str, found: np.ndarray, splits: np.ndarray, limit: int) -> tuple[list[Crossing], int]:
    rows = np.flatnonzero(found >= 0)
    listed = [Crossing(kind, int(found[r]), str(splits[found[r]]), int(r), str(splits[r])) for r in rows[:limit]]
    return listed, len(rows)


def _equal(keys: Sequence, splits: np.ndarray) -> np.ndarray:
    """Return each row's first match in earlier splits, or -1.

    None never matches.
    """
    found, seen = np.full(len(keys), -1), {}
    for split in SPLITS:
        rows = np.flatnonzero(splits == split).tolist()
        for row in rows:
            if keys[row] is not None:
                found[row] = seen.get(keys[row], -1)
        for row in rows:
            seen.setdefault(keys[row], row)
    return found


def _sides(splits: np.ndarray, usable: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the usable rows of earlier splits and of the next split."""
    for i in (1, 2):
        earlier = np.concatenate([np.flatnonzero((splits == split) & usable) for split in SPLITS[:i]])
        later = np.flatnonzero((splits == SPLITS[i]) & usable)
        if len(earlier) and len(later):
            yield earlier, later


def _candidates(earlier: np.ndarray, later: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield row pairs of `(E, bands)` and `(L, bands)` with equal keys.

    There are up to `most` pairs for each later row and band.
    """
    for band in range(earlier.shape[1]):
        order = np.argsort(earlier[:, band], kind="stable")
        keys = earlier[order, band]
        low = np.searchsorted(keys, later[:, band], "left")
        counts = np.minimum(np.searchsorted(keys, later[:, band], "right") - low, most)
        ends = np.cumsum(counts)
        start, before = 0, 0
        while start < len(counts):
            stop = max(start + 1, np.searchsorted(ends, before + PAIRS, "right"))
            j = np.repeat(np.arange(start, stop), counts[start:stop])
            nth = np.arange(before, ends[stop - 1]) - (ends - counts)[j]
            yield order[low[j] + nth], j
            start, before = stop, ends[stop - 1]


def _near_images(prints: Sequence[np.ndarray | None], splits: np.ndarray, correlation: float) -> np.ndarray:
    usable = np.array([p is not None for p in prints])
    both = np.zeros((len(prints), 8 + 3 * SIDE**2), np.uint8)
    for row in np.flatnonzero(usable):
        both[row] = prints[row]
    hashes = np.ascontiguousarray(both[:, :8])
    thumbnails = both[:, 8:].astype(np.float32)
    thumbnails -= thumbnails.mean(axis=1, keepdims=True)
    length = np.linalg.norm(thumbnails, axis=1, keepdims=True)
    usable &= length[:, 0] >= CONTRAST * np.sqrt(thumbnails.shape[1])
    thumbnails /= np.maximum(length, 1)
    # two hashes with at most 3 differing bits are equal in at least one of four bands
    bands, hashes = hashes.view(np.uint16), hashes.view(np.uint64)[:, 0]
    found = np.full(len(prints), -1)
    for earlier, later in _sides(splits, usable):
        for i, j in _candidates(bands[earlier], bands[later], len(earlier)):
            i, j = earlier[i], later[j]
            near = (found[j] < 0) & (_count_bits(hashes[i] ^ hashes[j]) <= HASH_BITS)
            i, j = i[near], j[near]
            near = np.einsum("pd,pd->p", thumbnails[i], thumbnails[j]) >= correlation
            second, nth = np.unique(j[near], return_index=True)
            found[second] = i[near][nth]
    return found


def _count_bits(words: np.ndarray) -> np.ndarray:
    """Count the set bits of uint64 values.

    NumPy 1 has no bitwise_count.
    Population count: Warren 2002, Hacker's Delight, section 5-1.
    """
    words = words - ((words >> 1) & 0x5555555555555555)
    words = (words & 0x3333333333333333) + ((words >> 2) & 0x3333333333333333)
    words = (words + (words >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (words * np.uint64(0x0101010101010101)) >> 56


def _near_texts(texts: Sequence[str | None], splits: np.ndarray) -> np.ndarray:
    keys, long = [None] * len(texts), np.zeros(len(texts), bool)
    bands, sketches = np.zeros((len(texts), BANDS), np.uint64), np.zeros((len(texts), BANDS * ROWS), np.uint8)
    for start in tqdm(range(0, len(texts), CHUNK), "comparing texts", delay=5, mininterval=1):
        given = ((row, texts[row]) for row in range(start, min(start + CHUNK, len(texts))))
        lists = {row: words_of(text) for row, text in given if text}
        for row, words in lists.items():
            joined = " ".join(sorted(set(words))).encode("utf-8", "surrogatepass")
            keys[row] = hashlib.blake2b(joined, digest_size=16).digest() if words else None
        rows = [row for row, words in lists.items() if len(words) >= WORDS]
        if rows:
            long[rows] = True
            bands[rows], sketches[rows] = _sketch([lists[row] for row in rows])
    found = _equal(keys, splits)
    for earlier, later in _sides(splits, long):
        later = later[found[later] < 0]
        tried = []
        for i, j in _candidates(bands[earlier], bands[later], MOST):
            agree = (sketches[earlier[i]] == sketches[later[j]]).sum(axis=1)
            near = agree >= AGREEMENT * BANDS * ROWS
            tried.append(np.stack([later[j[near]], -agree[near], earlier[i[near]]], axis=1).astype(np.int32))
        _compare(texts, np.unique(np.concatenate(tried), axis=0) if tried else [], found)
    return found


def _compare(texts: Sequence[str | None], tried: ArrayLike, found: np.ndarray) -> None:
    """Write similar pairs into `found`, from sorted candidates `(later, -agreement, earlier)`.

    Up to TRIED candidates of a text are compared, and the first similar one counts.
    """
    last, count = -1, 0
    for second, _, first in np.asarray(tried).tolist():
        count = count + 1 if second == last else 1
        last = second
        if found[second] < 0 and count <= TRIED:
            one, other = _shingles(texts[first]), _shingles(texts[second])
            if len(one & other) >= SIMILAR * len(one | other):
                found[second] = first


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return set(zip(*(words[k:] for k in range(WORDS)), strict=False))


def _mix(words: np.ndarray) -> np.ndarray:
    """Hash uint64 values with the last step of SplitMix64.

    SplitMix64: Steele, Lea and Flood 2014, figure 17.
    """
    words = (words ^ (words >> 30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> 27)) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> 31)


def _sketch(lists: Sequence[list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Compute MinHash sketches of n lists of at least 3 words.

    Returns:
        band keys, uint64 `(n, BANDS)`, and one byte of each minimum, uint8 `(n, BANDS * ROWS)`.
    """
    lengths = np.array([len(words) for words in lists])
    ids = np.array([zlib.crc32(w.encode("utf-8", "surrogatepass")) for words in lists for w in words], np.uint64)
    shingles = np.zeros(len(ids) - WORDS + 1, np.uint64)
    for k in range(WORDS):
        shingles = _mix(shingles + ids[k : len(ids) - WORDS + 1 + k])
    first = np.cumsum(lengths) - lengths
    inside = np.arange(len(shingles)) - np.repeat(first, lengths)[: len(shingles)]
    shingles = shingles[inside <= np.repeat(lengths, lengths)[: len(shingles)] - WORDS]
    starts = np.cumsum(lengths - WORDS + 1) - (lengths - WORDS + 1)
    factors, offsets = np.random.default_rng(0).integers(0, 2**64, (2, BANDS * ROWS), np.uint64)
    lows = [np.minimum.reduceat(shingles * f + o, starts) for f, o in zip(factors | 1, offsets, strict=True)]
    bands = np.zeros((len(lists), BANDS), np.uint64)
    for k, low in enumerate(lows):
        bands[:, k // ROWS] = _mix(bands[:, k // ROWS] + low)
    return bands, np.stack([(_mix(low) >> 56).astype(np.uint8) for low in lows], axis=1)
