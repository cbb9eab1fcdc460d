"""The files of a folder as its card lists them: sizes, hashes and operators."""

from pathlib import Path

from mmzoo.artifacts.card import Card, File
from mmzoo.artifacts.folder import CARD, sha256
from mmzoo.tflite import flatbuffer

PURPOSES = {
    "report.html": "the report, for a browser",
    "README.md": "the card, to read",
    "card.json": "the card, for programs",
    "recipe.py": "all settings: edit them and run `mmzoo train` on it",
    "model_float32.tflite": "LiteRT, float32: phones, boards, GPUs",
    "model_dynamic.tflite": "LiteRT, weights in int8: smaller",
    "model_int8.tflite": "LiteRT, int8: smallest, for CPUs and NPUs",
    "model.onnx": "ONNX Runtime",
    "saved_model": "TensorFlow",
    "model.keras": "Keras: to train on",
    "labels.txt": "the classes, in the order of the output",
    "golden.npz": "test inputs with the outputs of Keras, to check a device",
    "language_model.json": "the language model of transcripts",
    "baselines.npz": "test predictions of the unimodal baselines",
    "bad_rows.csv": "rows that were left out, and why",
    "tuning.csv": "the trials of the hyperparameter search",
    "learning_curve.png": "loss and metric by epoch",
    "subset_scores.png": "score by available modalities",
    "confusion_matrix.png": "true and predicted classes",
}


NOT_LISTED = f"it is not the one of {CARD}, and is not executed; if you trust it, allow it with `trust`"


def is_listed(path: Path, card: Card) -> bool:
    """Return whether the file or folder at `path` has the SHA-256 that `card` has for its name."""
    known = card.files.get(path.name)
    return known is not None and known.sha256 == sha256(path)


def file_table(folder: str | Path) -> dict[str, File]:
    """Return `{name: File}` of the files in `folder` except card and README."""
    table = {}
    for path in sorted(Path(folder).iterdir()):
        if path.name in (CARD, "README.md") or path.name.startswith("."):
            continue
        table[path.name] = File(_bytes(path), sha256(path))
    return table


def file_list(folder: str | Path) -> str:
    """Return a line for each file in `folder`, in the order of `PURPOSES`: its path, bytes and what it is for."""
    folder, order = Path(folder), [*PURPOSES]
    paths = sorted(
        (path for path in folder.iterdir() if not path.name.startswith(".")),
        key=lambda path: (order.index(path.name) if path.name in order else len(order), path.name),
    )
    width = max((len(str(path)) for path in paths), default=0)
    lines = (f"{path!s:<{width}}  {_bytes(path):>12,} bytes  {PURPOSES.get(path.name, '')}" for path in paths)
    return "\n".join(line.rstrip() for line in lines)


def _bytes(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())


def operator_table(folder: str | Path) -> dict[str, dict[str, int]]:
    """Count the operators of every `.tflite` in `folder`: `{file: {operator: count}}`."""
    paths = sorted(Path(folder).glob("*.tflite"))
    return {path.name: flatbuffer.operators(flatbuffer.read(path)) for path in paths}
