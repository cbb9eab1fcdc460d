"""The gallery is four readable pictures, the same each time."""

import pytest
from PIL import Image

from mmzoo.studies.augmentation_gallery import NAMES, draw_boxes, draw_text


def test_a_picture_for_each_modality(tmp_path, run_main, capsys):
    assert run_main("study", "augmentation-gallery", tmp_path / "new" / "folder") == 0
    written = sorted((tmp_path / "new" / "folder").iterdir())
    assert sorted(capsys.readouterr().out.split()) == [str(path) for path in written]
    assert [path.name for path in written] == sorted(f"{name}.png" for name in NAMES)
    for path in written:
        assert path.stat().st_size < 600_000
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 300
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 10
    for draw, name in ((draw_boxes, "boxes.png"), (draw_text, "text.png")):
        draw(tmp_path / name)
        assert (tmp_path / name).read_bytes() == (tmp_path / "new" / "folder" / name).read_bytes()


@pytest.mark.parametrize("folders", [(), ("a", "b")])
def test_augmentation_gallery_without_one_folder_is_refused(folders, run_main, capsys):
    assert run_main("study", "augmentation-gallery", *folders) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
