"""Tests of duplicate detection across splits: equal bytes, near-duplicate images and texts."""

import hashlib
import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmzoo.data.tables.duplicates import (
    SPLITS,
    Crossing,
    exact_duplicates,
    fingerprint,
    image_hash,
    near_duplicates,
    words_of,
)
from mmzoo.errors import BadInputError

WORDS = [f"word{i}" for i in range(3000)]


def digest(text):
    return None if text is None else hashlib.sha256(text.encode()).digest()


def rows(found):
    return {(c.first_row, c.second_row) for c in found[0]}


def photo(rng, size=64):
    """Return a smooth image, uint8 `(size, size, 3)`, determined by the numbers."""
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3)).astype(np.uint8))
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))


def near_pictures(images, splits, **how):
    return near_duplicates("image", [None if image is None else fingerprint(image) for image in images], splits, **how)


class TestExact:
    def test_repeated_row_is_reported_once(self):
        content = ["a", "b", "a", "a", "b", None, None, "c", "c", "a"]
        splits = ["train", "test", "validation", "test", "validation", "train", "test", "train", "train", "train"]
        found, total = exact_duplicates([digest(c) for c in content], splits)
        assert total == 3
        assert found == [
            Crossing("exact", 4, "validation", 1, "test"),
            Crossing("exact", 0, "train", 2, "validation"),
            Crossing("exact", 0, "train", 3, "test"),
        ]

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from([*"abcdef", None]), st.sampled_from(SPLITS)), max_size=40))
    def test_equals_pairwise_comparison(self, table):
        content, splits = [c for c, _ in table], [s for _, s in table]
        expected = set()
        for row, (c, s) in enumerate(table):
            before = [
                i
                for split in SPLITS[: SPLITS.index(s)]
                for i in range(len(table))
                if splits[i] == split and c == content[i]
            ]
            if c is not None and before:
                expected.add((before[0], row))
        found = exact_duplicates([digest(c) for c in content], splits)
        assert rows(found) == expected
        assert found[1] == len(expected)

    def test_limit_lists_fewer_and_counts_all(self):
        found, total = exact_duplicates([b"x"] * 10, ["train"] * 3 + ["test"] * 7, limit=2)
        assert [c.second_row for c in found] == [3, 4]
        assert total == 7

    def test_bad_arguments_raise(self):
        with pytest.raises(BadInputError, match="expected one for each of 2 rows"):
            exact_duplicates([b"x"] * 2, ["train"])
        with pytest.raises(BadInputError, match="Received: dev"):
            exact_duplicates([b"x"] * 2, ["train", "dev"])
        with pytest.raises(BadInputError, match=r"kind: expected image, audio or text. Received: sound"):
            near_duplicates("sound", [None], ["train"])


class TestPictures:
    def test_hash_equals_manual_bits(self):
        steps = np.zeros((8, 9), np.uint8)
        steps[0] = [0, 9, 9, 20, 30, 20, 10, 11, 13]  # one more is no step, two are
        steps[7, 8] = 50
        image = np.kron(steps, np.ones((5, 4), np.uint8))[..., None]
        packed = np.packbits([[1, 0, 1, 1, 0, 0, 0, 1], *[[0] * 8] * 6, [0] * 7 + [1]])
        assert image_hash(image) == int.from_bytes(packed.tobytes(), "little")
        assert image_hash(np.repeat(image, 3, axis=2)) == image_hash(image)

    @pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200, 1), (28, 28, 1), (301, 7, 3)])
    def test_hash_any_size_is_64_bits(self, shape):
        image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        assert 0 <= image_hash(image) < 2**64
        assert (fingerprint(image).shape, fingerprint(image).dtype) == ((200,), np.uint8)

    @pytest.mark.parametrize("image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((8, 8, 4), np.uint8)])
    def test_hash_bad_image_raises(self, image):
        with pytest.raises(BadInputError, match=r"expected uint8 \(H, W, 1 or 3\)"):
            image_hash(image)

    def test_changed_copies_match(self):
        rng = np.random.default_rng(0)
        originals = [photo(rng) for _ in range(40)]
        changed = []
        for i, image in enumerate(originals[:30]):
            picture = Image.fromarray(image)
            if i % 3 == 0:
                file = io.BytesIO()
                picture.save(file, "JPEG", quality=50)
                picture = Image.open(file)
            elif i % 3 == 1:
                picture = picture.resize((45, 52), Image.Resampling.BILINEAR)
            else:
                picture = picture.point(lambda value: value * 0.9)
            changed.append(np.asarray(picture))
        order = rng.permutation(30)
        images = [*originals, None, *[changed[i] for i in order], *[photo(rng) for _ in range(20)], None]
        splits = ["train"] * 20 + ["validation"] * 21 + ["test"] * 51
        found = near_pictures(images, splits)
        assert rows(found) == {(int(i), 41 + place) for place, i in enumerate(order)}
        assert {c.kind for c in found[0]} == {"near image"}

    def test_any_equal_band_gives_match(self):
        prints = np.tile(fingerprint(photo(np.random.default_rng(0))), (5, 1))
        for band in range(4):  # three bits away, one in each of the other bands
            for other in set(range(4)) - {band}:
                prints[1 + band, 2 * other] ^= 1 << other
        splits = ["train", "test", "test", "test", "test"]
        assert rows(near_duplicates("image", list(prints), splits)) == {(0, row) for row in range(1, 5)}
        prints[1, 0] ^= 1 << 7  # a fourth
        assert rows(near_duplicates("image", list(prints), splits)) == {(0, row) for row in range(2, 5)}

    def test_equals_pairwise_comparison(self, monkeypatch):
        monkeypatch.setattr("mmzoo.data.tables.duplicates.PAIRS", 100)  # many chunks
        rng = np.random.default_rng(1)
        base = np.stack([fingerprint(photo(rng)) for _ in range(6)])
        prints = base[rng.integers(0, 6, 300)]
        flips = rng.random((300, 64)) < 0.03
        prints[:, :8] ^= np.packbits(flips, axis=1)
        prints[:, 8:] = np.clip(prints[:, 8:] + rng.normal(0, 4, (300, 192)), 0, 255)
        splits = rng.choice(SPLITS, 300)
        bits = np.unpackbits(prints[:, :8], axis=1)
        close = (bits[:, None] != bits).sum(axis=-1) <= 3
        close &= np.corrcoef(prints[:, 8:].astype(float)) >= 0.995
        rank = np.array([SPLITS.index(s) for s in splits])
        close &= rank[None] < rank[:, None]
        assert 50 < close.any(axis=1).sum() < 150
        found, total = near_duplicates("image", list(prints), splits, limit=1000)
        assert total == close.any(axis=1).sum()
        assert all(close[c.second_row, c.first_row] for c in found)

    def test_flat_images_do_not_match(self):
        rng = np.random.default_rng(0)
        flat = [np.full((32, 32, 3), level, np.uint8) for level in (0, 0, 128, 255)]
        noisy = [np.clip(200 + rng.normal(0, 3, (32, 32, 3)), 0, 255).astype(np.uint8) for _ in range(6)]
        # a wall that is a little brighter at one side, with a grain of dust that is elsewhere in each
        wall = np.broadcast_to(np.linspace(200, 205, 32)[:, None, None], (32, 32, 3)).astype(np.uint8)
        noisy[-4:] = [wall.copy() for _ in range(4)]
        for i in range(4):
            noisy[-1 - i][5 * i, 7 * i] = 196
        splits = ["train", "test"] * 5
        assert near_pictures([*flat, *noisy], splits) == ([], 0)
        assert image_hash(flat[2]) == 0
        digests = [digest(image.tobytes().decode("latin1")) for image in [*flat, *noisy]]
        assert rows(exact_duplicates(digests, splits)) == {(0, 1)}

    def test_small_objects_on_black_do_not_match(self):
        """Check that thumbnails decide: the hashes have few set bits and often differ in at most three."""
        from sklearn.datasets import load_digits

        images = [np.asarray(image * 15, np.uint8)[..., None] for image in load_digits().images[:600]]
        splits = ["train"] * 400 + ["test"] * 200
        assert near_pictures(images, splits)[1] == 0
        assert near_pictures([*images[:599], images[7]], splits)[1] == 1

    def test_exact_duplicates_are_not_repeated(self):
        image = photo(np.random.default_rng(0))
        softer = (image * 0.95).astype(np.uint8)
        digests = [b"1", b"1", b"2", None]
        found = near_pictures([image, image, softer, softer], ["train", "validation", "test", "test"], digests=digests)
        assert rows(found) == {(0, 2), (0, 3)}


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("  Hello,\n WORLD!! ", "hello world"),
            ("don't — Don\u2019t", "dont dont"),
            ("straße STRASSE", "strasse strasse"),
            ("ﬁne\u200b x\ufeffy", "fine xy"),
            ("well-known (2.5)", "well known 2 5"),
            ("日本語です。", "日 本 語 で す"),
            ("कि का", "कि का"),  # vowel signs are no punctuation
            ("C++ 😀", "c++ 😀"),
            ("...!?", ""),
        ],
    )
    def test_words_of_are_normalized(self, text, words):
        assert words_of(text) == words.split()

    def test_case_punctuation_and_order_are_ignored(self):
        texts = ["Good dog!", "good  DOG", "dog, good", "Good cat", "", "...", "!!", None, "good dog good"]
        splits = ["train", "validation", "test", "test", "train", "train", "test", "test", "test"]
        found, total = near_duplicates("text", texts, splits)
        assert rows((found, total)) == {(0, 1), (0, 2), (0, 8)}
        assert total == 3
        assert found[0] == Crossing("near text", 0, "train", 1, "validation")

    def jaccard(self, one, other):
        one, other = ({tuple(t.split()[i : i + 3]) for i in range(len(t.split()) - 2)} for t in (one, other))
        return len(one & other) / len(one | other)

    def test_only_planted_pairs_match(self):
        rng = np.random.default_rng(0)
        texts = [" ".join(rng.choice(WORDS, rng.integers(30, 120))) for _ in range(600)]
        expected = set()
        for row in range(400, 600):  # of these, words are changed at the end: more and more
            words = texts[row - 400].split()
            words[len(words) - row % 9 :] = rng.choice(WORDS, row % 9)
            texts[row] = " ".join(words)
            if self.jaccard(texts[row], texts[row - 400]) >= 0.9:
                expected.add((row - 400, row))
        splits = ["train"] * 300 + ["validation"] * 100 + ["test"] * 200
        found, total = near_duplicates("text", texts, splits, limit=1000)
        assert 80 < len(expected) < 190
        assert rows((found, total)) == expected
        assert total == len(expected)

    def test_one_more_word_matches_half_a_text_does_not(self):
        stem = [f"this is part {i} of a long notice" for i in range(12)]
        one, other = " ".join(stem), " ".join([*stem, "end"])
        half = " ".join([*stem[:6], *(f"something else stands at place {i}" for i in range(6))])
        assert rows(near_duplicates("text", [one, other, half], ["train", "test", "test"])) == {(0, 1)}

    def test_chunk_size_has_no_effect(self, monkeypatch):
        rng = np.random.default_rng(2)
        texts = [" ".join(rng.choice(WORDS, n)) for n in rng.integers(0, 60, 200)]
        texts[150:] = [text + " more" for text in texts[:50]]
        splits = rng.choice(SPLITS, 200)
        whole = near_duplicates("text", texts, splits)
        monkeypatch.setattr("mmzoo.data.tables.duplicates.CHUNK", 7)
        monkeypatch.setattr("mmzoo.data.tables.duplicates.PAIRS", 3)
        assert near_duplicates("text", texts, splits) == whole
        assert whole[1] > 5

    def test_long_template_texts_are_fast(self):
        rng = np.random.default_rng(0)
        form = (
            "the product numbered {} of the color {} is on sale for {} coins and is shipped to all places that you name"
        )
        texts = [form.format(*rng.integers(0, 1000, 3)) for _ in range(10_000)]
        began = time.process_time()
        found, _ = near_duplicates("text", texts, rng.choice(SPLITS, 10_000))
        assert time.process_time() - began < 10
        pairs = [(texts[c.first_row], texts[c.second_row]) for c in found]
        assert all(self.jaccard(*pair) >= 0.9 or set(pair[0].split()) == set(pair[1].split()) for pair in pairs)

    def test_exact_duplicates_are_not_repeated(self):
        texts = ["a b c", "a b c", "A, b, c"]
        found = near_duplicates("text", texts, ["train", "test", "test"], digests=[digest(t) for t in texts])
        assert rows(found) == {(0, 2)}

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.one_of(st.none(), st.text(max_size=40)), min_size=1, max_size=12))
    def test_any_text_is_accepted(self, texts):
        splits = ["train"] * len(texts) + ["test"] * len(texts)
        _, total = near_duplicates("text", texts + texts, splits)
        assert total == sum(bool(text and words_of(text)) for text in texts)

    def test_lone_surrogates_are_accepted(self):
        assert near_duplicates("text", ["a \ud800 b c"] * 2, ["train", "test"])[1] == 1
