"""NLVR as arrays, and how its boxes are rearranged."""

import numpy as np
import pytest

from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.sources import nlvr
from mmzoo.errors import BadInputError

PALETTE = np.array([[211] * 3, [128] * 3, [255, 255, 0], [0, 153, 255], [0, 0, 0]], np.uint8)


def fake_arrays(count=4):
    """Return pictures whose boxes hold one block each, of the rows 2, 3, 4 of the palette; each second is a tower."""
    images = np.zeros((count, 50, 200), np.uint8)
    images[:, :, 50:75] = images[:, :, 125:150] = 1
    for box, color in enumerate((2, 3, 4)):
        images[0::2, 40:, box * 75 + 20 : box * 75 + 30] = color
        images[1::2, 3:8, box * 75 : box * 75 + 5] = color
    said = np.array([f"There are {i} items" for i in range(count)])
    return {"image_idx": images, "palette": PALETTE, "label": np.arange(count) % 3 == 0, "sentence": said}


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    nlvr.nlvr.cache_clear()
    yield
    nlvr.nlvr.cache_clear()


def write(folder, arrays, name="test.npz"):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / name, **arrays)


@pytest.mark.parametrize("place", [".", "arrays/nlvr_mini"])
def test_each_split_is_a_file(tmp_path, place):
    for i, name in enumerate(nlvr.FILES.values()):
        write(tmp_path / place, fake_arrays(4 + i), name)
    for i, split in enumerate(nlvr.FILES):
        data, arrays = nlvr.nlvr(split, str(tmp_path)), fake_arrays(4 + i)
        np.testing.assert_array_equal(data.images, PALETTE[arrays["image_idx"]])
        assert [decode_bytes(ids) for ids in data.text] == arrays["sentence"].tolist()
        assert [nlvr.ANSWERS[label] for label in data.labels] == [str(true).lower() for true in arrays["label"]]
        assert data.about.tolist() == list(range(4 + i))
        assert data.kinds[:4] == ("tower", "scatter") * 2
        assert data.change is nlvr.rearrange


def spoiled(**arrays):
    return fake_arrays() | arrays


WRONG = fake_arrays()["image_idx"] + np.array([0, 0, 3, 0], np.uint8)[:, None, None]
BAD = {
    "corrupt picture": (spoiled(image_idx=WRONG), "palette, 0 to 4, in image_idx. Received: picture 2 with 7; 1 in"),
    "another size": (spoiled(image_idx=np.zeros((4, 50, 100), np.uint8)), r"\(4, 50, 200\).*Received: \(4, 50, 100\)"),
    "no bytes": (spoiled(image_idx=np.zeros((4, 50, 200))), "expected image_idx as uint8.*Received: float64"),
    "another palette": (spoiled(palette=PALETTE[:4]), r"expected palette of shape \(5, 3\).*Received: \(4, 3\)"),
    "empty question": (spoiled(sentence=np.array(["a", " ", "", "b"])), "row 1: an empty question, ' '; row 2: an emp"),
    "long question": (spoiled(sentence=np.array(["a", "b", "c", "d" * 129])), "row 3: a question of 129 bytes"),
    "unknown answer": (spoiled(label=np.array([0, 1, 2, 1])), "one of 2 answers.*row 2: an unknown answer, '2'"),
    "another length": (spoiled(sentence=np.array(["a"])), r"expected sentence of shape \(4,\)"),
    "nothing": (spoiled(label=np.zeros(0, bool)), r"expected image_idx of shape \(0, 50, 200\)"),
    "objects": (spoiled(sentence=np.array([None] * 4)), "allow_pickle"),
}


@pytest.mark.parametrize(("arrays", "said"), BAD.values(), ids=BAD)
def test_other_arrays_are_refused_in_a_line(tmp_path, arrays, said):
    write(tmp_path, arrays)
    with pytest.raises(BadInputError, match=said) as raised:
        nlvr.nlvr("test", str(tmp_path))
    assert "\n" not in str(raised.value)


def test_a_missing_or_damaged_file_is_refused_with_its_origin(tmp_path):
    with pytest.raises(BadInputError, match=r"dev\.npz: not found .*lil-lab/nlvr"):
        nlvr.nlvr("validation", str(tmp_path))
    write(tmp_path, fake_arrays())
    content = (tmp_path / "test.npz").read_bytes()
    (tmp_path / "test.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInputError, match=r"test\.npz: expected .*lil-lab/nlvr"):
        nlvr.nlvr("test", str(tmp_path))


def test_the_boxes_change_their_places_and_nothing_else():
    picture = PALETTE[fake_arrays()["image_idx"][1]]
    many = np.asarray(nlvr.rearrange(np.repeat(picture[None], 400, axis=0), np.array([0, 5], np.int32)))
    boxes = many.reshape(400, 50, 8, 25, 3)
    assert np.all(boxes[:, :, [2, 5]] == 128)
    yellow = np.all(many == (255, 255, 0), axis=-1)
    assert np.all(yellow.sum(axis=(1, 2)) == 25)
    columns = np.bincount(yellow.any(axis=1).argmax(axis=1), minlength=200)
    places = {0, 75, 150}  # at the left of each box
    assert {column for column in range(200) if columns[column]} == places
    assert min(columns[column] for column in places) > 100, "133 are expected"
    again = np.asarray(nlvr.rearrange(np.repeat(picture[None], 400, axis=0), np.array([0, 5], np.int32)))
    np.testing.assert_array_equal(many, again)


def test_the_real_arrays(data_dir):
    if not (data_dir / nlvr.FOLDER).is_dir():
        pytest.skip(f"needs {nlvr.FOLDER}")
    train = nlvr.nlvr("train", str(data_dir))
    assert len(train.labels) == len(train.images) == 1000
    assert train.labels.mean() == pytest.approx(0.587)
    assert train.kinds.count("tower") == 473
    blocks = [kind for kind, ids in zip(train.kinds, train.text, strict=True) if "tower" in decode_bytes(ids)]
    assert set(blocks) == {"tower"}
