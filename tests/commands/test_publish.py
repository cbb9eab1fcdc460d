"""The tables in the READMEs are those of the cards, and `--check` notices when they are not."""

from dataclasses import replace

import pytest
from json_card import card_of, change_card

from mmzoo.artifacts.card import Card
from mmzoo.commands.publish import BEGIN, END, publish
from mmzoo.errors import BadInputError
from mmzoo.metrics.classification import SUMMARY
from mmzoo.reports.write import write_card


@pytest.fixture
def root(tmp_path):
    for name, accuracy in (("b_model", 0.9), ("a_model", 0.8)):
        folder = tmp_path / "saved_models" / name
        folder.mkdir(parents=True)
        inputs = [
            {"name": "image", "shape": [1, 28, 28, 1], "dtype": "uint8"},
            {"name": "present", "shape": [1, 2], "dtype": "float32"},
        ]
        files = {f"model_{kind}.tflite": {"bytes": 123456, "sha256": "00"} for kind in ("float32", "int8")}
        card = {"recipe": name, "inputs": inputs, "labels": ["x", "y"], "parameters": 4321, "files": files}
        subsets = {"image+audio": accuracy, "image": 0.1}
        card["scores"] = {"subsets": {subset: dict.fromkeys(SUMMARY, value) for subset, value in subsets.items()}}
        card["baselines"] = {"fusion_gain": {"over": "image", "points": 6.5, "low": 5.5, "high": 7.5}}
        write_card(folder, card_of(**card))
    (tmp_path / "README.md").write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    return tmp_path


def test_tables_come_from_the_cards(root):
    saved, top = root / "saved_models" / "README.md", root / "README.md"
    assert publish(root) == [saved, top]
    lines = top.read_text().splitlines()
    assert (lines[0], lines[2], lines[-1]) == ("before", BEGIN, "after")
    assert "old" not in lines
    rows = [line for line in lines if line.startswith("| [")]
    assert [row.split("]")[0] for row in rows] == ["| [a_model", "| [b_model"]
    for fact in ("(saved_models/b_model/)", "classification", "4,321", "90.00 %", "123 / 123"):
        assert fact in rows[1]
    row = next(line for line in saved.read_text().splitlines() if line.startswith("| [b_model](b_model/)"))
    for fact in ("image uint8 28x28x1", "4,321", "123,456", "90.00 %", "+6.50 points", "GPU: not executed"):
        assert fact in row
    assert publish(root) == []


def test_check_writes_nothing_and_exits_1_on_a_difference(root, capsys, run_main):
    before = (root / "README.md").read_text()
    assert run_main("publish", "--check", "--root", root) == 1
    assert "README.md: differs from the cards" in capsys.readouterr().out
    assert (root / "README.md").read_text() == before
    assert run_main("publish", "--root", root) == 0
    assert run_main("publish", "--check", "--root", root) == 0
    for path, old, new in (
        (root / "saved_models" / "a_model" / "card.json", '"parameters": 4321', '"parameters": 4322'),
        (root / "saved_models" / "a_model" / "README.md", "image", "picture"),
    ):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        assert run_main("publish", "--check", "--root", root) == 1
        assert run_main("publish", "--root", root) == 0


RATES = {"wer": 0.031, "cer": 0.01, "exact": 0.9}
RECALLS = {"recall@1": 0.25, "recall@5": 0.5, "recall@10": 1, "median_rank": 2}
WAYS = {"text_to_image": RECALLS, "image_to_text": RECALLS}
RATES_OF_TYPES = {"seen": {"auc": 0.9, "detected": 0.5, "n": 3}}
KIND = {"kinds": RATES_OF_TYPES, "threshold": 1.5, "detected": 0.5, "false_alarms": 0.1}
AREAS = {**KIND, "auc": 0.875, "partial_auc": 0.75, "average_precision": 0.5, "odd": 0.5}


@pytest.mark.parametrize(
    ("task", "details", "said"),
    [
        ("detection", {"map50": 0.5, "map50_95": 0.2, "per_class": [], "threshold": 0.3}, "| mAP50 50.00 % |"),
        (
            "transcription",
            {"transcripts": {"as it is": {"audio+video": RATES, "audio": RATES | {"wer": 0.5}}}},
            "| word error rate 3.10 % |",
        ),
        ("retrieval", {"retrieval": WAYS}, "| recall@1 25.00 %, images by text |"),
        ("anomaly", {"anomalies": {"image": AREAS}, "normal": 6}, "| AUC 0.875 |"),
        ("pretraining", {"objective": {"loss": 1.0}}, "| 123,456 | 123,456 |  | 90 % by others |"),
    ],
)
def test_the_score_is_that_of_the_task_beside_the_published_one(root, task, details, said):
    folder = root / "saved_models" / "a_model"
    scores, data = {"n": 9, "details": details}, {"published": "90 % by others"}
    change_card(folder, task=task, scores=scores, data=data, baselines={})
    publish(root)
    row = next(
        line for line in (root / "saved_models" / "README.md").read_text().splitlines() if line.startswith("| [a_model")
    )
    assert said in row
    assert "| 90 % by others |" in row


def test_scores_are_published_without_weights(root, tmp_path_factory, run_main):
    folder = tmp_path_factory.mktemp("trained") / "mine"
    folder.mkdir()
    write_card(folder, replace(Card.read(root / "saved_models" / "a_model"), recipe="c_model"))
    for name in ("model.keras", "model_float32.tflite", "learning_curve.png"):
        (folder / name).write_bytes(b"x")
    assert run_main("publish", "--root", root, "--scores-only", folder) == 0
    out = root / "saved_models" / "c_model"
    assert {path.name for path in out.iterdir()} == {"card.json", "README.md", "learning_curve.png"}
    text = (out / "README.md").read_text()
    assert "allows only scores to be published" in text
    assert "from mmzoo.device import Runner" not in text
    assert "[c_model](saved_models/c_model/)" in (root / "README.md").read_text()
    assert run_main("publish", "--check", "--root", root) == 0
    assert run_main("publish", "--root", root, "--scores-only", root / "nothing") == 2


def test_a_further_source_of_a_recipe_has_a_folder_of_its_own(root, tmp_path_factory, run_main):
    folder = tmp_path_factory.mktemp("trained")
    write_card(folder, replace(Card.read(root / "saved_models" / "a_model"), config={"source": "seen"}))
    assert run_main("publish", "--root", root, "--scores-only", folder, "--name", "a_model_seen") == 0
    text = (root / "saved_models" / "a_model_seen" / "README.md").read_text()
    assert text.startswith("# a_model_seen\n")
    assert "`mmzoo train a_model --source seen`" in text
    assert (root / "saved_models" / "a_model" / "README.md").read_text().startswith("# a_model\n")
    rows = [line for line in (root / "README.md").read_text().splitlines() if line.startswith("| [")]
    assert [row.split("]")[0] for row in rows] == ["| [a_model", "| [a_model_seen", "| [b_model"]


def test_latency_is_relative_to_the_peer_of_the_same_run(root):
    times = {"median_ms": 0.2, "best_ms": 0.15, "peak_share": 0.8}
    threads = {"1": times | {"ratio": {"mobilenet_v3_small": {"best": 0.25, "median": 0.3}}}}
    peer = {"name": "mobilenet_v3_small", "multiply_adds": 1, "peer": True, "threads": {}}
    mine = {"name": "a/model_float32.tflite", "multiply_adds": 1, "peer": False, "threads": threads}
    machine = {"processor": "a processor", "cores": 2}
    benchmark = {"machine": machine, "runs": 20, "models": [peer, mine]}
    change_card(root / "saved_models" / "a_model", benchmark=benchmark)
    publish(root)
    a, b = (line for line in (root / "saved_models" / "README.md").read_text().splitlines() if line.startswith("| ["))
    assert a.endswith("| 0.25 |")
    assert b.endswith("|  |")


def test_no_model_yet_is_a_table_without_rows(tmp_path):
    (tmp_path / "saved_models").mkdir()
    (tmp_path / "README.md").write_text(f"{BEGIN}{END}")
    assert len(publish(tmp_path)) == 2
    assert "| model | task |" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize("text", [None, "no markers", f"{END} {BEGIN}"])
def test_a_readme_without_markers_is_one_line(root, text, capsys, run_main):
    (root / "README.md").unlink()
    if text:
        (root / "README.md").write_text(text)
    with pytest.raises(BadInputError, match="models:begin"):
        publish(root)
    assert run_main("publish", "--root", root) == 2
    assert capsys.readouterr().err.count("\n") == 1
