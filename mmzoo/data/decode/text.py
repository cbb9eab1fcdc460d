"""Text to token ids, UTF-8 bytes or WordPiece.

Byte ids are the default: the same few lines compute them in Python and on the device, and there is no vocabulary to
ship.
"""

from pathlib import Path

import numpy as np

from mmzoo.errors import BadInputError

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
