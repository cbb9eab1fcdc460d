"""The files of a folder as its card lists them: sizes, hashes and operators."""

from pathlib import Path

from mmzoo.artifacts.card import File
from mmzoo.artifacts.folder import CARD, sha256
from mmzoo.tflite import flatbuffer


def file_table(folder: str | Path) -> dict[str, File]:
    """Return `{name: File}` of the files in `folder` except card and README."""
    table = {}
    for path in sorted(Path(folder).iterdir()):
        if path.name in (CARD, "README.md") or path.name.startswith("."):
            continue
        parts = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        table[path.name] = File(sum(p.stat().st_size for p in parts), sha256(path))
    return table


def operator_table(folder: str | Path) -> dict[str, dict[str, int]]:
    """Count the operators of every `.tflite` in `folder`: `{file: {operator: count}}`."""
    paths = sorted(Path(folder).glob("*.tflite"))
    return {path.name: flatbuffer.operators(flatbuffer.read(path)) for path in paths}
