"""The report of `mmzoo fit`: its sums, what it escapes, and that it holds everything itself."""

import csv
import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_card import card_of

from mmzoo.data.presence import present_patterns
from mmzoo.data.tables.features import Category, Number
from mmzoo.data.tables.read import read_table
from mmzoo.experiment import Experiment
from mmzoo.metrics.calibration import confidence_bins, expected_calibration_error
from mmzoo.reports.html.classification import mistakes, parts
from mmzoo.reports.html.media import picture, sound
from mmzoo.reports.html.page import page, write_report
from mmzoo.reports.html.rows import Context
from mmzoo.reports.html.scores import curves, gain_lines, score_rows
from mmzoo.reports.html.svg import confusion_matrix, shown_table
from mmzoo.tasks.classification import TASK

ATTACK = "<script>alert('x')</script>"
CLASSES = ("a</text><script>", "b $x_", "ç 値段")
RATE = 8000


def fake(card, source=None, frame=None, present=None, labels=(0, 1, 2, 0), root="."):
    """Return what a report is written from, of rows that are all in each of the splits."""
    frame = (
        pd.DataFrame({"note": ["n", None, "m", "n"], "kind": list("abca")}, dtype=object) if frame is None else frame
    )
    inputs = (("text", ("note",)),) if source is None else source
    present = np.ones((len(frame), len(inputs)), bool) if present is None else present
    rows = SimpleNamespace(arrays={name: None for name, _ in inputs}, present=present, bad={})
    one = SimpleNamespace(rows=rows, index=np.arange(len(frame)), labels=np.array(labels))
    about = {"path": "/x/t.csv", "target": "kind", "classes": CLASSES, "inputs": inputs}
    source = SimpleNamespace(**about, split="", group="", time="", id="")
    source.left_out = (("more", "one value"),)
    source.kind = "class"
    return Context(card_of(**card), source, frame, root, {"train": one, "validation": one, "test": one}, RATE)


class Tags(HTMLParser):
    """Collects elements, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.cells = [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@given(st.integers(1, 60), st.integers(2, 5), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_bins_add_up_to_the_calibration_error(count, classes, seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes) * 0.3, count)
    labels = rng.integers(classes, size=count)
    bins = confidence_bins(probabilities, labels)
    assert bins[:, 0].sum() == count
    error = bins[:, 0] @ np.abs(bins[:, 1] - bins[:, 2]) / count
    assert error == pytest.approx(expected_calibration_error(probabilities, labels), abs=1e-12)


@pytest.mark.parametrize(
    ("low", "points", "high", "said"),
    [
        (0.4, 3.0, 6.0, "Fusion gain: +3.00 points over image (95 % interval +0.40 to +6.00)."),
        (-1.0, 1.0, 3.0, "the interval contains 0, so no gain is shown."),
        (0.0, 1.0, 3.0, "so no gain is shown."),
        (-3.0, -1.0, 0.5, "-1.00 points over image (95 % interval -3.00 to +0.50); the interval contains 0"),
        (-3.0, -2.0, -0.5, "-2.00 points over image (95 % interval -3.00 to -0.50): the unimodal model is better."),
    ],
)
def test_the_gain_is_told_as_it_is(low, points, high, said):
    gain = {"over": "image", "points": points, "low": low, "high": high}
    (line,) = gain_lines(card_of(baselines={"fusion_gain": gain}))
    assert said in line


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("fused", "fused (loss 0.500, accuracy 80.00 %); linear has loss 0.450, accuracy 79.00 %."),
        ("linear", "linear (loss 0.450, accuracy 79.00 %); fused has loss 0.500, accuracy 80.00 %."),
    ],
)
def test_the_choice_is_first(chosen, said):
    found = {"fused": (0.5, 0.8), "text": (0.9, 0.5), "linear": (0.45, 0.79)}
    candidates = {name: {"val_loss": loss, "accuracy": accuracy} for name, (loss, accuracy) in found.items()}
    line, *_ = gain_lines(card_of(baselines={"candidates": candidates, "chosen": chosen}))
    assert line == f"Chosen on the validation rows among 3 candidates: {said}"


def test_a_model_of_one_modality_says_that_the_fused_one_is_worse():
    unimodal = {"text": {"accuracy": 0.75}, "image": {"accuracy": 0.5}}
    baselines = {"unimodal": unimodal, "linear": {"all": {"accuracy": 0.8}}, "fused": 0.7}
    card = {"scores": {"n": 4, "subsets": {"text": {"accuracy": 0.75}}}, "baselines": baselines}
    (line,) = gain_lines(card_of(**card))
    assert "accuracy 70.00 %" in line
    assert "worse on the validation rows than the model in the folder" in line
    baselines["fusion_gain"] = {"over": "text", "points": 0.4, "low": -1.0, "high": 2.0}
    *_, line = gain_lines(card_of(**card))
    assert line == "Its gain on the test rows: +0.40 points over text (95 % interval -1.00 to +2.00)."
    shown = TASK.markdown(card_of(**card).scores, card_of(**card).baselines, "")
    assert "Fusion gain of the multimodal model, which is not in this folder: +0.40" in shown
    rows = score_rows(card_of(**card), {}, "", lambda value: "" if value is None else value)["rows"]
    assert {row[0]: row[1:4] for row in rows} == {
        "text": [0.75, 0.75, ""],
        "all modalities": ["", 0.7, 0.8],
        "image": ["", 0.5, ""],
    }
    baselines["average"] = {"accuracy": 0.77}
    text = " ".join(parts(fake(card), np.eye(3)[[0, 1, 2, 1]])["summary"])
    assert "plain average of the unimodal predictions has 77.00 %, 2.00 points higher" in text
    assert "best linear baseline, all modalities, has accuracy 80.00 %, 5.00 points higher" in text
    assert "best unimodal baseline, text, has accuracy 75.00 %, the same" in text
    assert "accuracy on the test rows is 75.00 % (95 % interval 30.06 % to 95.44 %)" in text
    assert "the majority class has 50.00 %" in text
    assert gain_lines(card_of()) == []


def test_tables_leave_empty_columns_out():
    made = shown_table("t", ["name", "none", "count"], [["a", "", "1,000"], ["b", "", "2"]])
    assert made["head"] == ["name", "count"]
    assert made["figures"] == [False, True]
    assert shown_table("t", ["name"], []) == {}


def test_an_empty_card_gives_the_data_alone():
    text = page(fake({}), np.zeros((0, 3)))
    tags = Tags(text)
    assert [attrs["id"] for attrs in tags.of("section")] == ["data", "examples"]
    assert len(tags.of("h1")) == 1
    assert "None" not in "".join(tags.text)


def test_what_rows_hold_is_told():
    frame = pd.DataFrame(
        {"price": ["1", "3", None, "5"], "size": ["L", "L", None, "S"], "kind": list("abca"), "more": ["x"] * 4},
        index=[0, 2, 3, 7],  # rows 2 and 5 to 7 of the table have no target
        dtype=object,
    )
    inputs = (("tabular", (Number("price", 3.0, 1.6), Category("size", ("L", "S")))),)
    answers = np.array([[0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.95, 0.05, 0.0], [0.6, 0.2, 0.2]])
    text = "".join(Tags(page(fake({"duplicates": {}}, inputs, frame), answers, lost=4)).text)
    shown = " ".join(text.split())
    assert "price number, in tabular 75 % 75 % 75 % 3 3 ± 1.633, from 1 to 5" in shown
    assert "size category, in tabular 75 % 75 % 75 % 2 L (67 %)" in shown
    assert "more not used: one value" in shown
    assert "kind the target" in shown
    assert "4 of the 8 rows of the table have no kind" in shown
    assert "No picture, sound, video, series or text is in two splits." in shown
    assert "2 of 4 test rows (50.00 %) are predicted wrong." in shown
    surest = shown.index("row 4, confidence 95.00 %, 0.00 % for the truth")
    assert surest < shown.index("row 1, confidence 80.00 %, 10.00 % for the truth")
    assert "sizeempty" in shown


def test_a_mistake_on_a_row_without_input_is_counted_and_not_shown():
    answers = np.eye(3)[[1, 2, 0, 0]]
    context = fake({}, present=np.array([[True], [False], [True], [False]]))
    found = mistakes(context, answers)
    assert [row["number"] for row in found["mistakes"]] == [1, 3]
    assert found["mistaken"] == "3 of 4 test rows (75.00 %) are predicted wrong; 1 of them have no input at all."
    many = fake({}, frame=pd.DataFrame({"note": ["n"] * 30, "kind": ["a"] * 30}, dtype=object), labels=[0] * 30)
    found = mistakes(many, np.tile([0.0, 1.0, 0.0], (30, 1)))
    assert len(found["mistakes"]) == 12
    assert found["mistaken"].endswith("predicted wrong. Below are the 12 most confident.")


@pytest.mark.parametrize("labels", [CLASSES, ("$\\foo$", "&", "c" * 99), tuple(f"{i}" for i in range(40))])
def test_drawings_take_any_name_of_a_class(labels):
    svg = confusion_matrix(np.eye(len(labels), dtype=int), labels)
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert all(label in texts for label in labels[:1])
    assert "currentColor" in svg
    assert "#333333" not in svg


def test_pictures_and_sounds_are_bounded(tmp_path):
    import base64
    import io

    import soundfile
    from PIL import Image

    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (900, 300, 3), np.uint8)).save(tmp_path / "large.png")
    Image.new("RGB", (20, 10), "red").save(tmp_path / "small.png")
    large, small = picture(tmp_path / "large.png"), picture(tmp_path / "small.png")
    assert (large["width"], large["height"], large["enlarged"]) == (53, 160, False)
    assert large["uri"].startswith("data:image/jpeg;base64,")
    assert (small["width"], small["height"], small["enlarged"]) == (100, 50, True)
    assert Image.open(io.BytesIO(base64.b64decode(small["uri"].split(",")[1]))).getpixel((3, 3)) == (255, 0, 0)
    waveform = np.zeros(RATE * 12, np.float32)
    waveform[RATE * 8 :] = 0.5
    soundfile.write(tmp_path / "long.wav", waveform, RATE)
    long = sound(tmp_path / "long.wav", RATE)
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(long["uri"].split(",")[1])))
    assert (len(heard), rate, long["seconds"], long["cut"]) == (5 * RATE, RATE, 12, True)
    assert np.mean(np.abs(heard)) == pytest.approx(0.4, abs=1e-3)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Return a table of pictures, sounds, texts and numbers, some missing, whose cells would run if they could."""
    import soundfile
    from PIL import Image

    place = tmp_path_factory.mktemp("own")
    with (place / "t.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["photo", "call", "note", "price", ATTACK, "split", "kind"])
        for i in range(40):
            Image.new("RGB", (8, 8), (6 * i, 0, 0)).save(place / f"{i}.png")
            soundfile.write(place / f"{i}.wav", np.sin(np.arange(800) * i / 40), RATE)
            split = ("train", "train", "validation", "test")[i // 10]
            cells = [f"{i}.png", f"{i}.wav", f'{ATTACK}" onload=x {i}', i, "x", split, f"{ATTACK}{i % 2}"]
            write.writerow(["" if i % 4 == 1 and k == i // 10 else cell for k, cell in enumerate(cells)])
    return place / "t.csv"


@pytest.fixture(scope="module")
def written(own, tmp_path_factory):
    """Return the report of a tiny model of that table."""
    import keras

    from mmzoo.data.tables.rows import Sizes
    from mmzoo.data.tables.source import Source, load_splits

    folder = tmp_path_factory.mktemp("out")
    inputs = (
        ("image", ("photo",)),
        ("audio", ("call",)),
        ("text", ("note",)),
        ("tabular", (Number("price", 20.0, 10.0),)),
    )
    source = Source(str(own), "kind", classes=(f"{ATTACK}0", f"{ATTACK}1"), inputs=inputs, split="split")
    names = [name for name, _ in inputs]
    x = {"tabular": keras.Input((2,), name="tabular"), "present": keras.Input((4,), name="present")}
    y = keras.layers.Dense(2, activation="softmax", name="probabilities")(keras.ops.concatenate([*x.values()], axis=1))
    keras.Model(x, {"probabilities": y}).save(folder / "model.keras")
    subsets = {name: {"accuracy": 0.5 + 0.1 * sum(p)} for name, p in present_patterns(names).items()}
    card = {
        "name": f"{ATTACK}",
        "inputs": [{"name": name, "shape": [1, 2], "dtype": "float32"} for name in [*names, "present"]],
        "labels": list(source.classes),
        "duplicates": {"text": {"exact": 2, "near": 0, "first": [ATTACK]}},
        "scores": {"n": 10, "subsets": subsets, "details": {"confusion": [[3, 2], [0, 5]]}, "artifacts": {}},
        "baselines": {"linear": {"all": {"accuracy": 0.6}, "text": {"accuracy": 0.5}}},
        "history": {"loss": [1.0, 0.5], "val_loss": [1.1, 0.7], "accuracy": [0.1, 0.2], "val_accuracy": [0.1, 0.3]},
        "files": {"model.keras": {"bytes": 1234567}, ATTACK: {"bytes": 1}},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMZOO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        splits = load_splits(source, own, Sizes(8, RATE, 800, 32))
        config = SimpleNamespace(modalities=tuple(names), sample_rate=RATE)
        return write_report(folder, card_of(**card), Experiment(SimpleNamespace(source=source), config), splits, own)


def test_the_report_is_one_file_that_asks_for_nothing(written):
    text = written.read_text(encoding="utf-8")
    assert [path.name for path in written.parent.iterdir() if "report" in path.name] == ["report.html"]
    assert not re.search(r"""(?:src|href|url\()\s*=?\s*["'(]?(?!#|data:|["'(])[a-z]*:?//""", text)
    tags = Tags(text)
    for name in ("link", "script", "iframe", "object"):
        assert not tags.of(name)
    places = [attrs[key] for _, attrs in tags.tags for key in ("src", "href", "xlink:href") if key in attrs]
    assert len(places) > 20
    assert all(place.startswith(("data:", "#")) for place in places)


def test_cells_stay_text(written):
    text = written.read_text(encoding="utf-8")
    assert "<script" not in text
    assert ATTACK in "".join(Tags(text).text)
    assert not [attrs for _, attrs in Tags(text).tags if any(key.startswith("on") for key in attrs)]


def test_the_report_can_be_read_without_seeing_it(written):
    tags = Tags(written.read_text(encoding="utf-8"))
    assert tags.of("html") == [{"lang": "en"}]
    assert all(attrs["alt"] for attrs in tags.of("img"))
    assert all(attrs["aria-label"] for attrs in tags.of("audio"))
    assert all(attrs.get("scope") in ("col", "row") for attrs in tags.of("th"))
    assert len(tags.of("caption")) == len(tags.of("table")) >= 7
    ids = [attrs["id"] for _, attrs in tags.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for attrs in tags.of("a")} <= set(ids)


def test_all_sections_are_there(written):
    text = written.read_text(encoding="utf-8")
    tags = Tags(text)
    found = [attrs["id"] for attrs in tags.of("section")]
    assert found == ["data", "examples", "scores", "curves", "mistakes", "artifacts", "use"]
    assert len(re.findall("<svg", text)) == 5
    shown = " ".join("".join(tags.text).split())
    assert "photo image 85 % 100 % 100 %" in shown
    assert "sum +40.00" in shown
    assert shown.count("+10.00") == 4
    assert "1,234,567" in shown
    assert len(tags.of("audio")) >= 3


def test_text_that_is_no_utf8_is_written(own, tmp_path, monkeypatch):
    from mmzoo.reports.html import page as report

    table = tmp_path / "t.jsonl"
    lines = [{"note": "\ud800", "kind": "a"}, {"note": "\x00\u202e", "kind": "b"}, {"note": "n", "kind": "b"}]
    table.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    monkeypatch.setattr(report, "predictor", lambda path: None)
    monkeypatch.setattr(report, "predict_rows", lambda *_: np.array([[0.9, 0.1, 0], [0.9, 0.1, 0], [0.1, 0.9, 0]]))
    context = fake({}, frame=read_table(table), labels=(0, 1, 1))
    config = SimpleNamespace(modalities=("text",), sample_rate=RATE)
    path = write_report(
        tmp_path, context.card, Experiment(SimpleNamespace(source=context.source), config), context.splits, table
    )
    assert "1 of 3 test rows" in path.read_text(encoding="utf-8")


def test_curves_name_the_epoch_whose_weights_are_kept():
    history = {"loss": [3.0, 2.0, 1.0], "val_loss": [0.3, 0.1, 0.2]}
    (oldest,) = curves(history, {"loss": "Loss"})  # of a card that does not say it: the lowest validation loss
    assert oldest["caption"].endswith("0.1 in epoch 2, whose weights were kept.")
    assert "weights kept: epoch 2" in oldest["svg"]
    (last,) = curves({**history, "kept_epoch": 3}, {"loss": "Loss"})  # training without early stopping
    assert last["caption"].endswith("0.2 in epoch 3, whose weights were kept.")
    assert "weights kept: epoch 3" in last["svg"]


def test_parts_say_the_accuracy_of_the_most_confident_rows():
    predictions = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.3, 0, 0.7], [0.4, 0.6, 0]])
    card = {"scores": {"n": 4}, "labels": list(CLASSES)}
    drawings = parts(fake(card), predictions)["drawings"]
    (found,) = [one for one in drawings if one["title"] == "Accuracy by coverage"]
    assert found["caption"].endswith(
        "75.00 % of all rows, 100.00 % of the most confident 75 %, 100.00 % of the most confident 50 %."
    )
    ElementTree.fromstring(found["svg"])
