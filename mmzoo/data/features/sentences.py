"""Frozen sentence embeddings of a pretrained language model.

The model is all-MiniLM-L6-v2 (Wang et al. 2020, MiniLM; trained for sentences as by Reimers and Gurevych 2019), 22.7
million parameters, Apache-2.0.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.download.archive import data_dirs
from mmzoo.errors import BadInputError

FOLDER = "all-MiniLM-L6-v2"
WEIGHTS = "model.safetensors"
FILES = ("config.json", "vocab.txt", "tokenizer_config.json", WEIGHTS)
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of WEIGHTS
SOURCE = f"{', '.join(FILES)} of huggingface.co/sentence-transformers/{FOLDER}"
WIDTH = 384
TOKENS = 128  # per sentence, including the two at its ends; longer sentences are cut
BATCH = 32


def find_model(data_dir: str) -> Path:
    """Find the folder of the model, in `data_dir` or in MMZOO_DATA_DIR.

    Raises:
        BadInputError: the folder is in neither, lacks a file, or has other weights.
    """
    places = [place / FOLDER for place in data_dirs(data_dir)]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise BadInputError(f"{FOLDER}: not found in `data_dir` or MMZOO_DATA_DIR: {SOURCE}")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise BadInputError(f"{folder}: expected {SOURCE}. Received: no {', '.join(missing)}")
    with open(folder / WEIGHTS, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise BadInputError(f"{folder / WEIGHTS}: expected SHA-256 {SHA256}. Received: {digest}")
    return folder


def sentence_features(texts: list[str], folder: str | Path) -> np.ndarray:
    """Compute sentence embeddings `(N, WIDTH)` float32.

    An embedding is the mean of the last hidden states of a BERT's tokens.

    Args:
        texts: N strings; case is ignored.
        folder: files of a BERT in the layout of Hugging Face: config.json, vocab.txt, tokenizer_config.json,
            model.safetensors.

    Raises:
        BadInputError: keras-nlp or safetensors is not installed, or the folder holds no such model.
    """
    backbone, tokenizer, pack = _load(folder)
    features = []
    for start in range(0, len(texts), BATCH):
        ids = np.asarray(pack(tokenizer([text.lower() for text in texts[start : start + BATCH]])))
        mask = (ids != tokenizer.pad_token_id).astype(np.int32)
        inputs = {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": mask}
        hidden = np.asarray(backbone(inputs, training=False)["sequence_output"])
        features.append((hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True))
    return np.concatenate(features).astype(np.float32)


def _load(folder: str | Path) -> tuple[Any, Any, Any]:
    """Load the backbone, the tokenizer and the packer of its ids."""
    try:
        import keras_nlp
        import safetensors  # noqa: F401  keras-nlp reads the weights with it and does not require it
    except ImportError as error:
        raise BadInputError(
            f"{folder}: keras-nlp or safetensors is not installed: pip install 'mmzoo[text]' ({error})"
        ) from None
    try:
        backbone = keras_nlp.models.BertBackbone.from_preset(str(folder))
        tokenizer = keras_nlp.models.BertTokenizer.from_preset(str(folder))
    except Exception as error:  # the libraries raise different types for files of no BERT
        reason = " ".join(str(error).split())[:200]
        raise BadInputError(f"{folder}: expected the files of a BERT. Received: {reason}") from None
    ends = {"start_value": tokenizer.cls_token_id, "end_value": tokenizer.sep_token_id}
    return backbone, tokenizer, keras_nlp.layers.StartEndPacker(TOKENS, pad_value=tokenizer.pad_token_id, **ends)
