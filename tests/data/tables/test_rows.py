"""Tests of decoding a table's rows into files: content, missing cells, errors, cache."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.tables import rows as table_rows
from mmzoo.data.tables.features import Category, Number
from mmzoo.data.tables.rows import Sizes, decode_rows, kind_of, texts
from mmzoo.errors import BadInputError

SIZES = Sizes(image_size=16, sample_rate=8000, samples=400, text_bytes=24)
INPUTS = {
    "image": ("photo",),
    "audio": ("sound",),
    "text": ("title", "note"),
    "tabular": (Number("price", 2.0, 1.0), Category("color", ("red",))),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMZOO_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def frame(tmp_path):
    """Return a table of four rows: complete, without files, empty, with a missing file."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(tmp_path / "a.png")
    soundfile.write(tmp_path / "a.wav", np.sin(np.arange(300) / 5) / 2, 8000, subtype="PCM_16")
    rows = {
        "photo": ["a.png", None, None, "gone.png"],
        "sound": ["a.wav", None, None, "a.wav"],
        "title": ["größer", "plain", None, None],
        "note": ["x", None, None, "说明"],
        "price": ["3.5", "1", None, None],
        "color": ["red", None, None, "green"],
    }
    return pd.DataFrame(rows, dtype=object)


def test_decode_rows_arrays_equal_cells(frame, tmp_path):
    rows = decode_rows(frame, tmp_path, INPUTS, SIZES)
    expected = [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1]]
    assert rows.present.astype(int).tolist() == expected
    assert {name: x.shape[1:] for name, x in rows.arrays.items()} == SIZES.shapes(INPUTS, INPUTS)
    assert rows.arrays["image"][0].std() > 20
    assert not rows.arrays["image"][1:].any()
    assert rows.arrays["audio"][0, :300].any()
    assert not rows.arrays["audio"][0, 300:].any()
    assert [decode_bytes(row) for row in rows.arrays["text"]] == [
        "title: größer\nnote: x",
        "title: plain",
        "",
        "note: 说明",
    ]
    assert rows.arrays["tabular"].tolist() == [[3.5, 0, 1, 0], [1, 0, 0, 0], [2, 1, 0, 0], [2, 1, 0, 1]]
    assert rows.bad == {}


def test_texts_single_column_has_no_name(frame):
    assert texts(frame, ("title",)) == ["größer", "plain", None, None]


def test_decode_rows_bad_files_are_reported_or_skipped(frame, tmp_path):
    (tmp_path / "gone.png").write_bytes(b"no picture")
    frame.loc[1, "sound"] = "b.wav"
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    for _ in range(2):  # decoded, and from the cache
        with pytest.raises(BadInputError, match=r"row 2: .*b\.wav.*; row 4: .*gone\.png") as raised:
            decode_rows(frame, tmp_path, INPUTS, SIZES)
        assert "\n" not in str(raised.value)
    with pytest.raises(BadInputError, match=r"Received: row 4: [^;]*$"):
        decode_rows(frame[2:], tmp_path, INPUTS, SIZES)
    rows = decode_rows(frame, tmp_path, INPUTS, SIZES, skip_bad=True)
    assert sorted(rows.bad) == [1, 3]
    assert rows.present.any(axis=1).tolist() == [True, False, False, False]


def test_decode_rows_many_bad_files_are_counted(tmp_path):
    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(b"no")
    frame = pd.DataFrame({"photo": [f"{i}.png" for i in range(8)]}, dtype=object)
    with pytest.raises(BadInputError, match=r"row 5: .*; and 3 more"):
        decode_rows(frame, tmp_path, {"image": ("photo",)}, SIZES)


def test_decode_rows_unchanged_files_use_cache(frame, tmp_path, cache, monkeypatch):
    first = decode_rows(frame, tmp_path, INPUTS, SIZES)
    monkeypatch.setattr(table_rows, "_decode", lambda *given: pytest.fail("decoded again"))
    again = decode_rows(frame, tmp_path, INPUTS, SIZES)
    assert np.array_equal(first.arrays["image"], again.arrays["image"])
    assert isinstance(again.arrays["image"], np.memmap)
    monkeypatch.undo()
    monkeypatch.setenv("MMZOO_CACHE_DIR", str(cache))
    Image.new("RGB", (8, 8), "white").save(tmp_path / "a.png")
    os.utime(tmp_path / "a.png", (1, 1))
    assert decode_rows(frame, tmp_path, INPUTS, SIZES).arrays["image"][0].min() == 255


@pytest.mark.parametrize("change", [{"image_size": 8}, {"text_bytes": 32}, {"samples": 100}])
def test_decode_rows_other_sizes_decode_again(frame, tmp_path, cache, change):
    decode_rows(frame, tmp_path, INPUTS, SIZES)
    decode_rows(frame, tmp_path, INPUTS, Sizes(**{**SIZES.__dict__, **change}))
    assert len([*cache.iterdir()]) == 2


def test_decode_rows_failure_leaves_no_files(frame, tmp_path, cache, monkeypatch):
    monkeypatch.setattr(table_rows, "_cells", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        decode_rows(frame, tmp_path, INPUTS, SIZES)
    assert [*cache.iterdir()] == []


def test_kind_of_prefix_is_kind():
    assert [kind_of(name) for name in ("image", "image_front", "tabular")] == ["image", "image", "tabular"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bad.json", b"[1]"),
        ("bad.json", b'{"0": 5}'),
        ("notes.json", b"{"),
        ("present.npy", b"\x93NUMPY"),
        ("image.npy", b""),
        ("image.npy", None),
    ],
)
def test_damaged_cache_is_decoded_again_with_one_line(tmp_path, monkeypatch, caplog, name, content):
    monkeypatch.setenv("MMZOO_CACHE_DIR", str(tmp_path / "cache"))
    Image.fromarray(np.full((4, 4, 3), 7, np.uint8)).save(tmp_path / "a.png")
    frame = pd.DataFrame({"picture": ["a.png", None]})
    sizes = Sizes(image_size=4, sample_rate=8000, samples=10, text_bytes=8)
    first = decode_rows(frame, tmp_path, {"image": ("picture",)}, sizes)
    (place,) = (tmp_path / "cache").iterdir()
    (place / name).unlink()  # `first` still reads the old file
    if content is not None:
        (place / name).write_bytes(content)
    with caplog.at_level("WARNING", "mmzoo"):
        again = decode_rows(frame, tmp_path, {"image": ("picture",)}, sizes)
    assert [f"{place}: cached rows are damaged" in line for line in caplog.messages] == [True]
    np.testing.assert_array_equal(again.arrays["image"], first.arrays["image"])
    np.testing.assert_array_equal(again.present, [[True], [False]])


def test_other_content_of_the_same_size_and_time_is_decoded(frame, tmp_path):
    before = decode_rows(frame, tmp_path, INPUTS, SIZES).arrays["audio"][0].copy()
    stat = (tmp_path / "a.wav").stat()
    soundfile.write(tmp_path / "a.wav", np.zeros(300), 8000, subtype="PCM_16")
    assert (tmp_path / "a.wav").stat().st_size == stat.st_size
    os.utime(tmp_path / "a.wav", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert before.any()
    assert not decode_rows(frame, tmp_path, INPUTS, SIZES).arrays["audio"][0].any()


def test_the_second_of_two_processes_uses_what_the_first_wrote(frame, tmp_path, cache, monkeypatch):
    def replace(work, place):
        shutil.copytree(work, place)  # as another process, a moment before
        return real(work, place)

    real = os.replace
    monkeypatch.setattr("mmzoo.data.tables.rows.os.replace", replace)
    rows = decode_rows(frame, tmp_path, INPUTS, SIZES)
    assert rows.present.any()
    assert [path.name.startswith(".") for path in cache.iterdir()] == [False]
