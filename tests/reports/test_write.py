"""Tests of the card and its README: written together or not at all, and refused before any work."""

import dataclasses

import pytest

from mmzoo.artifacts.card import Baselines, Benchmark, Card
from mmzoo.errors import BadInputError
from mmzoo.reports.write import open_to_write, write_card

CARD = Card(recipe="spoken_digits", task="classification", labels=("a", "b"))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_card_whose_readme_cannot_be_made_changes_nothing(tmp_path):
    write_card(tmp_path, CARD)
    before = contents(tmp_path)
    assert set(before) == {"card.json", "README.md"}
    broken = dataclasses.replace(CARD, seed=5, benchmark=Benchmark(machine={}, runs=3), files={"model.keras": None})
    with pytest.raises((KeyError, AttributeError, BadInputError)):
        write_card(tmp_path, broken)
    assert contents(tmp_path) == before


def test_folder_that_cannot_be_written_keeps_both(tmp_path, monkeypatch):
    write_card(tmp_path, CARD)
    before = contents(tmp_path)
    monkeypatch.setattr("mmzoo.reports.write.write_json", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_card(tmp_path, dataclasses.replace(CARD, seed=5))
    assert contents(tmp_path) == before


def test_card_of_another_shape_is_refused_before_work(tmp_path):
    write_card(tmp_path, CARD)
    open_to_write(tmp_path)
    wrong = dataclasses.replace(CARD, interrupted={"epoch": 3}, baselines=Baselines())
    wrong.write(tmp_path)
    with pytest.raises(BadInputError, match=r"card\.json: expected the values of a card. Received: KeyError") as caught:
        open_to_write(tmp_path)
    assert "\n" not in str(caught.value)
