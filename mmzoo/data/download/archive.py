"""GitHub's archive of one commit: found on disk or downloaded, its members verified before anyone sees them.

GitHub may compress the same commit anew, so the bytes of an archive are not stable; what is pinned is a
SHA-256 over the names and contents of the members that are used. Nothing is ever extracted to disk.
"""

import hashlib
import os
import re
import stat
import tempfile
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from mmzoo.errors import BadInputError

GITHUB = "https://github.com"
TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Archive:
    """Which archive, and what of it: `wanted` matches whole names of members below the top folder."""

    owner_repo: str
    commit: str
    wanted: str
    sha256: str

    @property
    def file_name(self):
        return f"{self.owner_repo.split('/')[1]}-{self.commit}.zip"

    @property
    def url(self):
        return f"{GITHUB}/{self.owner_repo}/archive/{self.commit}.zip"


def find_or_download(archive, data_dir, cache_dir):
    """Return the path of the verified archive in `data_dir`, `MMZOO_DATA_DIR` or `cache_dir`, or download it.

    The first two are searched with their folders `archives`; a download goes to `cache_dir`, whole or not
    at all. Raises BadInputError where a file has the name but not the contents, or where none can be had.
    """
    places = [place / folder for place in data_dirs(data_dir) for folder in (".", "archives")]
    for place in [*places, Path(cache_dir)]:
        path = place / archive.file_name
        if path.exists():
            read_members(path, archive)
            return path
    return _download(archive, Path(cache_dir))


def data_dirs(data_dir):
    """List the folders in which a user may keep data: the one given, then `MMZOO_DATA_DIR`.

    Raises BadInputError where one of them is said and is not there.
    """
    said = {"`data_dir`": data_dir, "MMZOO_DATA_DIR": os.environ.get("MMZOO_DATA_DIR")}
    for name, folder in said.items():
        if folder and not Path(folder).is_dir():
            raise BadInputError(f"{name}: no such folder: {folder}")
    return [Path(folder) for folder in said.values() if folder]


def read_arrays(name, folder, keys, source, data_dir):
    """Return the path, and `{key: array}` of `keys`, of the file `name`: in `folder` of a data folder, or in it.

    Raises BadInputError, which says what the file is made of (`source`), where it is not there, damaged, or lacks one.
    """
    places = [place / below / name for place in data_dirs(data_dir) for below in (folder, ".")]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise BadInputError(f"{name}: not found in `data_dir` or MMZOO_DATA_DIR; it is made of {source}")
    try:
        with np.load(path, allow_pickle=False) as file:
            return path, {key: file[key] for key in keys}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path}: expected {source}. Received: {reason}") from None


def read_members(path, archive):
    """Return `{name below the top folder: bytes}` of the wanted members, sorted by name.

    Raises BadInputError where the file is no sound zip, a name leads out of its folder, a wanted member
    is a link, or names and contents do not have the pinned SHA-256.
    """
    members = {}
    try:
        with zipfile.ZipFile(path) as file:
            for info in file.infolist():
                name = _below_top(info, path)
                if re.fullmatch(archive.wanted, name):
                    if stat.S_ISLNK(info.external_attr >> 16):
                        raise BadInputError(f"{path}: expected plain files. Received: a link, {info.filename!r}.")
                    members[name] = file.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise BadInputError(f"{path}: expected a whole zip archive. Received: {error}") from None
    members = dict(sorted(members.items()))
    digest = members_sha256(members)
    if digest != archive.sha256:
        raise BadInputError(
            f"{path}: expected {archive.owner_repo} at {archive.commit[:7]}, SHA-256 {archive.sha256}. "
            f"Received: {len(members)} members of SHA-256 {digest}."
        )
    return members


def members_sha256(members):
    """SHA-256 over the sorted names and contents of `{name: bytes}`, each preceded by its length."""
    digest = hashlib.sha256()
    for name, content in sorted(members.items()):
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _below_top(info, path):
    """Strip the folder named after the commit; refuse a name that would lead elsewhere."""
    # zipfile turns a backslash into a slash on Windows alone: orig_filename is what the archive says
    name = PurePosixPath(info.orig_filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in info.orig_filename.split("/")[0]:
        raise BadInputError(f"{path}: expected names inside the archive. Received: {info.orig_filename!r}.")
    return "/".join(name.parts[1:])


def _download(archive, cache_dir):
    """Fetch into a temporary file beside the target, verify, rename."""
    temporary = None
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache_dir, suffix=".part", delete=False) as file:
            temporary = Path(file.name)
            _fetch(archive.url, file)
        read_members(temporary, archive)
        return temporary.rename(cache_dir / archive.file_name)
    except OSError as error:  # URLError is one, and a full disk
        raise BadInputError(
            f"{archive.file_name}: not found in `data_dir` or MMZOO_DATA_DIR, nor at {archive.url}: {error}"
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _fetch(url, file):
    """Copy what `url` answers into an open file, with a progress bar."""
    from tqdm import tqdm

    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        total = int(answer.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc=Path(url).name) as bar:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
