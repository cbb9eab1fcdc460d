"""Lock and working folder of a training run, next to its output folder."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmzoo.artifacts.folder import TRAINED, make_folder, put_back, write_json
from mmzoo.errors import BadInputError


@contextmanager
def exclusive_run(out: Path) -> Iterator[None]:
    """Lock `out` against a second training run inside the block.

    The lock of a killed process has no effect.

    Raises:
        BadInputError: another run holds the lock, or the place cannot be written.
    """
    lock = out.parent / f".{out.name}.lock"
    make_folder(out.parent, out)
    try:
        # not through a link, which another person may have put there
        descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise BadInputError(f"`out`: cannot write {out} ({error.strerror})") from None
    with os.fdopen(descriptor, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInputError(f"`out`: {out} is in use by another training run") from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def checkpoints(out: Path, run: dict, resume: bool) -> Iterator[Path]:
    """Yield the hidden checkpoint folder next to `out`.

    The folder is new, or belongs to the run to resume. A new one begins with the checkpoints in `.trained` next to the
    recipe's file. It is removed at the end of the block. After an error it remains for a resumed run if an epoch was
    completed.

    Raises:
        BadInputError: there is no run to resume, or the settings of `run` differ from the interrupted run.
    """
    working = out.parent / f".{out.name}.training"
    run = json.loads(json.dumps(run))
    started = working / "run.json"
    if resume:
        if not started.is_file():
            raise BadInputError(f"`resume`: no interrupted run in {out}")
        before = json.loads(started.read_text(encoding="utf-8"))
        if before != run:
            changed = [k for k, v in run["config"].items() if before["config"].get(k) != v]
            changed += [k for k in {**run, **before} if k != "config" and before.get(k) != run.get(k)]
            raise BadInputError(f"`resume`: the interrupted run had another `{changed[0]}`")
    else:
        put_back(out, working)
        shutil.rmtree(working, ignore_errors=True)
        write_json(make_folder(working, out) / started.name, run)
        recipe = Path(run.get("recipe", ""))
        if recipe.is_file() and (recipe.parent / TRAINED).is_dir():
            shutil.copytree(recipe.parent / TRAINED, working, dirs_exist_ok=True)
    try:
        yield working
    except BaseException as error:
        if any(working.glob("*/state.json")):
            error.add_note(f"`resume` continues {out} after the last complete epoch")
        else:
            shutil.rmtree(working)
        raise
    shutil.rmtree(working)
