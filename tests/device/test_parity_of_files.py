"""Files give the same tensor in training and on the device, bit for bit, or are refused by both."""

import hashlib
import io
import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmzoo.data.tables.batches import as_inputs
from mmzoo.data.tables.rows import Sizes, decode_rows
from mmzoo.data.tables.series import Series
from mmzoo.device import Runner
from mmzoo.errors import BadInputError

SIZES = Sizes(image_size=24, sample_rate=8000, samples=600, text_bytes=8)
NAMES = ("image", "audio", "series")
SERIES = Series("file", ("x", "y"), "t", 20.0, 16, (1.25, -3.0), (2.0, 0.5))
INPUTS = {"image": ("file",), "audio": ("file",), "series": (SERIES,)}
OUTPUTS = {"image": "seen", "audio": "heard", "series": "felt"}
WIDTHS = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of files, with the cache of decoded tables in it."""
    place = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMZOO_CACHE_DIR", str(place / "cache"))
        yield place


@pytest.fixture(scope="module")
def runner(embed, tmp_path_factory):
    """Return a runner of a model whose outputs are its inputs; its card has the units of a table."""
    import keras

    shapes = SIZES.shapes(NAMES, INPUTS)
    image = keras.Input(shapes["image"], dtype="uint8", name="image")
    audio = keras.Input(shapes["audio"], name="audio")
    series = keras.Input(shapes["series"], name="series")
    present = keras.Input((3,), name="present")
    inputs = {"image": image, "audio": audio, "series": series, "present": present}
    outputs = {"seen": keras.layers.Rescaling(1.0)(image), "heard": keras.layers.Rescaling(1.0)(audio)}
    outputs["felt"] = keras.layers.Rescaling(1.0)(series)
    outputs["there"] = keras.layers.Rescaling(1.0)(present)
    path = tmp_path_factory.mktemp("same") / "model_float32.tflite"
    spec = {k: keras.InputSpec(shape=(1, *v.shape[1:]), dtype=v.dtype, name=k) for k, v in inputs.items()}
    keras.Model(inputs, outputs).export(path, format="litert", input_signature=[spec], verbose=False)
    units, prepare = SIZES.units(NAMES, INPUTS), {"series": {"prepare": SERIES.prepare}}
    entries = [{"name": name, "unit": units[name], **prepare.get(name, {})} for name in inputs]
    card = {"recipe": "recipe.py", "inputs": entries}
    embed(path, json.dumps(card).encode(), path)
    return Runner(path)


def trained(kind, path, folder):
    """Return the input that training makes of a file, or the error with which it refuses the file."""
    frame = pd.DataFrame({"file": [str(path)]}, dtype=object)
    try:
        rows = decode_rows(frame, folder, {kind: INPUTS[kind]}, SIZES)
    except BadInputError as error:
        return error
    return as_inputs(rows, np.array([0]), [kind])[kind][0]


def ran(kind, path, runner):
    """Return the input that the runner makes of a file, or the error with which it refuses the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return runner(**{kind: path})[OUTPUTS[kind]]
    except ValueError as error:
        return error


def assert_same(kind, content, folder, runner):
    """Return the tensor that both make of `content`, None if both refuse it with one line that names the file."""
    path = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.bin"
    path.write_bytes(content)
    one, other = trained(kind, path, folder), ran(kind, path, runner)
    if isinstance(one, ValueError) or isinstance(other, ValueError):
        for error in (one, other):
            assert isinstance(error, ValueError), f"only one refuses the file: {one}, {other}"
            assert path.name in str(error)
            assert "\n" not in str(error)
        return None
    np.testing.assert_array_equal(one.astype(np.float32), other)
    return one


def encoded_sound(samples, rate, **how):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **how)
    return file.getvalue()


@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(0, 1500) | st.sampled_from([599, 600, 601, 6000]),
    rate=st.sampled_from([8000, 8000, 4000, 11025, 16000, 44100, 48000, 7999, 500]),
    channels=st.integers(1, 3),
    subtype=st.sampled_from(WIDTHS),
    extensible=st.booleans(),
    gain=st.sampled_from([0.0, 0.01, 1.0, 1.7]),
)
@settings(max_examples=150, deadline=None)
def test_wav_files_give_the_same_tensor(folder, runner, seed, length, rate, channels, subtype, extensible, gain):
    samples = np.random.default_rng(seed).uniform(-gain, gain, (length, channels))
    kind = "WAVEX" if extensible else "WAV"
    tensor = assert_same("audio", encoded_sound(samples, rate, format=kind, subtype=subtype), folder, runner)
    assert (tensor is None) == (channels > 2 or not length or rate < 1000)
    if tensor is not None and rate == 8000 and gain == 1 and length < 600:
        assert not tensor[length:].any(), "zeros are behind the sound"
        assert tensor[:length].any()


@given(seed=st.integers(0, 2**32 - 1), cut=st.floats(0, 1), where=st.sampled_from(["end", "sizes", "bytes"]))
@settings(max_examples=100, deadline=None)
def test_broken_wav_files_give_the_same_tensor_or_none(folder, runner, seed, cut, where):
    rng = np.random.default_rng(seed)
    content = bytearray(encoded_sound(rng.uniform(-1, 1, 700), 8000, format="WAV"))
    if where == "end":
        content = content[: int(cut * len(content))]
    if where == "sizes":
        for place in (4, 40):
            content[place : place + 4] = int(rng.choice([0, 36, 100, 5000, 0x7FFFF000, 0xFFFFFFFF])).to_bytes(
                4, "little"
            )
    if where == "bytes":
        content[int(rng.choice([*range(4, 20), *range(22, 60)]))] = int(rng.integers(256))  # stays a WAV file of PCM
    assert_same("audio", bytes(content), folder, runner)


@pytest.mark.parametrize("rate", [8000, 22050])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_flac_file_equals_wav_file_in_training_and_is_refused_by_the_device(folder, runner, rate, subtype):
    samples = np.random.default_rng(rate).integers(-(2**31), 2**31, (2000, 2), np.int32)
    samples &= ~0xFFFF if subtype == "PCM_16" else ~0xFF  # encoders of the two formats round otherwise
    (folder / "a.flac").write_bytes(encoded_sound(samples, rate, format="FLAC", subtype=subtype))
    expected = assert_same("audio", encoded_sound(samples, rate, format="WAV", subtype=subtype), folder, runner)
    np.testing.assert_array_equal(trained("audio", folder / "a.flac", folder), expected)
    with pytest.raises(ValueError, match=r"a\.flac: expected a WAV file .*Received: b'fLaC"):
        runner(audio=folder / "a.flac")


@st.composite
def images(draw):
    """Return the bytes of an image file and its mode."""
    kinds = {"JPEG": ("L", "RGB", "CMYK", "YCbCr"), "WEBP": ("L", "RGB", "RGBA"), "GIF": ("1", "L", "P", "RGBA")}
    kinds["PNG"] = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    kinds["TIFF"] = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "F", "I")
    kinds["BMP"] = ("1", "L", "P", "RGB", "RGBA")
    kind = draw(st.sampled_from(sorted(kinds)))
    mode = draw(st.sampled_from(kinds[kind]))
    width, height, seed = draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    deep = {"I;16": (np.uint16, 65536), "F": (np.float32, 2), "I": (np.int32, 70000)}
    if mode in deep:
        image = Image.fromarray(rng.integers(0, deep[mode][1], (height, width)).astype(deep[mode][0]))
    else:
        image = Image.fromarray(rng.integers(0, 256, (height, width, 4), np.uint8))
        image = image.convert(mode) if mode in ("RGBA", "LA") else image.convert("RGB").convert(mode)
    how = {"quality": 90, "progressive": draw(st.booleans())} if kind == "JPEG" else {}
    if mode == "P" and kind in ("PNG", "GIF") and draw(st.booleans()):
        how["transparency"] = draw(st.integers(0, 255))
    if mode in ("L", "RGB") and kind == "PNG" and draw(st.booleans()):
        how["transparency"] = image.getpixel((0, 0))
    orientation = draw(st.integers(1, 8))
    if kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        how["exif"] = Image.Exif()
        how["exif"][0x0112] = orientation
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue(), mode


@given(images(), st.floats(0.3, 1.4))
@settings(max_examples=200, deadline=None)
def test_image_files_give_the_same_tensor_or_none(folder, runner, made, whole):
    content, mode = made
    cut = content if whole >= 1 else content[: math.ceil(len(content) * whole)]
    tensor = assert_same("image", cut, folder, runner)
    if whole >= 1:
        assert (tensor is None) == (mode in ("F", "I"))


def encoded_series(frame, form):
    """Return a series as the bytes of a CSV or Parquet file, or of an NPY file without names."""
    file = io.BytesIO()
    if form == "parquet":
        frame.to_parquet(file, index=False)
    elif form == "npy":
        np.save(file, frame.to_numpy())
    else:
        frame.to_csv(file, index=False, sep=form, decimal="," if form == ";" else ".")
    return file.getvalue()


@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.sampled_from([0, 1, 2, 15, 16, 17, 40]),
    rate=st.sampled_from([20, 20, 10, 7.3, 39, 60, 200]),
    form=st.sampled_from([",", ";", "\t", "parquet", "parquet", "npy"]),
    names=st.sampled_from([("x", "y"), ("y", "x"), ("y", "x"), ("x", "z")]),
    empty=st.sampled_from([0, 0, 0.2, 1]),
    large=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_series_give_the_same_tensor(folder, runner, seed, length, rate, form, names, empty, large):
    rng = np.random.default_rng(seed)
    times = 1e9 * large + (np.arange(length) + rng.uniform(-0.3, 0.3, length)) / rate
    values = np.where(rng.random((length, 2)) < empty, np.nan, rng.normal((1000, 0), (3, 0.1), (length, 2)))
    frame = pd.DataFrame({names[0]: values[:, 0], "t": times, names[1]: values[:, 1]})
    tensor = assert_same("series", encoded_series(frame, form), folder, runner)
    known = np.isfinite(values).any()
    assert (tensor is None) == (form == "npy" or "z" in names or not known)
    if tensor is not None:
        assert set(np.unique(tensor[:, 2])) <= {0, 1}
        assert tensor[0, 2] == 1
        fill = np.array([1.25, -3.0], np.float32)
        np.testing.assert_array_equal(tensor[tensor[:, 2] == 0, :2], np.tile(fill, (int((tensor[:, 2] == 0).sum()), 1)))


@given(
    seed=st.integers(0, 2**32 - 1),
    form=st.sampled_from([",", "parquet", "npy"]),
    cut=st.floats(0, 1),
    where=st.sampled_from(["end", "bytes"]),
)
@settings(max_examples=100, deadline=None)
def test_broken_series_give_the_same_tensor_or_none(folder, runner, seed, form, cut, where):
    rng = np.random.default_rng(seed)
    content = bytearray(encoded_series(pd.DataFrame(rng.normal(size=(9, 3)), columns=["t", "x", "y"]), form))
    if where == "end":
        content = content[: int(cut * len(content))]
    else:
        for _ in range(4):
            content[rng.integers(len(content))] = rng.integers(256)
    assert_same("series", bytes(content), folder, runner)
