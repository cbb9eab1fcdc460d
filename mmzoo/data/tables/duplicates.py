"""Rows of a table whose content, or nearly it, is in two splits: what a test then measures is memory.

A row of validation or test is reported once, with the first row of the splits before it that holds the same.
"""

import hashlib
import unicodedata
import zlib
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from mmzoo.data.tables.split import SPLITS
from mmzoo.errors import BadInputError

LIMIT = 100  # crossings listed, all are counted
PAIRS = 1 << 17  # compared at a time
# of pictures
HASH_BITS = 3  # of 64 that may differ
SIDE = 8  # pixels of a thumbnail
STEP = 1.0  # of 255, by which a neighbor is brighter: less is what a lossy format adds to a flat area
CONTRAST = 2.0  # deviation of a thumbnail, of 255, below which a picture is flat and like nothing
# of thumbnails: their difference has a tenth of their deviation; of spectra, which are more alike, a twentieth
CORRELATION = {"image": 0.995, "audio": 0.999}
# of texts
SIMILAR = 0.9  # Jaccard
WORDS = 3  # in a shingle
BANDS, ROWS = 12, 8  # 1 - (1 - 0.9^8)^12: one pair in 900 at 0.9 is overlooked
AGREEMENT = 0.8  # of sketches, below which two texts are not compared: 3 deviations under 0.9
CHUNK = 4096  # texts
MOST = 16  # candidates of a text in a band
TRIED = 3  # candidates of a text that are compared in full, the most promising
APOSTROPHES = (0x27, 0x2019)  # within a word
UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF))


@dataclass(frozen=True)
class Crossing:
    """Two rows of different splits with the same content; `kind` is exact, near image, near audio or near text."""

    kind: str
    first_row: int
    first_split: str
    second_row: int
    second_split: str


def exact_duplicates(digests, splits, limit=LIMIT):
    """Return up to `limit` `Crossing`s of rows of one digest, and how many there are.

    `digests` has bytes for each of N rows, or None where there is no content; `splits` `(N,)` is of `SPLITS`.
    """
    splits = _check(digests, splits)
    return _crossings("exact", _equal(digests, splits), splits, limit)


def near_duplicates(kind, content, splits, digests=None, limit=LIMIT):
    """Return up to `limit` `Crossing`s of rows that are nearly the same, and how many there are.

    Pictures are so where 61 of the 64 bits of their hashes are equal and their thumbnails correlate; flat ones never.
    Sounds are compared by `sound_picture`, whose thumbnails are to correlate more; how loud they are does not count.
    Texts are where their sets of words are equal, or the sets of three words in a row have a Jaccard index of 0.9:
    MinHash with bands (Broder 1997; Leskovec, Rajaraman and Ullman 2014, section 3.4), which overlooks few.

    Args:
        kind: image, audio or text.
        content: N of what `fingerprint` returns, or N strings; None where there is none.
        splits: `(N,)` of `SPLITS`.
        digests: as for `exact_duplicates`; rows that it finds are not reported again.

    Raises:
        BadInputError: another kind, or lengths that differ.
    """
    if kind not in ("image", "audio", "text"):
        raise BadInputError(f"kind: expected image, audio or text. Received: {kind}")
    splits = _check(content, splits)
    known = np.full(len(splits), -1) if digests is None else _equal(digests, _check(digests, splits))
    found = _near_texts(content, splits) if kind == "text" else _near_images(content, splits, CORRELATION[kind])
    return _crossings(f"near {kind}", np.where(known >= 0, -1, found), splits, limit)


def picture_hash(image):
    """Return 64 bits of a picture uint8 `(H, W, C)`, as an int: which of 9 x 8 areas are brighter than their left one.

    The difference hash of Krawetz 2013, "Kind of like that". One of a flat picture is 0.
    """
    gray = _picture(image).convert("F").resize((9, 8), 4)  # 4: mean over the area
    brighter = np.diff(np.asarray(gray), axis=1) > STEP
    return int.from_bytes(np.packbits(brighter).tobytes(), "little")


def fingerprint(image):
    """Return what `near_duplicates` compares of a picture uint8 `(H, W, C)`: uint8 `(200,)`, hash and thumbnail."""
    thumbnail = np.asarray(_picture(image).convert("RGB").resize((SIDE, SIDE), 4))
    return np.frombuffer(picture_hash(image).to_bytes(8, "little") + thumbnail.tobytes(), np.uint8)


def words_of(text):
    """List the words of a text without case, marks and spaces; a character of a script without spaces is a word."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN).split()


class _Plain(dict):
    """Of each code point, filled as they come: what stands for it when texts are compared."""

    def __missing__(self, code):
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


def _picture(image):
    from PIL import Image

    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or not image.size:
        raise BadInputError(f"image: expected uint8 (H, W, 1 or 3). Received: {image.dtype} {image.shape}")
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _check(content, splits):
    splits = np.asarray(splits)
    if splits.ndim != 1 or len(content) != len(splits):
        raise BadInputError(f"splits: expected one for each of {len(content)} rows. Received: shape {splits.shape}")
    if strange := sorted(set(splits.tolist()) - set(SPLITS)):
        raise BadInputError(f"splits: expected {', '.join(SPLITS)}. Received: {strange[0]}")
    return splits


def _crossings(kind, found, splits, limit):
    rows = np.flatnonzero(found >= 0)
    listed = [Crossing(kind, int(found[r]), str(splits[found[r]]), int(r), str(splits[r])) for r in rows[:limit]]
    return listed, len(rows)


def _equal(keys, splits):
    """Return for each row the first row of the splits before its own that has its key, or -1; None equals nothing."""
    found, seen = np.full(len(keys), -1), {}
    for split in SPLITS:
        rows = np.flatnonzero(splits == split).tolist()
        for row in rows:
            if keys[row] is not None:
                found[row] = seen.get(keys[row], -1)
        for row in rows:
            seen.setdefault(keys[row], row)
    return found


def _sides(splits, usable):
    """Yield rows of earlier splits and rows of the next one, those that can be compared."""
    for i in (1, 2):
        earlier = np.concatenate([np.flatnonzero((splits == split) & usable) for split in SPLITS[:i]])
        later = np.flatnonzero((splits == SPLITS[i]) & usable)
        if len(earlier) and len(later):
            yield earlier, later


def _candidates(earlier, later, most):
    """Yield arrays of pairs of rows of keys `(E, bands)` and `(L, bands)` that share a key of one band.

    Of each later row and band up to `most`.
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


def _near_images(prints, splits, correlation):
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
    # two hashes that differ in 3 bits are equal in one of their four bands
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


def _count_bits(words):
    """Count the ones of uint64 (Warren 2002, Hacker's Delight, section 5-1); NumPy 1 has no bitwise_count."""
    words = words - ((words >> 1) & 0x5555555555555555)
    words = (words & 0x3333333333333333) + ((words >> 2) & 0x3333333333333333)
    words = (words + (words >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (words * np.uint64(0x0101010101010101)) >> 56


def _near_texts(texts, splits):
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


def _compare(texts, tried, found):
    """Write into `found` the first of the best pairs `(later, -agreement, earlier)`, sorted, that is similar."""
    last, count = -1, 0
    for second, _, first in np.asarray(tried).tolist():
        count = count + 1 if second == last else 1
        last = second
        if found[second] < 0 and count <= TRIED:
            one, other = _shingles(texts[first]), _shingles(texts[second])
            if len(one & other) >= SIMILAR * len(one | other):
                found[second] = first


def _shingles(text):
    words = words_of(text)
    return set(zip(*(words[k:] for k in range(WORDS)), strict=False))


def _mix(words):
    """Spread uint64 over all 64 bits; the last step of SplitMix64, Steele, Lea and Flood 2014, figure 17."""
    words = (words ^ (words >> 30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> 27)) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> 31)


def _sketch(lists):
    """Return of n lists of 3 words or more uint64 `(n, BANDS)`, equal where bands are, and one byte of each minimum."""
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
