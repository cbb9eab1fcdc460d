"""The task retrieval: recalls by their definition, references and chance, and what is shown of them."""

import numpy as np
import pytest
from epochs import small_recipe
from task_examples import cells, look_up, two, usage

from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.tasks.retrieval import RECALLS, TASK, chance, reference_scores

RNG = np.random.default_rng(0)
IDS = np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
IMAGES = RNG.normal(size=(12, 5)).astype("float32")
TEXTS = IMAGES + RNG.normal(0, 1.2, (12, 5)).astype("float32")
PREDICT = look_up(image_embedding=IMAGES, text_embedding=TEXTS)
SIMILARITY = RNG.random((12, 12))
RECIPE = small_recipe(references=lambda config: {"TF-IDF": SIMILARITY})


def cosines(queries, gallery):
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, gallery)]
    return units[0] @ units[1].T


def recall(similarity, k):
    """Return the fraction of rows with a column of the same id among the k most similar."""
    return np.mean([IDS[i] in IDS[np.argsort(-row)[:k]] for i, row in enumerate(similarity)])


@pytest.fixture(scope="module")
def scores():
    return TASK.score(PREDICT, two(IDS, recipe=RECIPE))


def test_recalls_are_their_definition(scores):
    assert scores.n == 12
    ways = {"text_to_image": cosines(TEXTS, IMAGES), "image_to_text": cosines(IMAGES, TEXTS)}
    for way, similarity in ways.items():
        for k in (1, 5, 10):
            assert scores.details["retrieval"][way][f"recall@{k}"] == pytest.approx(recall(similarity, k))
    reference = scores.details["references"]["TF-IDF"]
    assert reference["text_to_image"]["recall@5"] == pytest.approx(recall(SIMILARITY, 5))
    assert reference["image_to_text"]["recall@5"] == pytest.approx(recall(SIMILARITY.T, 5))
    assert scores.details["references"]["chance"]["text_to_image"] == chance(IDS)


def test_the_references_of_a_part_of_the_split_are_left_out():
    assert list(TASK.score(PREDICT, two(IDS, recipe=RECIPE, limit=5)).details) == ["retrieval"]


def test_quick_is_the_row_of_the_scores(scores):
    found = scores.details["retrieval"].values()
    quick = TASK.quick(PREDICT, two(IDS))
    assert quick == TASK.row(scores) == {key: np.mean([way[key] for way in found]) for key in RECALLS}
    assert TASK.compare is TASK.gain is None


def test_chance_is_what_random_orders_find():
    ids = np.array([0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8])
    rng, expected = np.random.default_rng(0), chance(ids)
    drawn = [reference_scores({"x": rng.random((12, 12))}, ids)["x"] for _ in range(600)]
    for key, value in expected.items():
        assert np.mean([s[way][key] for s in drawn for way in s]) == pytest.approx(value, abs=0.015), key
    assert chance(np.arange(4)) == pytest.approx({"recall@1": 0.25, "recall@5": 1, "recall@10": 1})


def test_the_numbers_are_shown(scores):
    text = TASK.markdown(scores, Baselines(), "")
    own, drawn = scores.details["retrieval"], scores.details["references"]["chance"]
    assert text.startswith("## Score on the test split, 12 pairs\n")
    for name, found in (("this model", own), ("chance", drawn)):
        expected = [found[way][key] for way in ("text_to_image", "image_to_text") for key in RECALLS]
        assert cells(text, name)[1:] == [f"{100 * value:.2f} %" for value in expected]
    assert f"{own['text_to_image']['median_rank']:g} for images by text" in text
    printed = TASK.table(scores)
    assert "images by text" in printed
    assert "texts by image" in printed
    expected = ["TF-IDF", *(f"{scores.details['references']['TF-IDF']['text_to_image'][key]:.4f}" for key in RECALLS)]
    assert expected in [line.split() for line in printed.splitlines()]
    assert TASK.summary(scores, Baselines()) == printed.strip("\n").splitlines()
    (line,) = TASK.lines("model.onnx", None, TASK.row(scores))
    assert line.split()[:3] == ["model.onnx", "recall@1", f"{TASK.row(scores)['recall@1']:.4f}"]
    assert TASK.headline(scores) == f"recall@1 {100 * own['text_to_image']['recall@1']:.2f} %, images by text"
    code = usage(TASK, scores)
    assert "from mmzoo.device.index import Index, find" in code
    assert 'runner = Runner("mine")' in code


def test_without_scores_nothing_is_shown():
    assert TASK.markdown(Scores(), Baselines(), "") == TASK.headline(Scores()) == ""
