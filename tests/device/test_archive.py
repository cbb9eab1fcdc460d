"""Tests of bounded archives: what a member declares is checked before it is unpacked."""

import io
import time
import zipfile

import numpy as np
import pytest

from mmzoo.device.archive import check_archive, read_npz


def write(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def header(shape, dtype="<f8", body=b""):
    made = io.BytesIO()
    np.lib.format.write_array_header_1_0(made, {"descr": dtype, "fortran_order": False, "shape": shape})
    return made.getvalue() + body


def test_arrays_are_read_as_numpy_does(tmp_path):
    arrays = {"a": np.arange(6).reshape(2, 3), "b": np.float32(2.5), "c": np.zeros((0, 4), bool)}
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    found = read_npz(tmp_path / "x.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("member", "received"),
    [
        (header((10**11,)), "of shape"),
        (header((4,), body=bytes(24)), "in 152 bytes"),
        (header((4,), "|O", bytes(32)), "object"),
        (b"text", "magic"),
        (b"", "."),
    ],
)
def test_member_of_another_size_is_refused(tmp_path, member, received):
    write(tmp_path / "x.npz", a=member)
    with pytest.raises(ValueError, match=rf"x\.npz: expected a whole \.npz file. Received: .*{received}") as caught:
        read_npz(tmp_path / "x.npz")
    assert "\n" not in str(caught.value)


def test_archive_that_unpacks_to_more_is_refused_before(tmp_path):
    write(tmp_path / "x.npz", a=header((1 << 25,), "|u1", bytes(1 << 25)))
    assert (tmp_path / "x.npz").stat().st_size < 50_000
    began = time.process_time()
    with pytest.raises(ValueError, match=r"expected at most 1,048,576 bytes, unpacked. Received: 33,554,560"):
        check_archive(tmp_path / "x.npz", 1 << 20)
    assert time.process_time() - began < 0.1
    with pytest.raises(ValueError, match="unpacked"):
        read_npz(tmp_path / "x.npz", 1 << 20)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no archive")
    for name in ("x.npz", "missing.npz"):
        with pytest.raises(ValueError, match=f"{name}: expected a whole zip archive. Received: .") as caught:
            read_npz(tmp_path / name)
        assert "\n" not in str(caught.value)
