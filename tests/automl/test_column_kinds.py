"""Tables of every pair of column kinds and of every target, from files to a verified folder and its predictions."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from json_card import read_card
from own_videos import moving, write_video
from PIL import Image

from mmzoo.api import TrainedModel
from mmzoo.automl.fit import fit_table
from mmzoo.automl.options import Request

ROWS = 60
pytestmark = [pytest.mark.usefixtures("cache"), pytest.mark.slow]  # its twin is in test_fit: categories alone
ALL = ("image", "audio", "video", "text", "number", "category", "date")
# each kind with each other one, each with each target, and each target from one kind
TABLES = [
    (ALL, "class"),
    (("image", "audio", "number", "date"), "number"),
    (("video", "text", "category"), "number"),
    (("image", "video", "category"), "labels"),
    (("audio", "text", "number", "date"), "labels"),
    (("date",), "class"),
    (("number",), "labels"),
    (("category",), "number"),
]


def column(kind, high, folder):
    """Return cells of a kind that follow `high` `(N,)` bool; a tenth of them is missing."""
    rng = np.random.default_rng(0)
    cells = []
    for i, up in enumerate(high):
        name = f"{kind}{i}"
        if kind == "image":
            Image.fromarray(np.full((16, 16, 3), 220 if up else 30, np.uint8)).save(folder / f"{name}.png")
        elif kind == "audio":
            soundfile.write(folder / f"{name}.wav", np.sin(np.arange(4000) * (0.6 if up else 0.1)) * 0.5, 8000)
        elif kind == "video":
            write_video(folder / f"{name}.mp4", moving(rng, up))
        files = {"image": f"{name}.png", "audio": f"{name}.wav", "video": f"{name}.mp4"}
        values = {
            "text": f"w{rng.integers(99)} {'warm' if up else 'cold'} w{rng.integers(99)}",
            "number": f"{rng.normal(9 if up else 1):.3f}",
            "category": "north" if up else "south",
            "date": f"{2020 if up else 2010}-{1 + i % 12:02d}-{1 + i % 28:02d}",
        }
        cells.append(None if rng.random() < 0.1 else (files | values)[kind])
    return cells


@pytest.mark.parametrize(
    ("kinds", "target"), TABLES, ids=lambda value: value if isinstance(value, str) else "-".join(value)
)
def test_fit_kinds_of_columns(kinds, target, tmp_path):
    rng = np.random.default_rng(1)
    high = rng.random(ROWS) < 0.5
    goals = {
        "class": np.where(high, "up", "down"),
        "number": [f"{5 * up + rng.normal(0, 0.1):.3f}" for up in high],
        "labels": ["a;b" if up else ("a", "b")[i % 2] for i, up in enumerate(high)],
    }
    frame = pd.DataFrame({kind: column(kind, high, tmp_path) for kind in kinds} | {"goal": goals[target]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    folder = fit_table(tmp_path / "t.csv", "goal", tmp_path / "out", Request(epochs=1))
    card = read_card(folder)
    assert card["verification"]["exit_code"] in (0, 3)
    assert card["inputs"][-1]["name"] == "present"
    model = TrainedModel(folder)
    predict = model.predict if target == "number" else model.predict_proba
    expected = predict(tmp_path / "t.csv")
    np.testing.assert_allclose(predict(frame, root=tmp_path), expected, atol=1e-5)
    assert np.isfinite(expected).all()
