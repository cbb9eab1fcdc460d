"""Text to token ids, UTF-8 bytes or WordPiece, and the ways in which its words are changed in training.

Byte ids are the default: the same few lines compute them in Python and on the device, and there is no vocabulary to
ship. Words are those that `str.split` finds; every function that changes them leaves one space between two.
"""

import string
from pathlib import Path

import numpy as np

from mmzoo import BadInputError

PAD, BOS, EOS = 0, 1, 2
FIRST_BYTE = 3  # id of the byte 0
NUM_TOKENS = 260  # rows of an embedding of byte ids: 3 + 256, in a multiple of 4 for GPUs
RESERVED = ["[PAD]", "[BOS]", "[EOS]", "[UNK]"]  # the first lines of a WordPiece vocabulary: ids 0 to 3


def encode_bytes(texts, length, ends=False):
    """Turn a list of N strings into int32 ids `(N, length)`: UTF-8 bytes + 3, then 0 (padding).

    Longer texts are cut between two code points. Lone surrogates become U+FFFD, as in a browser; nothing else is
    normalized. With `ends`, as an autoregressive decoder wants it, 1 stands before the text and 2 behind it.
    Raises BadInputError where `texts` are not strings or `length` leaves no room.
    """
    room = length - 2 * ends
    if room < 1:
        raise BadInputError(f"length: expected at least {1 + 2 * ends}. Received: {length}.")
    ids = np.full((len(texts), length), PAD, np.int32)
    for row, text in zip(ids, _scalar_values(texts), strict=True):
        content = _cut(text.encode(), room)
        start = int(ends)
        row[start : start + len(content)] = np.frombuffer(content, np.uint8)
        row[start : start + len(content)] += FIRST_BYTE
        if ends:
            row[0], row[start + len(content)] = BOS, EOS
    return ids


def decode_bytes(ids):
    """Turn byte ids `(L,)` back into a string: up to the first 2, other ids that are no byte left out.

    Bytes that are not UTF-8, as a model may write them, become U+FFFD.
    """
    ids = np.asarray(ids)
    ids = ids[: np.argmax(ids == EOS)] if EOS in ids else ids
    ids = ids[(ids >= FIRST_BYTE) & (ids < FIRST_BYTE + 256)]
    return bytes((ids - FIRST_BYTE).tolist()).decode("utf-8", "replace")


def _scalar_values(texts):
    """List `texts` with surrogates paired where they are pairs, and U+FFFD where they are alone."""
    if isinstance(texts, str | bytes):
        raise BadInputError(f"texts: expected a list of strings. Received: {texts!r:.60}.")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise BadInputError(f"text {i}: expected a string. Received: {text!r:.60}.")
    return [text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for text in texts]


def _cut(content, room):
    """Keep at most `room` bytes of UTF-8, of the last code point all bytes or none."""
    if len(content) > room:
        while content[room] & 0xC0 == 0x80:  # a byte that continues the one before
            room -= 1
    return content[:room]


def swap_words(text, seed, rate=0.1):
    """Let two words drawn at random change places, once for each `rate` of the words and at least once.

    `seed` is whatever `numpy.random.default_rng` takes, a Generator too, here as in the functions below: the same
    seed gives the same text. EDA, Wei and Zou 2019, section 2 (random swap).
    """
    words, rng = text.split(), np.random.default_rng(seed)
    for _ in range(_count(words, rate) if len(words) > 1 else 0):
        i, j = rng.choice(len(words), 2, replace=False)
        words[i], words[j] = words[j], words[i]
    return " ".join(words)


def delete_words(text, seed, rate=0.1):
    """Leave out each word with probability `rate`, but never all. Wei and Zou 2019, section 2 (random deletion)."""
    words, rng = text.split(), np.random.default_rng(seed)
    _count(words, rate)
    if not words:
        return ""
    kept = rng.random(len(words)) >= rate
    kept[rng.integers(len(words))] |= not kept.any()
    return " ".join(word for word, keep in zip(words, kept, strict=True) if keep)


def insert_words(text, seed, synonyms=None, rate=0.1):
    """Put a synonym of a word of the text at a random place, once for each `rate` of the words and at least once.

    `synonyms` is as in `replace_words`; without it, the text's own words are inserted. A text of which no word has
    a synonym stays. Wei and Zou 2019, section 2 (random insertion).
    """
    words, rng = text.split(), np.random.default_rng(seed)
    known = [[word] if synonyms is None else _choices(word, synonyms) for word in words]
    known = [choices for choices in known if choices]
    for _ in range(_count(words, rate) if known else 0):
        choices = known[rng.integers(len(known))]
        words.insert(rng.integers(len(words) + 1), choices[rng.integers(len(choices))])
    return " ".join(words)


def replace_words(text, seed, synonyms, rate=0.1):
    """Replace `rate` of the words, at least one, by a synonym; words without one stay.

    `synonyms` is `{word in lower case: [others]}`. Capitals and punctuation around a word do not keep it from being
    found, and the punctuation stays. Wei and Zou 2019, section 2 (synonym replacement).
    """
    words, rng = text.split(), np.random.default_rng(seed)
    places = [i for i, word in enumerate(words) if _choices(word, synonyms)]
    for i in rng.permutation(places)[: _count(words, rate)].astype(int):
        choices = _choices(words[i], synonyms)
        core = words[i].strip(string.punctuation)
        words[i] = words[i].replace(core, choices[rng.integers(len(choices))], 1)
    return " ".join(words)


def _choices(word, synonyms):
    """List the synonyms of a word in an order that no set's hashing changes."""
    found = synonyms.get(word.strip(string.punctuation).lower(), ())
    return [found] if isinstance(found, str) else sorted(found)


def _count(words, rate):
    """Return how many of the words a `rate` in 0..1 means: none for 0, else at least one."""
    if not 0 <= rate <= 1:
        raise BadInputError(f"rate: expected 0 to 1. Received: {rate}.")
    return max(1, round(rate * len(words))) if rate else 0


def train_wordpiece(texts, vocabulary_size, path):
    """Learn a vocabulary of at most `vocabulary_size` word pieces from a list of strings, and write it to `path`.

    One piece a line, in UTF-8; the first four are `RESERVED`. Capitals do not count. WordPiece, Schuster and Nakajima
    2012, learned from the top down by tensorflow-text. Raises BadInputError where keras-nlp is not installed, or the
    size leaves no piece to learn.
    """
    keras_nlp = _keras_nlp()
    import tensorflow as tf

    if vocabulary_size <= len(RESERVED):
        raise BadInputError(f"vocabulary_size: expected over {len(RESERVED)}. Received: {vocabulary_size}.")
    texts = _scalar_values(texts)
    if not "".join(texts).split():
        raise BadInputError(f"texts: expected words. Received: {len(texts)} texts without any.")
    data = tf.data.Dataset.from_tensor_slices(texts)
    try:
        pieces = keras_nlp.tokenizers.compute_word_piece_vocabulary(
            data, vocabulary_size, lowercase=True, reserved_tokens=RESERVED
        )
    except ImportError as error:  # keras-nlp is there, tensorflow-text is not
        raise BadInputError(f"WordPiece: expected the extra: pip install 'mmzoo[text]'. Received: {error}") from None
    Path(path).write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")


class WordPiece:
    """The tokenizer of a vocabulary file as `train_wordpiece` writes it; `num_tokens` is how many ids it has.

    Raises BadInputError where the file cannot be read or begins otherwise, or keras-nlp is not installed.
    """

    def __init__(self, path):
        keras_nlp = _keras_nlp()
        try:
            pieces = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInputError(f"{path}: expected a readable vocabulary. Received: {error}") from None
        if pieces[: len(RESERVED)] != RESERVED:
            raise BadInputError(
                f"{path}: expected lines that begin with {RESERVED}. Received: {pieces[: len(RESERVED)]}"
            )
        self.num_tokens = len(pieces)
        self.tokenizer = keras_nlp.tokenizers.WordPieceTokenizer(pieces, lowercase=True)

    def encode(self, texts, length):
        """Turn a list of N strings into int32 ids `(N, length)`, cut or with 0 (padding) behind the text."""
        ids = np.full((len(texts), length), PAD, np.int32)
        if texts := _scalar_values(texts):
            for row, found in zip(ids, self.tokenizer(texts), strict=True):
                row[: len(found)] = np.asarray(found)[:length]
        return ids

    def decode(self, ids):
        """Turn ids `(L,)` back into a string of words in lower case, a space around punctuation too."""
        return str(self.tokenizer.detokenize([int(i) for i in np.asarray(ids) if i >= RESERVED.index("[UNK]")]))


def _keras_nlp():
    try:
        import keras_nlp  # several seconds, and an extra
    except ImportError as error:
        raise BadInputError(f"WordPiece: expected the extra: pip install 'mmzoo[text]'. Received: {error}") from None
    return keras_nlp
