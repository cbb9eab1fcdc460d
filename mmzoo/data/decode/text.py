"""Text tokenization: UTF-8 byte ids or WordPiece.

Byte ids are the default: they need no vocabulary file, and their code is short and identical on the device.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from mmzoo.errors import BadInputError

PAD, BOS, EOS = 0, 1, 2
FIRST_BYTE = 3  # id of the byte 0
NUM_TOKENS = 260  # rows of an embedding of byte ids: 3 + 256, in a multiple of 4 for GPUs
RESERVED = ["[PAD]", "[BOS]", "[EOS]", "[UNK]"]  # the first lines of a WordPiece vocabulary: ids 0 to 3


def encode_bytes(texts: Sequence[str], length: int, ends: bool = False) -> np.ndarray:
    """Encode N strings as int32 byte ids `(N, length)`.

    An id is a UTF-8 byte + 3; 0 pads the end. Longer texts are cut between two code points. Lone surrogates become
    U+FFFD, as in a browser; there is no other normalization. With `ends`, for an autoregressive decoder, 1 precedes the
    text and 2 follows it.

    Raises:
        BadInputError: `texts` are not strings, or `length` leaves no room.
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


def decode_bytes(ids: np.ndarray) -> str:
    """Decode byte ids `(L,)` to a string, up to the first 2.

    Other ids that are no byte are skipped. Invalid UTF-8, possible in a model's output, becomes U+FFFD.
    """
    ids = np.asarray(ids)
    ids = ids[: np.argmax(ids == EOS)] if EOS in ids else ids
    ids = ids[(ids >= FIRST_BYTE) & (ids < FIRST_BYTE + 256)]
    return bytes((ids - FIRST_BYTE).tolist()).decode("utf-8", "replace")


def _scalar_values(texts: Sequence[str]) -> list[str]:
    """Replace lone surrogates by U+FFFD and join surrogate pairs."""
    if isinstance(texts, str | bytes):
        raise BadInputError(f"texts: expected a list of strings. Received: {texts!r:.60}.")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise BadInputError(f"text {i}: expected a string. Received: {text!r:.60}.")
    return [text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for text in texts]


def _cut(content: bytes, room: int) -> bytes:
    """Cut UTF-8 to at most `room` bytes, at a code point."""
    if len(content) > room:
        while content[room] & 0xC0 == 0x80:  # a byte that continues the one before
            room -= 1
    return content[:room]


def train_wordpiece(texts: Sequence[str], vocabulary_size: int, path: str | Path) -> None:
    """Train a WordPiece vocabulary of at most `vocabulary_size` pieces.

    WordPiece, Schuster and Nakajima 2012, learned from the top down by tensorflow-text. The file at `path` has one
    piece a line, in UTF-8; the first four are `RESERVED`. Case is ignored.

    Raises:
        BadInputError: keras-nlp is not installed, or the size leaves no piece to learn.
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
        raise BadInputError(
            f"WordPiece: keras-nlp with tensorflow-text is required: pip install 'mmzoo[text]' ({error})"
        ) from None
    Path(path).write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")


class WordPiece:
    """Tokenizer of a vocabulary file written by `train_wordpiece`.

    `num_tokens` is the number of ids.

    Raises:
        BadInputError: the file cannot be read or begins otherwise, or keras-nlp is not installed.
    """

    def __init__(self, path: str | Path) -> None:
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

    def encode(self, texts: Sequence[str], length: int) -> np.ndarray:
        """Encode N strings as int32 ids `(N, length)`, cut or padded with 0."""
        ids = np.full((len(texts), length), PAD, np.int32)
        if texts := _scalar_values(texts):
            for row, found in zip(ids, self.tokenizer(texts), strict=True):
                row[: len(found)] = np.asarray(found)[:length]
        return ids

    def decode(self, ids: np.ndarray) -> str:
        """Decode ids `(L,)` to lower-case words, with spaces around punctuation."""
        return str(self.tokenizer.detokenize([int(i) for i in np.asarray(ids) if i >= RESERVED.index("[UNK]")]))


def _keras_nlp() -> ModuleType:
    try:
        import keras_nlp  # several seconds, and an extra
    except ImportError as error:
        raise BadInputError(
            f"WordPiece: keras-nlp with tensorflow-text is required: pip install 'mmzoo[text]' ({error})"
        ) from None
    return keras_nlp
