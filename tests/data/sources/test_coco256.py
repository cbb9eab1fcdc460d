"""COCO's first pictures: laid into a square with their boxes, split, and refused where a row is wrong."""

import io

import numpy as np
import pytest
from epochs import chain
from PIL import Image

from mmzoo.data.batches.detection import MOST, NONE, training_scenes
from mmzoo.data.sources import coco256 as module
from mmzoo.data.sources.coco256 import FOLDER, GRAY, coco256
from mmzoo.errors import BadInputError

HEAD = "split,image,cls,cx,cy,w,h"
ROW = "train,p0.jpg,2,0.5,0.5,0.5,0.5"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a function that writes pictures of 96x48 and rows of boxes, and the folder to read them from."""
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    coco256.cache_clear()
    module._files.cache_clear()

    def put(rows, pictures=6, **changed):
        arrays = {}
        for split in ("train", "val"):
            blobs = [_jpeg((40 * i, 200, 0)) for i in range(pictures)]
            arrays[f"{split}_jpg"] = np.frombuffer(b"".join(blobs), np.uint8)
            arrays[f"{split}_jpg_off"] = np.cumsum([0, *map(len, blobs)])
            arrays[f"{split}_name"] = np.array([f"p{i}.jpg" for i in range(pictures)])
        folder = tmp_path / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "images_384.npz", **arrays | changed)
        (folder / "boxes.csv").write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
        return str(tmp_path)

    return put


def _jpeg(color):
    file = io.BytesIO()
    Image.new("RGB", (96, 48), color).save(file, "JPEG", quality=100)
    return file.getvalue()


def test_a_picture_lies_in_the_middle_of_gray_and_its_boxes_with_it(place):
    data = coco256("validation", place([ROW, "train,p0.jpg,17,0.5,0.5,0.1,0.1"]))
    assert data.images.shape == (2, 256, 256, 3)  # the first of six, and the sixth
    assert (data.images[0, :63] == GRAY).all()
    assert (data.images[0, -63:] == GRAY).all()
    assert np.abs(data.images[0, 65:190].astype(int) - (0, 200, 0)).max() < 8
    # 256 x 128 pixels from row 64 on: half of each around the middle; a dog is none of the classes
    np.testing.assert_allclose(data.objects[0, 0], [64, 96, 192, 160, 2])
    assert (data.objects[0, 1:, 4] == NONE).all()


def test_splits_share_no_picture(place):
    folder = place([ROW])
    train, validation, test = (coco256(split, folder) for split in ("train", "validation", "test"))
    assert [len(part.images) for part in (train, validation, test)] == [4, 2, 6]
    shades = {int(picture[128, 128, 0]) for picture in train.images} & {int(p[128, 128, 0]) for p in validation.images}
    assert not shades
    assert (test.objects[..., 4] == NONE).all()  # the one row is of train


def test_what_cannot_be_seen_is_listed_and_the_largest_are_kept(place):
    rows = [f"val,p1.jpg,0,0.5,0.5,{0.2 + i / 100:.2f},0.2" for i in range(MOST + 3)]
    data = coco256("test", place([*rows, "val,p1.jpg,0,0.5,0.5,0.002,0.5"]))
    assert data.skipped == (f"p1.jpg: 1 of {MOST + 4} boxes under 1 pixel",)
    widths = data.objects[1, :, 2] - data.objects[1, :, 0]
    np.testing.assert_allclose(widths, 256 * np.linspace(0.54, 0.23, MOST), rtol=1e-5)


def test_photographs_stay_upright(place):
    data = coco256("train", place([ROW]))
    half = data.images.copy()
    half[:, :128], half[:, 128:] = 255, 0
    scenes = type(data)(half, data.objects, upright=True)
    for inputs, _ in chain(range(4), lambda epoch: training_scenes(scenes, 4, 0, epoch)):
        image = inputs["image"].numpy().astype(int)
        assert (image[:, 40:60].mean(axis=(1, 2, 3)) > image[:, -60:-40].mean(axis=(1, 2, 3))).all()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["train,p9.jpg,0,.5,.5,.1,.1"], "row 2: an unknown picture, train p9.jpg"),
        (["train,p1.jpg,0,.5,.5,0,.1"], "row 2: no box of four numbers"),
        (["train,p1.jpg,0,.5,.5,nan,.1"], "row 2: no box of four numbers"),
        ([ROW, "val,p1.jpg,0,.95,.5,.2,.1"], "row 3: a box that leaves its picture"),
        (["train,p1.jpg,person,.5,.5,.1,.1"], "row 2: train,p1.jpg,person"),
        (["train,p9.jpg,0,.5,.5,.1,.1"] * 7, "and 2 more"),
    ],
)
def test_bad_rows_are_told_together(place, rows, told):
    with pytest.raises(BadInputError, match=r"boxes\.csv: expected") as error:
        coco256("train", place(rows))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_damaged_or_missing(place, tmp_path):
    with pytest.raises(BadInputError, match=r"images_384\.npz: not found in `data_dir`"):
        coco256("train", str(tmp_path))
    folder = place([ROW], train_jpg_off=np.arange(7))
    with pytest.raises(BadInputError, match="train of 6 names, 7 ends"):
        coco256("train", folder)
    folder = place([ROW], val_jpg=np.frombuffer(b"no picture" * 60, np.uint8), val_jpg_off=np.arange(0, 601, 100))
    with pytest.raises(BadInputError, match=r"p0\.jpg: expected a JPEG"):
        coco256("test", folder)
    (tmp_path / FOLDER / "boxes.csv").unlink()
    module._files.cache_clear()
    with pytest.raises(BadInputError, match=r"boxes\.csv: expected"):
        coco256("train", folder)
    with pytest.raises(BadInputError, match="split: expected one of train, validation, test"):
        coco256("dev", folder)


def test_the_real_files(data_dir):
    if not (data_dir / FOLDER).is_dir():
        pytest.skip(f"needs {FOLDER}")
    module._files.cache_clear()
    counts = {}
    for split in ("train", "validation", "test"):
        data = coco256(split, str(data_dir))
        labels = data.objects[..., 4]
        counts[split] = (len(data.images), [int((labels == k).sum()) for k in range(3)])
    assert counts["test"] == (128, [350, 10, 24])
    assert (counts["train"][0], counts["validation"][0]) == (102, 26)
    assert np.add(counts["train"][1], counts["validation"][1]).tolist() == [254, 6, 46]
