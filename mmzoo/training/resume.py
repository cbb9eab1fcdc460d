"""The place of a training beside its folder: one run at a time, and what a resumed run continues from."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmzoo.artifacts.folder import make_folder, write_json
from mmzoo.errors import BadInputError


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Keep a second training into `out` away while this one runs; the lock of a killed one is forgotten."""
    lock = out.parent / f".{out.name}.lock"
    make_folder(out.parent, out)
    try:
        file = lock.open("w")
    except OSError as error:
        raise BadInputError(f"`out`: cannot write {out} ({error.strerror})") from None
    with file:
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
    """Yield the hidden folder beside `out` that holds the checkpoints, new or that of the run to resume.

    It is removed when the block ends, but stays to be resumed if an error ends it after a whole epoch.
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
        shutil.rmtree(working, ignore_errors=True)
        write_json(make_folder(working, out) / started.name, run)
    try:
        yield working
    except BaseException as error:
        if any(working.glob("*/state.json")):
            error.add_note(f"`resume` continues {out} after the last complete epoch")
        else:
            shutil.rmtree(working)
        raise
    shutil.rmtree(working)
