"""Round trips of boxes through three formats, and reports of invalid rows."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mmzoo.data.boxes.coco import read_coco, write_coco
from mmzoo.data.boxes.records import Boxed
from mmzoo.data.boxes.voc import read_voc, write_voc
from mmzoo.data.boxes.yolo import read_yolo, write_yolo
from mmzoo.errors import BadInputError

SIZES = {"a.png": (64, 48), "more/b.jpg": (37, 80), "c.png": (160, 90)}
NAMES = ("cell", "white & red <cell>", "tröpfchen")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for path, size in SIZES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        Image.new("RGB", size, "gray").save(folder / path)
    return folder


def write(kind, pictures, folder, names=NAMES):
    if kind == "voc":
        write_voc(pictures, folder / "voc")
    elif kind == "yolo":
        write_yolo(pictures, folder / "yolo", names)
    else:
        write_coco(pictures, folder / "coco.json", names)


def read(kind, images, folder, **options):
    if kind == "voc":
        return read_voc(folder / "voc", images, **options)
    if kind == "yolo":
        return read_yolo(folder / "yolo", images, **options)
    return read_coco(folder / "coco.json", images, **options)


def converted(kind, pictures, images, folder):
    write(kind, pictures, folder)
    back, skipped = read(kind, images, folder)
    assert skipped == []
    return sorted(back, key=lambda one: one.path)


@st.composite
def pictures(draw, whole=False):
    """Draw 0 to 4 boxes per image, at least 2 pixels wide and high, possibly at the borders."""
    result = []
    for path, size in sorted(SIZES.items()):
        boxes, names = [], []
        for _ in range(draw(st.integers(0, 4))):
            sides = []
            for side in size:
                number = st.integers(0, side) if whole else st.floats(0, side)
                low, high = sorted([draw(number), draw(number)])
                low = min(low, side - 2)
                sides.append((low, max(high, low + 2)))
            (left, right), (top, bottom) = sides
            boxes.append((left, top, right, bottom))
            names.append(draw(st.sampled_from(NAMES)))
        result.append(Boxed(path, size, np.array(boxes, np.float64).reshape(-1, 4), tuple(names)))
    return result


def same(one, other, atol):
    assert [(x.path, x.size, x.names) for x in one] == [(x.path, x.size, x.names) for x in other]
    for a, b in zip(one, other, strict=True):
        assert a.boxes.shape == b.boxes.shape
        np.testing.assert_allclose(a.boxes, b.boxes, rtol=0, atol=atol)


quick = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("kind", "atol"), [("voc", 0.5), ("yolo", 1e-6), ("coco", 1e-9)])
def test_written_boxes_are_read_back(kind, atol, images, tmp_path_factory):
    @quick
    @given(pictures())
    def check(drawn):
        same(converted(kind, drawn, images, tmp_path_factory.mktemp(kind)), drawn, atol)

    check()


def test_whole_pixels_survive_all_three_formats(images, tmp_path_factory):
    @quick
    @given(pictures(whole=True))
    def check(drawn):
        folder, now = tmp_path_factory.mktemp("all"), drawn
        for kind in ("voc", "yolo", "coco", "voc"):
            now = converted(kind, now, images, folder)
        same(now, drawn, 0)

    check()


def test_voc_counts_from_one_and_names_the_last_pixel(images, tmp_path):
    boxes = np.array([[0, 0, 64, 48], [10, 20, 30, 40], [10.4, 20.6, 11.6, 22.4]])
    write("voc", [Boxed("a.png", (64, 48), boxes, ("cell",) * 3)], tmp_path)
    text = (tmp_path / "voc" / "a.xml").read_text()
    for tag, values in {"xmin": (1, 11, 11), "ymin": (1, 21, 22), "xmax": (64, 30, 12), "ymax": (48, 40, 22)}.items():
        found = [int(part.split("<")[0]) for part in text.split(f"<{tag}>")[1:]]
        # the last box is widened to two pixels, or it would be lost; it is written with the rows that it touches
        assert found[:2] == list(values[:2]), tag
        assert abs(found[2] - values[2]) <= 1, tag
    back, _ = read("voc", images, tmp_path)
    np.testing.assert_array_equal(back[0].boxes[:2], boxes[:2])
    assert (back[0].boxes[2, 2:] - back[0].boxes[2, :2] > 1).all()


def test_yolo_and_coco_follow_their_specifications(images, tmp_path):
    one = [Boxed("a.png", (64, 48), np.array([[16.0, 12, 32, 36]]), ("tröpfchen",))]
    write("yolo", one, tmp_path)
    number, *shares = (tmp_path / "yolo" / "a.txt").read_text().split()
    assert number == "2"
    np.testing.assert_allclose(np.array(shares, float), [0.375, 0.5, 0.25, 0.5])
    assert (tmp_path / "yolo" / "classes.txt").read_text(encoding="utf-8").splitlines() == list(NAMES)
    write("coco", one, tmp_path)
    whole = json.loads((tmp_path / "coco.json").read_text())
    assert whole["images"] == [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}]
    annotation = whole["annotations"][0]
    assert annotation["bbox"] == [16, 12, 16, 24]
    assert (annotation["category_id"], annotation["area"], annotation["iscrowd"]) == (3, 384, 0)
    assert whole["categories"][2] == {"id": 3, "name": "tröpfchen"}


def test_pycocotools_reads_what_is_written(images, tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    write("coco", [Boxed("a.png", (64, 48), np.array([[16.0, 12, 32, 36]]), ("cell",))], tmp_path)
    read_by = coco.COCO(str(tmp_path / "coco.json"))
    assert [row["bbox"] for row in read_by.loadAnns(read_by.getAnnIds(catIds=[1]))] == [[16, 12, 16, 24]]


BAD = {
    "a box of no area, -4 x 24": (32, 12, 28, 36),
    "a box of almost no area, 1 x 1 pixels at 16, 12": (16, 12, 17, 13),
    "a box that leaves the image of 64 x 48, 16 x 24 pixels at 56, 12": (56, 12, 72, 36),
    "a box that leaves the image of 64 x 48, 12 x 24 pixels at -2": (-2, 12, 10, 36),
    "a box that leaves the image of 64 x 48, 10 x 10 pixels at 100, 100": (100, 100, 110, 110),
}


@pytest.mark.parametrize("kind", ["voc", "yolo", "coco"])
def test_bad_boxes_raise_once_or_are_skipped_and_listed(kind, images, tmp_path):
    boxes = np.array([(16, 12, 32, 36), *BAD.values()], np.float64)
    one = Boxed("a.png", (64, 48), boxes, ("cell",) * len(boxes))
    write(kind, [one], tmp_path)
    if kind == "voc":  # which is not to mend what is broken
        text = (tmp_path / "voc" / "a.xml").read_text()
        assert text.count("<object>") == len(boxes)
        text = text.replace(
            "<xmin>17</xmin>\n\t\t\t<ymin>13</ymin>\n\t\t\t<xmax>18", "<xmin>17</xmin><ymin>13</ymin><xmax>17"
        )
        (tmp_path / "voc" / "a.xml").write_text(text)
    with pytest.raises(BadInputError) as raised:
        read(kind, images, tmp_path)
    assert "\n" not in str(raised.value)
    rows = {"voc": "object {}", "yolo": "line {}", "coco": "annotations[{}]"}[kind]
    file = {"voc": "a.xml", "yolo": "a.txt", "coco": "coco.json"}[kind]
    for i, why in enumerate(BAD, start=1):
        at = rows.format(i if kind == "coco" else i + 1)
        assert f"{file}, {at}: {why}" in str(raised.value)
    kept, skipped = read(kind, images, tmp_path, on_bad="skip")
    (kept,) = [picture for picture in kept if picture.path == "a.png"]
    np.testing.assert_allclose(kept.boxes, boxes[:1], atol=1e-6)
    assert len(skipped) == len(BAD)
    assert all(why in str(row) for why, row in zip(BAD, skipped, strict=True))


@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_bad_images_raise_or_are_skipped(kind, images, tmp_path):
    other = tmp_path / "images"
    other.mkdir()
    (other / "cut.png").write_bytes((images / "a.png").read_bytes()[:60])
    Image.new("RGB", (10, 10)).save(other / "small.png")
    boxes = np.array([[1.0, 1, 9, 9]])
    names = ("cut.png", "gone.png", "small.png")
    write(kind, [Boxed(name, (64, 48), boxes, ("cell",)) for name in names], tmp_path)
    with pytest.raises(BadInputError) as raised:
        read(kind, other, tmp_path)
    said = str(raised.value)
    assert "the image gone.png cannot be read" in said
    assert "the image cut.png cannot be read" in said
    assert "the image is 10 x 10 pixels, but its file says 64 x 48" in said
    kept, skipped = read(kind, other, tmp_path, on_bad="skip")
    assert (kept, len(skipped)) == ([], 3)


@pytest.mark.parametrize("kind", ["voc", "yolo", "coco"])
def test_unknown_classes_raise_or_are_skipped(kind, images, tmp_path):
    names = ("cell", "dust")
    one = Boxed("a.png", (64, 48), np.array([[1.0, 1, 9, 9], [2, 2, 8, 8]]), names)
    write(kind, [one], tmp_path, names)
    with pytest.raises(BadInputError, match="an unknown class") as raised:
        read(kind, images, tmp_path, names=("cell",))
    assert "dust" in str(raised.value) or "1 of 1" in str(raised.value)
    kept, skipped = read(kind, images, tmp_path, names=("cell",), on_bad="skip")
    assert [name for picture in kept for name in picture.names] == ["cell"]
    assert len(skipped) == 1


def test_bad_files_raise(images, tmp_path):
    voc = tmp_path / "voc"
    voc.mkdir()
    for name, text in {
        "cut": "<annotation><filename>a.png</filename>",
        "empty": "",
        "unnamed": "<annotation></annotation>",
        "words": "<annotation><filename>a.png</filename><object><name>cell</name><bndbox><xmin>left</xmin></bndbox>"
        "</object></annotation>",
    }.items():
        (voc / f"{name}.xml").write_text(text)
    kept, skipped = read_voc(voc, images, on_bad="skip")
    assert [(one.path, len(one.boxes)) for one in kept] == [("a.png", 0)]
    assert [str(row).split("/")[-1].split(":")[0] for row in skipped] == [
        "cut.xml",
        "empty.xml",
        "unnamed.xml",
        "words.xml, object 1",
    ]
    yolo = tmp_path / "yolo"
    yolo.mkdir()
    with pytest.raises(BadInputError, match=r"classes\.txt"):
        read_yolo(yolo, images)
    (yolo / "a.txt").write_text("0 0.5 0.5\n0 nan 0 1 1\n0.5 0.5 0.5 0.1 0.1\n7 0.5 0.5 0.1 0.1\n\n0 0.5 0.5 0.5 0.5\n")
    (yolo / "lonely.txt").write_text("")
    kept, skipped = read_yolo(yolo, images, ["cell"], on_bad="skip")
    assert {one.path: len(one.boxes) for one in kept} == {"a.png": 1, "c.png": 0, "more/b.jpg": 0}
    assert len(skipped) == 5
    for text in ("[", "[]", '{"images": []}', '{"images": [1], "annotations": [], "categories": []}'):
        (tmp_path / "coco.json").write_text(text)
        with pytest.raises(BadInputError, match="expected JSON with images, annotations and categories"):
            read("coco", images, tmp_path)
    rows = [{"id": 1, "image_id": 9}, {"id": 2, "image_id": 1, "category_id": [1]}]
    rows += [{"id": 3, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3]}, {"image_id": 1, "iscrowd": 1}]
    whole = {
        "images": [{"id": 1, "file_name": "a.png"}] * 2,
        "annotations": rows,
        "categories": [{"id": 1, "name": "x"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(whole))
    kept, skipped = read("coco", images, tmp_path, on_bad="skip")
    assert [one.path for one in kept] == ["a.png"]
    assert [row.why.split(",")[0] for row in skipped] == [
        "no id and file_name of its own",
        "an unknown image",
        "an unknown class",
        "no box of four numbers",
        "a crowd",
    ]


def test_a_crowd_does_not_raise_but_is_listed(images, tmp_path):
    write("coco", [Boxed("a.png", (64, 48), np.array([[1.0, 1, 9, 9]]), ("cell",))], tmp_path)
    whole = json.loads((tmp_path / "coco.json").read_text())
    whole["annotations"].append({**whole["annotations"][0], "id": 2, "iscrowd": 1})
    (tmp_path / "coco.json").write_text(json.dumps(whole))
    kept, skipped = read("coco", images, tmp_path)
    assert (len(kept[0].boxes), [row.why for row in skipped]) == (1, ["a crowd"])


def test_write_bad_boxes_raise(images, tmp_path):
    boxes = np.array([[1.0, 1, 9, 9]])
    one = Boxed("a.png", (64, 48), boxes, ("dust",))
    for kind in ("yolo", "coco"):
        with pytest.raises(BadInputError, match="names: expected each class once"):
            write(kind, [one], tmp_path)
    with pytest.raises(BadInputError, match="differ without suffix"):
        write_yolo([one, Boxed("a.jpg", (64, 48), boxes, ("dust",))], tmp_path)
    with pytest.raises(BadInputError, match="on_bad"):
        read_voc(tmp_path, images, on_bad="ignore")
    for read_one in (read_voc, read_yolo):
        with pytest.raises(BadInputError, match="no such folder"):
            read_one(tmp_path / "none", images)
    with pytest.raises(BadInputError, match="expected a file"):
        read_coco(tmp_path / "none.json", images)


def test_a_box_counted_from_another_pixel_is_cut_at_the_border(images, tmp_path):
    write("coco", [Boxed("a.png", (64, 48), np.array([[-1.0, 0, 65, 48.6]]), ("cell",))], tmp_path)
    kept, skipped = read("coco", images, tmp_path)
    np.testing.assert_array_equal(kept[0].boxes, [[0, 0, 64, 48]])
    assert not skipped


OUTSIDE = [
    "../evil.png",
    "/evil.png",
    "more/../../evil.png",
    "..\\evil.png",
    "C:\\evil.png",
    "C:evil.png",
    "\\\\host\\evil.png",
]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_an_image_outside_of_the_folder_is_not_read(kind, path, images, tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("evil.png", "images/..\\evil.png", "images/C:evil.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    boxed = Boxed("a.png", (8, 8), np.zeros((0, 4)), ())
    write(kind, [boxed], tmp_path)
    file = tmp_path / ("voc/a.xml" if kind == "voc" else "coco.json")
    named = path.replace("/evil", str(tmp_path / "evil")) if path == "/evil.png" else path
    file.write_text(file.read_text().replace("a.png", named if kind == "voc" else json.dumps(named)[1:-1]))
    with pytest.raises(BadInputError, match="its path leads out of the folder"):
        read(kind, tmp_path / "images", tmp_path)
    found, skipped = read(kind, tmp_path / "images", tmp_path, on_bad="skip")
    assert (found, len(skipped)) == ([], 1)


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("kind", ["voc", "yolo"])
def test_nothing_is_written_outside_of_the_folder(kind, path, tmp_path):
    good, bad = (Boxed(name, (8, 8), np.zeros((0, 4)), ()) for name in ("a.png", path))
    with pytest.raises(BadInputError, match=r"expected paths inside of a folder\. Received: "):
        write(kind, [good, bad], tmp_path / "out")
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(("kind", "name"), [("voc", "a.xml"), ("yolo", "a.txt"), ("yolo", "classes.txt")])
def test_a_planted_link_is_not_followed(kind, name, tmp_path):
    (tmp_path / kind).mkdir()
    (tmp_path / "victim").write_text("mine")
    (tmp_path / kind / name).symlink_to(tmp_path / "victim")
    (tmp_path / kind / "more").symlink_to(tmp_path)
    for path in ("a.png", "more/b.png"):
        with pytest.raises(BadInputError, match=r"expected paths inside of a folder\. Received: "):
            write(kind, [Boxed(path, (8, 8), np.zeros((0, 4)), ())], tmp_path)
    assert (tmp_path / "victim").read_text() == "mine"
    assert {one.name for one in tmp_path.iterdir()} == {kind, "victim"}
