"""What is published is what its card says, and computes what it computed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmzoo import recipes
from mmzoo.artifacts.card import Card
from mmzoo.artifacts.files import file_table
from mmzoo.artifacts.folder import ARTIFACTS
from mmzoo.artifacts.runtimes import predictor

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in (ROOT / "saved_models").glob("*/card.json"))


def cards(folders):
    return {folder: Card.read(folder) for folder in folders}


LARGER = {
    "object_detection": 17_000_000,  # golden pictures and maps
    "visual_question_answering_nlvr": 16_000_000,  # weights of sentences, and of what they ask of boxes
    "visual_question_answering_vqa_rad": 7_500_000,  # weights of 459 answers, three times, and of many filters
    "sound_events": 12_000_000,  # three Fourier transforms as matrices, in each format
}
WHOLE = [folder for folder, card in cards(FOLDERS).items() if not card.withheld]


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def published(request):
    return request.param, cards([request.param])[request.param]


def test_something_is_published():
    assert "spoken_digits" in [folder.name for folder in WHOLE]


def test_files_have_the_hashes_of_the_card_and_are_few_bytes(published):
    folder, card = published
    there = file_table(folder)
    plots = {name: file for name, file in there.items() if name.endswith(".png")}
    assert there == ({} if card.withheld else card.files) | plots
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size <= LARGER.get(folder.name, 5_000_000)


@pytest.mark.parametrize("folder", WHOLE, ids=lambda folder: folder.name)
def test_golden_tensors_in_each_format(folder):
    golden = np.load(folder / "golden.npz")
    inputs = {name[6:]: golden[name] for name in golden if name.startswith("input/")}
    outputs = [name[7:] for name in golden if name.startswith("output/")]
    for name in ARTIFACTS.values():
        if not (folder / name).exists():
            continue
        answer = predictor(folder / name)(inputs)
        for output in outputs:
            want = golden[f"output/{output}"]
            if "dynamic" not in name and "int8" not in name:
                assert np.abs(answer[output] - want).max() <= 1e-4 * np.abs(want).max(), name
            if output == "probabilities":
                same = np.mean(answer[output].argmax(axis=1) == want.argmax(axis=1))
                assert same >= 0.95, name


def test_it_was_verified_and_is_of_a_clean_commit(published):
    folder, card = published
    assert card.verification.exit_code == 0
    assert card.verification.gpu["status"] == "executed"
    assert card.environment.commit
    assert "dirty" not in card.environment.commit
    assert card.recipe in recipes.names()
    assert folder.name in (card.recipe, f"{card.recipe}_{card.config['source']}")


def test_spoken_digits_reaches_its_bars():
    card = Card.read(ROOT / "saved_models" / "spoken_digits")
    subsets, baselines = card.scores.subsets, card.baselines.unimodal
    assert (card.config["source"], card.config["pairings"]) == ("mnist_fsdd", 5)
    assert card.scores.n == 50_000
    assert subsets["image+audio"]["accuracy"] >= 0.995
    for name in ("image", "audio"):
        assert subsets[name]["accuracy"] >= baselines[name]["accuracy"] - 0.01
    hard = next(point for point in card.gain_curve["points"] if point["value"] == 0)
    assert hard["seeds"] == 5
    assert hard["gain"][0] >= 6.6
    assert len(card.gain_curve["points"]) == 5


def test_tables_are_those_of_the_cards():
    done = subprocess.run(
        [sys.executable, "-m", "mmzoo.commands.publish", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
