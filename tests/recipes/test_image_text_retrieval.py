"""The recipe `image_text_retrieval`: its flags, its towers, and a run from training to a card and a search."""

import dataclasses

import numpy as np
import pytest
from json_card import read_card
from verified import check_verified

from mmzoo.artifacts.card import Card, embedded_values
from mmzoo.commands.evaluate import evaluate
from mmzoo.commands.train import train
from mmzoo.data.decode.text import decode_bytes, encode_bytes
from mmzoo.data.sources import captioned_shapes
from mmzoo.device import Runner
from mmzoo.device.index import Index, find
from mmzoo.device.media import text_ids
from mmzoo.errors import BadInputError
from mmzoo.metrics.retrieval import tfidf_similarity
from mmzoo.recipes import image_text_retrieval
from mmzoo.verification.tflite_file import open_file
from mmzoo.verification.verify import _score_row

TINY = image_text_retrieval.TINY


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"modalities": ("image",)}, "`modalities` must be 2 or more of image, text in this order"),
        ({"source": "icons"}, "`source` must be one of sample, lucide, fxemoji, got icons"),
        ({"objective": "triplet"}, "`objective` must be one of infonce, siglip, got triplet"),
        ({"embed_dim": 6}, "`embed_dim` must be a multiple of 4, got 6"),
        ({"width": 0}, "`width` must be a multiple of 4, got 0"),
        ({"units": 0}, "`units` must be 1 or more"),
        ({"passes": 0}, "`passes` must be 1 or more, got 0"),
        ({"dropout": 1.0}, "`dropout` must be a number from 0 to below 1, got 1.0"),
        ({"temperature": 0.0}, "`temperature` must be a number above 0"),
        ({"batch_size": 1}, "`batch_size` must be 2 or more, to compare, got 1"),
    ],
    ids=str,
)
def test_flags_that_cannot_be(flags, said):
    with pytest.raises(BadInputError, match=said):
        image_text_retrieval.Config(**flags)


@pytest.mark.parametrize("source", ["lucide", "fxemoji"])
def test_a_folder_that_is_not_there_is_named(source, tmp_path):
    config = dataclasses.replace(TINY, source=source, data_dir=str(tmp_path / "none"))
    with pytest.raises(BadInputError, match="`data_dir`: no such folder"):
        image_text_retrieval.dataset("test", config)


def test_who_is_there_has_length_one_and_who_is_missing_none():
    model = image_text_retrieval.build(TINY)
    inputs, _ = next(iter(image_text_retrieval.dataset("test", TINY)))
    inputs = {name: np.asarray(x) for name, x in inputs.items()}
    both = np.asarray(model(inputs))
    for i, there in enumerate(np.eye(2, dtype="float32")):
        alone = np.asarray(model({**inputs, "present": np.tile(there, (len(both), 1))}))
        np.testing.assert_allclose(np.linalg.norm(alone[:, i], axis=1), 1, atol=0.02)  # small before training
        np.testing.assert_allclose(alone[:, i], both[:, i], atol=1e-6)
        np.testing.assert_array_equal(alone[:, 1 - i], 0)


def test_words_are_compared_by_how_rare_their_parts_are():
    documents = ["car, vehicle", "cart, shopping", "bridge"]
    similarity = tfidf_similarity(["shopping cart", "bridges", "vehicle"], documents, documents)
    assert similarity.shape == (3, 3)
    assert similarity.argmax(axis=1).tolist() == [1, 2, 0]
    assert similarity[0, 1] > similarity[0, 0] > similarity[0, 2] == 0
    with pytest.raises(BadInputError, match="known: expected texts with words"):
        tfidf_similarity(["a"], ["a"], ["", ""])


@pytest.mark.parametrize("text", ["a red bus", "héé €\U0001f600" * 9, "\ud800", "x" * 80])
def test_the_device_encodes_texts_as_training_does(text):
    for length in (1, 5, 32):
        np.testing.assert_array_equal(text_ids(text, length), encode_bytes([text], length)[0])
        assert text_ids(text, length).dtype == np.int32


@pytest.mark.parametrize("text", ["", "  \n", None, b"bus", 5])
def test_an_empty_text_is_told_in_a_line(text):
    with pytest.raises(ValueError, match=r"text: expected a string that is not blank\. Received: ") as raised:
        text_ids(text, 8)
    assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    config = dataclasses.replace(TINY, epochs=6, learning_rate=5e-3)
    return train("image_text_retrieval", config, out=tmp_path_factory.mktemp("trained") / "finder")


def test_every_file_is_right_and_runs_on_the_gpu(folder, gpu):
    check_verified(folder, image_text_retrieval.export(TINY))


def test_the_card_tells_what_is_found(folder):
    card = read_card(folder)
    scores, count = card["scores"], len(captioned_shapes.sample("test", TINY.seed).ids)
    assert "labels" not in card
    assert scores["n"] == count
    assert set(scores["details"]["references"]) == {"TF-IDF on tags", "chance"}
    for way, scored in scores["details"]["retrieval"].items():
        by_chance = scores["details"]["references"]["chance"][way]
        assert by_chance["recall@10"] == pytest.approx(10 / count, abs=1e-4)
        assert scored["recall@10"] > 3 * by_chance["recall@10"]
        assert scores["details"]["references"]["TF-IDF on tags"][way]["recall@10"] > by_chance["recall@10"]
        assert scored["recall@1"] <= scored["recall@5"] <= scored["recall@10"]
    assert set(scores["artifacts"]) >= {"model.keras", "model_float32.tflite", "model_dynamic.tflite", "model.onnx"}
    keras = scores["artifacts"]["model.keras"]
    assert keras["recall@10"] == pytest.approx(
        np.mean([s["recall@10"] for s in scores["details"]["retrieval"].values()]), abs=1e-4
    )
    for file in ("model_float32.tflite", "saved_model", "model.onnx"):
        assert scores["artifacts"][file]["recall@10"] == pytest.approx(keras["recall@10"], abs=0.02)
    text = (folder / "README.md").read_text()
    assert f"{100 * scores['details']['retrieval']['text_to_image']['recall@5']:.2f} %" in text
    assert "| TF-IDF on tags |" in text
    assert "| chance |" in text
    assert "from mmzoo.device.index import Index, find" in text
    assert "Objective" not in text


def test_evaluate_finds_the_scores_of_the_card(folder, capsys):
    before = read_card(folder)["scores"]
    report = evaluate(folder, "float32")
    assert report["model_float32.tflite"]["recall@10"] == pytest.approx(
        before["artifacts"]["model_float32.tflite"]["recall@10"], abs=1e-3
    )
    assert "images by text" in capsys.readouterr().out
    after = read_card(folder)["scores"]
    assert after["details"] == before["details"]
    assert set(after["details"]) == {"retrieval", "references"}
    evaluate(folder, "keras", limit=20)
    said = capsys.readouterr().out
    assert "20 examples (limit): not recorded" in said
    assert "TF-IDF" not in said
    assert read_card(folder)["scores"] == after


def test_a_quantized_file_that_finds_too_little_is_wrong(folder):
    card = Card.read(folder)
    file = open_file(folder / "model_dynamic.tflite", embedded_values(card))
    best = card.scores.artifacts["model.keras"]["recall@10"]
    card.scores.artifacts["model_dynamic.tflite"]["recall@10"] = best - 0.2
    (row,) = _score_row(file, card)
    assert (row["status"], row["detail"]) == ("wrong", "20.00 points of recall@10 below model.keras")


def test_an_index_is_filled_and_searched_with_words_and_with_pictures(folder):
    runner, data = Runner(folder), captioned_shapes.sample("test", TINY.seed)
    some = np.arange(0, 60)
    rows = np.stack([runner(image=data.images[i])["image_embedding"] for i in some])
    index = Index(rows, [f"picture {i}" for i in some])
    for i in some[:5]:
        (name, cosine), *_ = find(runner, index, image=data.images[i])
        assert name == f"picture {i}"
        assert cosine == pytest.approx(1, abs=1e-5)
        words = decode_bytes(data.text[i, 0])
        found = find(runner, index, 60, text=words)
        vector = runner(text=data.text[i, 0])["text_embedding"]
        assert found == index.search(vector, 60)
        np.testing.assert_allclose([c for _, c in found], np.sort(rows @ vector)[::-1], atol=1e-3)
    assert name not in [other for other, _ in index.more_like(name)]
    assert np.abs(runner(text="a red circle")["image_embedding"]).max() == 0
    with pytest.raises(ValueError, match=r"text: expected a string that is not blank\. Received: ' '"):
        find(runner, index, text=" ")
    with pytest.raises(ValueError, match="only zeros"):
        index.search(runner(text="a red circle")["image_embedding"])
