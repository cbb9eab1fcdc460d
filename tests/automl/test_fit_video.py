"""A column of videos from files to a verified model: decoded to strips, told in the report, files that are none."""

import csv
import re

import numpy as np
import pytest
from json_card import read_card
from own_videos import moving, write_sound, write_video

from mmzoo import recipes
from mmzoo.api import TrainedModel
from mmzoo.automl.fit import fit_table
from mmzoo.automl.input_sizes import measure
from mmzoo.automl.options import Request
from mmzoo.data.decode.video import read_frames
from mmzoo.data.tables.column_types import infer_columns
from mmzoo.data.tables.read import read_table
from mmzoo.data.tables.rows import Sizes, decode_rows
from mmzoo.errors import BadInputError
from mmzoo.reports.html.media import film_strip

ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm")
pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return a table of clips in which a bar moves to the left or to the right; some are missing."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["clip", "way"])
        for i in range(120):
            right = i % 2 == 0
            name = f"{i:03d}{ENDINGS[i % 5]}"
            write_video(folder / name, moving(rng, right))
            write.writerow(["" if i % 30 == 7 else name, "right" if right else "left"])
    return folder / "clips.csv"


def test_a_column_of_paths_of_videos(table):
    frame = read_table(table)
    ((column,), _) = infer_columns(frame.drop(columns=["way"]), table.parent)
    assert (column.name, column.kind) == ("clip", "video")
    sizes = measure(frame, table.parent, (("video", ("clip",)),))
    assert (sizes["frames"], sizes["frame_size"]) == (8, 32)
    rows = decode_rows(frame, table.parent, {"video": ("clip",)}, Sizes(32, 8000, 80, 8, frames=4, frame_size=16))
    assert rows.arrays["video"].shape == (120, 64, 16, 3)
    assert isinstance(rows.arrays["video"], np.memmap)
    assert rows.present[:, 0].tolist() == [i % 30 != 7 for i in range(120)]
    frames = read_frames(table.parent / "003.mkv", 4, (16, 16))
    np.testing.assert_array_equal(rows.arrays["video"][3].reshape(4, 16, 16, 3), frames)


def test_files_that_are_no_videos_are_told_by_row(table, tmp_path):
    frame = read_table(table)[:4].copy()
    (tmp_path / "empty.mp4").write_bytes(b"")
    write_sound(tmp_path / "sound.mp4")
    frame["clip"] = [str(table.parent / "000.mp4"), "empty.mp4", "sound.mp4", "gone.mp4"]
    sizes = Sizes(32, 8000, 80, 8, frame_size=16)
    with pytest.raises(BadInputError, match=r"row 2: .*empty\.mp4: .*; row 3: .*sound\.mp4: .* audio alone$"):
        decode_rows(frame, tmp_path, {"video": ("clip",)}, sizes)
    rows = decode_rows(frame, tmp_path, {"video": ("clip",)}, sizes, skip_bad=True)
    assert (sorted(rows.bad), rows.present[:, 0].tolist()) == ([1, 2], [True, False, False, False])


def test_without_pyav_nothing_is_decoded(table, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setenv("MMZOO_CACHE_DIR", str(tmp_path / "cache"))
    sizes = Sizes(32, 8000, 80, 8, frame_size=16)
    for skip_bad in (False, True):
        with pytest.raises(BadInputError, match=r"^video: PyAV is not installed: pip install 'mmzoo\[video\]'"):
            decode_rows(read_table(table), table.parent, {"video": ("clip",)}, sizes, skip_bad)
    with pytest.raises(BadInputError, match="PyAV is not installed"):
        fit_table(table, "way", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_film_strip_is_two_rows_of_four_frames(tmp_path):
    frames = np.zeros((8, 40, 80, 3), np.uint8)
    frames[4:] = 240
    shown = film_strip(write_video(tmp_path / "a.mp4", frames))
    assert (shown["width"], shown["height"]) == (4 * 80, 2 * 40)
    assert shown["uri"].startswith("data:image/jpeg;base64,")
    import base64
    import io

    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["uri"].split(",")[1]))).convert("L"))
    assert pixels[:36].max() < 60
    assert pixels[44:].min() > 180


def test_from_videos_to_a_verified_model(table, rows_once):
    folder = fit_table(table, "way", table.parent / "out", Request(epochs=4))
    card = read_card(folder)
    assert card["verification"]["exit_code"] in (0, 3)
    if card["verification"]["gpu"]["status"] == "executed":
        assert {check["status"] for check in card["verification"]["checks"]} <= {"right", "information"}
    inputs = {entry["name"]: entry["shape"] for entry in card["inputs"]}
    assert inputs == {"video": [1, 256, 32, 3], "present": [1, 1]}
    print(card["scores"]["subsets"], card["scores"]["artifacts"], card["baselines"]["linear"])
    assert "model_int8.tflite" in card["files"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert len(re.findall(r'<img src="data:image/jpeg[^>]+alt="clip of row', page)) >= 2
    module = recipes.load(str(folder / "recipe.py"))
    assert module.Config().frames == 8
    told = TrainedModel(folder).predict(table)
    assert len(told) == 120
    print("accuracy", np.mean(told == read_table(table)["way"].to_numpy()))
