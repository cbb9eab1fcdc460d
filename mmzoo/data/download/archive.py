"""GitHub archives of pinned commits: found on disk or downloaded, with verified members.

GitHub may compress the same commit differently over time, so the bytes of an archive are not stable. A SHA-256 over
names and contents of the used members is pinned instead. No member is extracted to disk.
"""

import hashlib
import os
import re
import stat
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from mmzoo.errors import BadInputError

GITHUB = "https://github.com"
TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Archive:
    """A pinned archive and its used members.

    `wanted` matches whole names of members below the top folder.
    """

    owner_repo: str
    commit: str
    wanted: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Name of the archive file."""
        return f"{self.owner_repo.split('/')[1]}-{self.commit}.zip"

    @property
    def url(self) -> str:
        """Address of the archive on GitHub."""
        return f"{GITHUB}/{self.owner_repo}/archive/{self.commit}.zip"


def find_or_download(archive: Archive, data_dir: str | Path | None, cache_dir: str | Path) -> Path:
    """Find the verified archive on disk, or download it; return its path.

    It is searched in `data_dir`, `MMZOO_DATA_DIR` and `cache_dir`; in the first two also in their folders `archives`. A
    download goes to `cache_dir`, complete or not at all.

    Raises:
        BadInputError: a file has the name but not the contents, or the download fails.
    """
    places = [place / folder for place in data_dirs(data_dir) for folder in (".", "archives")]
    for place in [*places, Path(cache_dir)]:
        path = place / archive.file_name
        if path.exists():
            read_members(path, archive)
            return path
    return _download(archive, Path(cache_dir))


def data_dirs(data_dir: str | Path | None) -> list[Path]:
    """List the data folders of the user: `data_dir`, then `MMZOO_DATA_DIR`.

    Raises:
        BadInputError: one of them is given and does not exist.
    """
    given = {"`data_dir`": data_dir, "MMZOO_DATA_DIR": os.environ.get("MMZOO_DATA_DIR")}
    for name, folder in given.items():
        if folder and not Path(folder).is_dir():
            raise BadInputError(f"{name}: no such folder: {folder}")
    return [Path(folder) for folder in given.values() if folder]


def read_arrays(
    name: str, folder: str, keys: Sequence[str], source: str, data_dir: str | Path | None
) -> tuple[Path, dict[str, np.ndarray]]:
    """Read the arrays `keys` of the file `name` in a data folder.

    The file is in `folder` of a data folder, or directly in the data folder. Returns its path, and `{key: array}`.

    Raises:
        BadInputError: the file is missing, damaged, or lacks a key. The message contains its `source`.
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


def read_members(path: str | Path, archive: Archive) -> dict[str, bytes]:
    """Read the wanted members: `{name below the top folder: bytes}`, sorted by name.

    Raises:
        BadInputError: the file is no valid zip, a name leads out of its folder, a wanted member is a link, or names and
            contents do not have the pinned SHA-256.
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


def members_sha256(members: Mapping[str, bytes]) -> str:
    """Compute the SHA-256 over sorted names and contents of `{name: bytes}`.

    Each name and content is preceded by its length.
    """
    digest = hashlib.sha256()
    for name, content in sorted(members.items()):
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _below_top(info: zipfile.ZipInfo, path: str | Path) -> str:
    """Strip the folder named after the commit; refuse a name outside it."""
    # zipfile turns a backslash into a slash only on Windows: orig_filename is the name in the archive
    name = PurePosixPath(info.orig_filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in info.orig_filename.split("/")[0]:
        raise BadInputError(f"{path}: expected names inside the archive. Received: {info.orig_filename!r}.")
    return "/".join(name.parts[1:])


def _download(archive: Archive, cache_dir: Path) -> Path:
    """Download into a temporary file in the same folder, verify, rename."""
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


def _fetch(url: str, file: BinaryIO) -> None:
    """Copy the content of `url` into `file`, with a progress bar."""
    from tqdm import tqdm

    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        total = int(response.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc=Path(url).name) as bar:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
