"""Pinned archives: search before download, and verification of members."""

import io
import zipfile

import pytest

from mmzoo.data.download import archive as module
from mmzoo.data.download.archive import Archive, find_or_download, members_sha256, read_members
from mmzoo.errors import BadInputError

MEMBERS = {"sounds/a.wav": b"first", "sounds/b.wav": b"second" * 1000}


def pack(members, compression=zipfile.ZIP_DEFLATED, top="set-c0ffee/"):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name if isinstance(name, zipfile.ZipInfo) else top + name, data)
    return content.getvalue()


@pytest.fixture
def pinned(monkeypatch):
    """A pinned archive without access to the internet."""
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    monkeypatch.setattr(module, "GITHUB", "file:///nowhere")
    return Archive("someone/set", "c0ffee", r"sounds/.*\.wav", members_sha256(MEMBERS))


def refused(path, pinned, match):
    with pytest.raises(BadInputError, match=match) as raised:
        read_members(path, pinned)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("folder", [".", "archives"])
@pytest.mark.parametrize("through", ["argument", "environment"])
def test_found_before_any_download(pinned, tmp_path, monkeypatch, folder, through):
    path = tmp_path / folder / pinned.file_name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pack(MEMBERS))
    if through == "environment":
        monkeypatch.setenv("MMZOO_DATA_DIR", str(tmp_path))
    found = find_or_download(pinned, tmp_path if through == "argument" else None, tmp_path / "cache")
    assert found.samefile(path)
    assert not (tmp_path / "cache").exists()


def test_download_is_kept(pinned, tmp_path, monkeypatch):
    served = tmp_path / "someone" / "set" / "archive" / "c0ffee.zip"
    served.parent.mkdir(parents=True)
    served.write_bytes(pack(MEMBERS))
    monkeypatch.setattr(module, "GITHUB", tmp_path.as_uri())
    cache = tmp_path / "cache"
    assert find_or_download(pinned, None, cache) == cache / "set-c0ffee.zip"
    served.unlink()
    assert read_members(find_or_download(pinned, None, cache), pinned) == MEMBERS
    assert [path.name for path in cache.iterdir()] == ["set-c0ffee.zip"]


def test_wrong_download_leaves_no_file(pinned, tmp_path, monkeypatch):
    served = tmp_path / "someone" / "set" / "archive" / "c0ffee.zip"
    served.parent.mkdir(parents=True)
    served.write_bytes(pack(MEMBERS | {"sounds/a.wav": b"other"}))
    monkeypatch.setattr(module, "GITHUB", tmp_path.as_uri())
    with pytest.raises(BadInputError, match="SHA-256"):
        find_or_download(pinned, None, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_missing_archive_raises(pinned, tmp_path):
    with pytest.raises(BadInputError, match=r"`data_dir` .* file:///nowhere/someone/set/archive/c0ffee\.zip"):
        find_or_download(pinned, tmp_path, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_hash_is_of_members_not_of_the_archive(pinned, tmp_path):
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        reverse = dict(reversed(MEMBERS.items())) | {"README.md": b"not wanted"}
        path = tmp_path / f"{compression}.zip"
        path.write_bytes(pack(reverse, compression))
        assert list(read_members(path, pinned).items()) == sorted(MEMBERS.items())
    assert members_sha256({"ab": b"c"}) != members_sha256({"a": b"bc"})


def test_wrong_contents(pinned, tmp_path):
    path = tmp_path / "set.zip"
    renamed = {"sounds/a.wav": MEMBERS["sounds/a.wav"], "sounds/c.wav": MEMBERS["sounds/b.wav"]}
    for members in (MEMBERS | {"sounds/a.wav": b"fIrst"}, renamed, MEMBERS | {"sounds/c.wav": b""}, {}):
        path.write_bytes(pack(members))
        refused(path, pinned, "SHA-256")


@pytest.mark.parametrize("name", ["../sounds/a.wav", "sounds/../../a.wav", "sounds\\..\\a.wav"])
def test_member_name_outside_the_folder_raises(pinned, tmp_path, name):
    path = tmp_path / "set.zip"
    path.write_bytes(pack(MEMBERS | {name: b"evil"}))
    refused(path, pinned, "names inside the archive")


@pytest.mark.parametrize("top", ["/set/", "C:/set/"])
def test_absolute_name(pinned, tmp_path, top):
    path = tmp_path / "set.zip"
    path.write_bytes(pack(MEMBERS, top=top))
    refused(path, pinned, "names inside the archive")


def test_link(pinned, tmp_path):
    link = zipfile.ZipInfo("set-c0ffee/sounds/c.wav")
    link.external_attr = 0o120777 << 16
    path = tmp_path / "set.zip"
    path.write_bytes(pack(MEMBERS | {link: b"/etc/passwd"}))
    refused(path, pinned, "a link")


def test_damaged(pinned, tmp_path):
    path = tmp_path / "set.zip"
    whole = pack(MEMBERS, zipfile.ZIP_STORED)
    for content in (whole[:-40], whole[: len(whole) // 2], b"", b"<html>", whole.replace(b"first", b"fIrst")):
        path.write_bytes(content)
        refused(path, pinned, "whole zip archive")
