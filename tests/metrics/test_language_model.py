"""The language model against its formula, and in the beam search against all labelings."""

import itertools

import numpy as np
import pytest

from mmzoo.metrics.decode import beam_ctc, spell
from mmzoo.metrics.language_model import END, LanguageModel, learn_language, read_language_model

TEXTS = ["ab", "abb", "b a", "a"]
LETTERS = " ab"


def witten_bell(texts, history, character, order):
    """Compute the probability of `character` after `history` by counting in the texts."""
    if order == 0:
        return 1 / (len(LETTERS) + 1)
    behind = history[len(history) - order + 1 :] if order > 1 else ""
    if order > 1 and len(history) < order - 1:
        return witten_bell(texts, history, character, order - 1)
    whole = [f"{END}{text}{END}" for text in texts]
    places = [(text, i) for text in whole for i in range(1, len(text)) if text[:i].endswith(behind)]
    followed = [text[i] for text, i in places]
    shorter = witten_bell(texts, history, character, order - 1)
    if not followed:
        return shorter
    kinds = len(set(followed))
    return (followed.count(character) + kinds * shorter) / (len(followed) + kinds)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_log_probability_formula(order):
    model = learn_language(TEXTS, LETTERS, order=order)
    for history in ("\n", "\na", "\nab", "\nba a", "\n  "):
        found = {c: np.exp(model.log_probability(history, c)) for c in (*LETTERS, END)}
        assert sum(found.values()) == pytest.approx(1)
        for character, share in found.items():
            assert share == pytest.approx(witten_bell(TEXTS, history, character, order)), (history, character)


def weighed(model, text):
    history = END
    total = 0.0
    for character in text + END:
        total += model.weight * model.log_probability(history, character) + model.bonus * (character != END)
        history += character
    return total


def test_wide_beam_adds_language_model_score():
    logits = np.random.default_rng(3).normal(0, 1.5, (5, 4))
    scores = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    model = learn_language(TEXTS, LETTERS, weight=0.7, bonus=0.4, order=3)
    heard = {tuple(labels): score for labels, score in beam_ctc(scores, width=10**6)}
    found = beam_ctc(scores, width=10**6, scorer=model.scorer())
    assert {tuple(labels) for labels, _ in found} == set(heard)
    for labels, score in found:
        assert score == pytest.approx(heard[tuple(labels)] + weighed(model, spell(labels, LETTERS)))
    order = [score for _, score in found]
    assert order == sorted(order, reverse=True)


def test_language_model_decides_between_similar_labelings():
    model = learn_language(["aba"] * 20, LETTERS, weight=1.0)
    heard = np.log([[0.02, 0.02, 0.94, 0.02], [0.1, 0.0001, 0.5, 0.3999], [0.02, 0.02, 0.94, 0.02]])
    assert spell(beam_ctc(heard)[0][0], LETTERS) == "a"
    assert spell(beam_ctc(heard, scorer=model.scorer())[0][0], LETTERS) == "aba"


def test_language_model_survives_write_and_read(tmp_path):
    model = learn_language(TEXTS, LETTERS, 0.5, 1.5)
    model.write(tmp_path / "model.json")
    again = read_language_model(tmp_path / "model.json")
    assert again == model
    assert isinstance(again, LanguageModel)
    for prefix in itertools.chain([()], itertools.product(range(1, 4), repeat=2)):
        assert again.scorer()(prefix, 2) == model.scorer()(prefix, 2)


def test_language_model_bad_input_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"texts in ' ab'. Received: 'abc'"):
        learn_language(["abc"], LETTERS)
    with pytest.raises(ValueError, match=r"order >= 1. Received: order=0"):
        learn_language(TEXTS, LETTERS, order=0)
    (tmp_path / "other.json").write_text('{"a": 1}')
    for name in ("other.json", "none.json"):
        with pytest.raises(ValueError, match=r"expected a language model. Received"):
            read_language_model(tmp_path / name)
