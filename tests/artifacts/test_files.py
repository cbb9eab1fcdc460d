"""Tests of the list of the files in a folder."""

from mmzoo.artifacts.files import PURPOSES, file_list


def test_file_list_names_every_file_once_with_bytes_and_purpose(tmp_path):
    (tmp_path / "saved_model" / "variables").mkdir(parents=True)
    (tmp_path / "saved_model" / "variables" / "a").write_bytes(b"12345")
    for name, size in (("card.json", 7), ("model_float32.tflite", 1234), ("notes.txt", 3), (".hidden", 1)):
        (tmp_path / name).write_bytes(b"x" * size)
    lines = [line.split(maxsplit=3) for line in file_list(tmp_path).splitlines()]
    assert [line[:2] for line in lines] == [
        [str(tmp_path / "card.json"), "7"],
        [str(tmp_path / "model_float32.tflite"), "1,234"],
        [str(tmp_path / "saved_model"), "5"],
        [str(tmp_path / "notes.txt"), "3"],
    ]
    assert [line[3:] for line in lines] == [
        [PURPOSES[name]] if name else [] for name in ("card.json", "model_float32.tflite", "saved_model", "")
    ]
