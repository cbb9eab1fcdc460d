"""Sentence embeddings: mean over BERT tokens, independent of the batch, and bad folders."""

import json
import math
import sys

import numpy as np
import pytest

from mmzoo.data.features import sentences as module
from mmzoo.data.features.sentences import FOLDER, find_model, sentence_features
from mmzoo.errors import BadInputError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "was", "great", "awful", "##ly", "!"]
SIZES = {"hidden": 8, "inner": 16, "positions": 160, "layers": 1}


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """Write a BERT of random weights, in the layout of Hugging Face, and return its folder and its weights."""
    pytest.importorskip("keras_nlp")
    numpy = pytest.importorskip("safetensors.numpy")
    folder = tmp_path_factory.mktemp("bert")
    config = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "vocab_size": len(WORDS),
        "hidden_size": SIZES["hidden"],
        "num_hidden_layers": SIZES["layers"],
        "num_attention_heads": 2,
        "intermediate_size": SIZES["inner"],
        "max_position_embeddings": SIZES["positions"],
        "type_vocab_size": 2,
        "hidden_dropout_prob": 0.1,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))
    rng, (d, f) = np.random.default_rng(0), (SIZES["hidden"], SIZES["inner"])
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), d),
        "embeddings.position_embeddings.weight": (SIZES["positions"], d),
        "embeddings.token_type_embeddings.weight": (2, d),
        "pooler.dense.weight": (d, d),
        "pooler.dense.bias": (d,),
    }
    layer = "encoder.layer.0."
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        shapes |= {f"{layer}{name}.weight": (d, d), f"{layer}{name}.bias": (d,)}
    shapes |= {f"{layer}intermediate.dense.weight": (f, d), f"{layer}intermediate.dense.bias": (f,)}
    shapes |= {f"{layer}output.dense.weight": (d, f), f"{layer}output.dense.bias": (d,)}
    for name in ("embeddings.LayerNorm", f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"):
        shapes |= {f"{name}.weight": (d,), f"{name}.bias": (d,)}
    weights = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    numpy.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder, weights


def reference(weights, ids):
    """Return the mean of the last hidden states `(d,)` of tokens `ids`, by NumPy."""

    def dense(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x, name):
        x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def gelu(x):
        return x / 2 * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))

    layer, table = "encoder.layer.0.", "embeddings.{}_embeddings.weight"
    x = weights[table.format("word")][ids] + weights[table.format("position")][: len(ids)]
    x = norm(x + weights[table.format("token_type")][0], "embeddings.LayerNorm")
    heads = [dense(x, f"{layer}attention.self.{name}").reshape(len(ids), 2, -1) for name in ("query", "key", "value")]
    scores = np.einsum("ihd,jhd->hij", heads[0], heads[1]) / np.sqrt(SIZES["hidden"] / 2)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    told = np.einsum("hij,jhd->ihd", scores / scores.sum(axis=-1, keepdims=True), heads[2]).reshape(len(ids), -1)
    x = norm(dense(told, f"{layer}attention.output.dense") + x, f"{layer}attention.output.LayerNorm")
    x = norm(
        dense(gelu(dense(x, f"{layer}intermediate.dense")), f"{layer}output.dense") + x, f"{layer}output.LayerNorm"
    )
    return x.mean(axis=0)


def test_sentence_features_equal_numpy_for_any_batch(bert):
    folder, weights = bert
    texts = ["The film was GREAT!", "awful", "", "greatly unknown film " * 100]
    ids = [[2, 5, 6, 7, 8, 11, 3], [2, 9, 3], [2, 3]]
    told = sentence_features(texts, folder)
    assert told.shape == (4, SIZES["hidden"])
    assert told.dtype == np.float32
    for row, tokens in zip(told, ids, strict=False):
        np.testing.assert_allclose(row, reference(weights, tokens), atol=2e-3)
    cut = ([8, 10, 1, 6] * 100)[: module.TOKENS - 2]
    np.testing.assert_allclose(told[3], reference(weights, [2, *cut, 3]), atol=2e-3)


def test_sentence_features_of_many_equal_each(bert):
    texts = ["great film"] * 40 + ["awful"] * 30
    told = sentence_features(texts, bert[0])
    np.testing.assert_allclose(told[:40], np.tile(told[:1], (40, 1)), atol=1e-6)
    np.testing.assert_allclose(told[-1], sentence_features(["awful"], bert[0])[0], atol=1e-5)


def test_sentence_features_bad_folder_raises(tmp_path):
    pytest.importorskip("keras_nlp")
    pytest.importorskip("safetensors")
    with pytest.raises(BadInputError, match=r"expected the files of a BERT. Received"):
        sentence_features(["a"], tmp_path)


def test_sentence_features_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_nlp", None)
    with pytest.raises(BadInputError, match=r"is not installed: pip install 'mmzoo\[text\]'"):
        sentence_features(["a"], tmp_path)


def test_find_model_searches_data_folders(tmp_path, monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    said = r"not found in `data_dir` or MMZOO_DATA_DIR: .* of huggingface.co/sentence-transformers/all-MiniLM"
    with pytest.raises(BadInputError, match=said):
        find_model(str(tmp_path))
    folder = tmp_path / FOLDER
    folder.mkdir()
    for name in module.FILES[:-1]:
        (folder / name).write_text("")
    with pytest.raises(BadInputError, match=r"Received: no model.safetensors"):
        find_model(str(tmp_path))
    (folder / module.WEIGHTS).write_bytes(b"other")
    with pytest.raises(BadInputError, match=r"model.safetensors: expected SHA-256 53aa51.*Received: d9298a10"):
        find_model(str(tmp_path))
    monkeypatch.setattr(module, "SHA256", module.hashlib.sha256(b"other").hexdigest())
    assert find_model(str(tmp_path)) == folder
    monkeypatch.setenv("MMZOO_DATA_DIR", str(tmp_path))
    assert find_model("") == folder
