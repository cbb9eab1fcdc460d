"""Folder of a trained model: atomic writing, reading of its card and files."""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.device.replacing import replacing
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import keras

CARD = "card.json"
KERAS = "model.keras"
BASELINES = "baselines.npz"  # predictions of the unimodal baselines for the test examples
LANGUAGE = "language_model.json"
REPLACED = "replaced"  # the folder that a new one replaces, until it is there
TRAINED = ".trained"  # checkpoints of a recipe, next to its file
ARTIFACTS = {
    "keras": "model.keras",
    "saved_model": "saved_model",
    "float32": "model_float32.tflite",
    "dynamic": "model_dynamic.tflite",
    "int8": "model_int8.tflite",
    "onnx": "model.onnx",
}


def check_out(out: str | Path) -> Path:
    """Check that `out` is new, empty, or has a card.

    Returns:
        its absolute path; where `out` is a link, the path of the folder it leads to.

    Raises:
        BadInputError: `out` is a file, a link to nothing, or a folder with other files or with links.
    """
    out = Path(out).absolute()
    if out.is_symlink():
        if not out.exists():
            raise BadInputError(f"`out` must be a folder, got {out}, a link to {os.readlink(out)}, which is not there")
        out = out.resolve()
    if out.exists() and not out.is_dir():
        raise BadInputError(f"`out` must be a folder, got the file {out}")
    if out.is_dir() and any(out.iterdir()) and not (out / CARD).is_file():
        raise BadInputError(f"`out` must be a new folder or one with a {CARD}; {out} has other files")
    if out.is_dir():
        check_entries(out)
    return out


def make_folder(path: Path, out: Path) -> Path:
    """Create and return the folder `path`, which `out` needs.

    Raises:
        BadInputError: the folder cannot be written, or is hidden and a link: hidden folders are made here only.
    """
    if path.name.startswith(".") and path.is_symlink():
        raise BadInputError(f"`out`: {path} must be a folder, got a link")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"`out`: cannot write the folder {out} ({error})") from None
    return path


@contextmanager
def new_folder(out: str | Path, place: Path) -> Iterator[Path]:
    """Yield a temporary folder of the name of `out` in `place`, finally renamed to `out`.

    After an error it is removed. Remains of a crashed process are removed first; an `out` that it had put aside is put
    back. A folder with a `card.json` is replaced; any other folder with
    files is refused. `place` must be on the file system of `out`.

    Raises:
        BadInputError: as `check_out` and `make_folder`.
    """
    out = check_out(out)
    put_back(out, place)
    new = place / "new"
    shutil.rmtree(new, ignore_errors=True)
    work = make_folder(new / out.name, out)
    try:
        yield work
        _swap(work, out, place / REPLACED)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def copied_folder(folder: str | Path) -> Iterator[Path]:
    """Yield a copy of `folder`, which replaces it at the end; after an error `folder` is as before.

    Raises:
        BadInputError: as `check_out`, or the place beside it cannot be written.
    """
    out = check_out(folder)
    place = make_folder(out.parent / f".{out.name}.export", out)
    try:
        with new_folder(out, place) as work:
            shutil.copytree(out, work, dirs_exist_ok=True)
            yield work
    finally:
        put_back(out, place)
        shutil.rmtree(place, ignore_errors=True)


def put_back(out: Path, place: Path) -> None:
    """Put the folder back that a process killed in `new_folder` had moved from `out` to `place`."""
    if (place / REPLACED).is_dir() and not os.path.lexists(out):
        os.replace(place / REPLACED, out)


def _swap(work: Path, out: Path, aside: Path) -> None:
    shutil.rmtree(aside, ignore_errors=True)
    before = out.exists()
    if before:
        os.replace(out, aside)
    try:
        os.replace(work, out)
    except OSError:
        if before:
            os.replace(aside, out)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def inside(folder: str | Path, name: str) -> Path:
    """Return the path of `name` in `folder`, which need not exist.

    Raises:
        BadInputError: `name`, which the card of the folder may have said, leads out of it.
    """
    if name in ("", ".", "..") or set(name) & {"/", "\\", "\0", ":"}:
        raise BadInputError(f"{folder}: expected the name of a file in it. Received: {name}")
    return Path(folder) / name


def artifact(folder: str | Path, name: str) -> Path:
    """Return the path of file or folder `name` in `folder`.

    Raises:
        BadInputError: it does not exist; the message lists the contents of `folder`. Or `name`, which the card of the
            folder may have said, leads out of it.
    """
    folder, path = Path(folder), inside(folder, name)
    if not folder.is_dir():
        raise BadInputError(f"{folder}: expected a folder of a trained model. Received: no such folder")
    if not path.exists():
        found = ", ".join(sorted(p.name for p in folder.iterdir())) or "nothing"
        raise BadInputError(f"{folder}: expected {name} in it. Received a folder with {found}")
    return path


def check_entries(folder: str | Path) -> None:
    """Check that everything in `folder`, at any depth, is a file or a folder.

    A link may lead out of the folder, for who reads it and for who writes to it; a pipe never ends.

    Raises:
        BadInputError: an entry is something else.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            kind = path.lstat().st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                received = "a link, which may lead out of the folder" if stat.S_ISLNK(kind) else "something else"
                raise BadInputError(f"{path}: expected a file or folder. Received: {received}")


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as JSON to `path` atomically, through a temporary file."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_keras(folder: str | Path) -> "keras.Model":
    """Load the uncompiled `keras.Model` of `folder` without executing code from the file.

    Raises:
        BadInputError: the file is missing or no Keras file.
    """
    from mmzoo.models.transfer import read_model

    return read_model(artifact(folder, KERAS))


def sha256(path: str | Path) -> str:
    """Compute the hexadecimal SHA-256 of a file or folder.

    The digest of a folder covers sorted relative names and bytes.
    """
    path = Path(path)
    digest = hashlib.sha256()
    if path.is_file():
        digest.update(path.read_bytes())
        return digest.hexdigest()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def artifacts_in(folder: Path) -> list[str]:
    """Return the names of the model artifacts in `folder`."""
    return [name for name in ARTIFACTS.values() if (folder / name).exists()]
