"""Tests of decoding: WAV formats and sizes, resampling, waveform length; images of every depth and size."""

import io
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from scipy.signal import resample_poly

from mmzoo.device import media
from mmzoo.device.media import decode_image, decode_wav, fit_length, read_wav, resample, to_int16, wav_encoding

ROOT = Path(__file__).resolve().parents[2]
NOISE = np.random.default_rng(0).uniform(-1, 1, 1000)
WIDTHS = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")


def wav(samples=NOISE, rate=8000, **how):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **({"format": "WAV", "subtype": "PCM_16"} | how))
    return file.getvalue()


def with_sizes(content, riff=None, data=None):
    """Return a WAV file with other sizes in its header of 44 bytes."""
    content = bytearray(content)
    for place, size in ((4, riff), (40, data)):
        if size is not None:
            content[place : place + 4] = size.to_bytes(4, "little")
    return bytes(content)


def png(image, kind="PNG", **how):
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_read_wav_any_width_round_trips(write_wav, tmp_path, width, channels):
    samples = np.random.default_rng(width).uniform(-1, 0.98, (500, channels))
    samples[0], samples[1] = -1, 0
    got, rate = read_wav(write_wav(tmp_path / "a.wav", samples, width, 11025))
    assert (rate, got.dtype, got.shape) == (11025, np.float32, (500,))
    np.testing.assert_allclose(got, samples.mean(axis=1), rtol=0, atol=2.0 ** -(8 * width) + 1e-7)


@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", WIDTHS)
def test_decode_wav_any_format_equals_libsndfile(kind, subtype):
    content = wav(np.random.default_rng(0).uniform(-1.2, 1.2, (1000, 2)), 44100, format=kind, subtype=subtype)
    expected, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    got = decode_wav(content)
    assert got[1] == rate == 44100
    np.testing.assert_array_equal(got[0], np.clip(expected.mean(axis=1), -1, 1))


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW"])
def test_decode_wav_every_code_of_g711_equals_libsndfile(subtype):
    content = wav(np.zeros(256), subtype=subtype)
    content = content.replace(bytes([content[-1]]) * 256, bytes(range(256)))
    np.testing.assert_array_equal(decode_wav(content)[0], soundfile.read(io.BytesIO(content), dtype="float32")[0])
    assert len(np.unique(decode_wav(content)[0])) >= 255


@pytest.mark.parametrize(
    ("riff", "data"),
    [(2**32 - 1, 2**32 - 1), (0x7FFFF024, 0x7FFFF000), (0, 0), (36, 0), (2**32 - 1, 0), (None, 2**32 - 1), (0, None)],
)
def test_decode_wav_streamed_or_not_closed_reaches_the_end(riff, data):
    whole = wav()
    np.testing.assert_array_equal(decode_wav(with_sizes(whole, riff, data))[0], decode_wav(whole)[0])
    cut = with_sizes(whole, riff, data)[:-101]
    if data is not None:
        assert riff is None or len(decode_wav(cut)[0]) == 949


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wav()[:-10], "2044 bytes. Received: 2034, truncated"),
        (with_sizes(wav(), riff=1500, data=5000), "5000 bytes of samples. Received: 2000, truncated"),
        (with_sizes(wav()[:-10], riff=2**32 - 1), "2000 bytes of samples. Received: 1990, truncated"),
        (with_sizes(wav()[:-10], data=2**32 - 1), "2044 bytes. Received: 2034, truncated"),
        (wav(np.zeros(0)), "some samples. Received: 0"),
        (wav()[:44], "truncated"),
        (wav()[:30], "truncated|at its start"),
        (wav(np.zeros((10, 3))), "one or two channels. Received: 3 channels"),
        (wav(rate=10), "a rate of 1000 to 384000 Hz. Received: 10 Hz"),
        (wav(np.array([0, np.nan]), subtype="FLOAT"), "finite samples. Received: NaN or infinity"),
        (wav(np.array([0, 1e300]), subtype="DOUBLE"), "finite samples. Received: NaN or infinity"),
        (wav(subtype="IMA_ADPCM"), "PCM, float, A-law or mu-law samples. Received: format 0x0011 of 4 bits"),
        (wav(format="FLAC"), "Received: b'fLaC"),
        (b"RIFF", "Received: b'RIFF' at its start"),
        (b"", "Received: b'' at its start"),
    ],
    ids=range(15),  # a float file has the time at which it was written
)
def test_decode_wav_unusable_file_raises_one_line(content, message):
    with pytest.raises(ValueError, match=f"^a.wav: expected .*({message})") as raised:
        decode_wav(content, "a.wav")
    assert "\n" not in str(raised.value)


def test_decode_wav_other_chunks_are_skipped():
    whole = wav()
    extra = b"LIST" + (5).to_bytes(4, "little") + b"abcde\0"
    longer = whole[:12] + extra + whole[12:36] + extra + whole[36:] + extra
    longer = with_sizes(longer, riff=len(longer) - 8)
    np.testing.assert_array_equal(decode_wav(longer)[0], decode_wav(whole)[0])
    empty = with_sizes(wav(np.zeros(0)) + extra, riff=36 + len(extra))
    with pytest.raises(ValueError, match="expected some samples"):
        decode_wav(empty)


def test_wav_encoding_of_other_files_is_empty():
    assert wav_encoding(wav(format="FLAC")) == wav_encoding(b"") == wav_encoding(b"RIFF" + bytes(40)) == ""
    assert wav_encoding(wav(subtype="MS_ADPCM")) == "format 0x0002"


def test_fit_length_crops_to_highest_energy_and_pads():
    np.testing.assert_array_equal(fit_length(np.arange(1, 4), 6), [1, 2, 3, 0, 0, 0])
    np.testing.assert_array_equal(fit_length(np.arange(1, 4), 6, centered=True), [0, 1, 2, 3, 0, 0])
    np.testing.assert_array_equal(fit_length(np.array([0, 1, 5, 4, 3, 2, 0]), 4), [5, 4, 3, 2])


def test_fit_length_floats_and_integers_have_the_same_window():
    for seed in range(50):
        whole = np.random.default_rng(seed).integers(-32768, 32768, 3000).astype(np.int16)
        whole[1000:] = whole[:2000]  # windows of equal energy
        floats = whole / np.float32(32768)
        np.testing.assert_array_equal(to_int16(fit_length(floats, 700)), fit_length(whole, 700))


@pytest.mark.parametrize("length", [1, 7, 8000])
@pytest.mark.parametrize(
    ("rate", "wanted"), [(44100, 8000), (44100, 16000), (16000, 8000), (8000, 16000), (11025, 8000), (7999, 8000)]
)
def test_resample_equals_scipy(rate, wanted, length):
    x = np.random.default_rng(length).uniform(-1, 1, length)
    got = resample(x, rate, wanted)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, resample_poly(x, wanted, rate), rtol=0, atol=1e-7)


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 8000), (16000, 8000), (8000, 16000), (11025, 8000)])
def test_resample_tones_equal_exact(rate, wanted):
    nyquist = min(rate, wanted) / 2

    def tones(hz):
        return sum(0.2 * np.sin(2 * np.pi * share * nyquist * hz + share) for share in (0.05, 0.3, 0.6, 0.85))

    got = resample(tones(np.arange(rate) / rate), rate, wanted)
    middle = slice(wanted // 10, -wanted // 10)
    np.testing.assert_allclose(got[middle], tones(np.arange(wanted) / wanted)[middle], atol=1e-2)
    if wanted < rate:  # frequencies far above the new Nyquist frequency must vanish, not alias
        high = resample(np.sin(2 * np.pi * 1.3 * nyquist * np.arange(rate) / rate), rate, wanted)
        assert np.abs(high[middle]).max() < 1e-2


ROUND = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 4), np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_decode_image_transparency_is_on_white(mode, channels):
    image = ROUND.convert(mode)
    deep = np.asarray(image.convert("RGBA")).astype(float)
    expected = deep[..., :3] * (deep[..., 3:] / 255) + 255 - deep[..., 3:]
    got = decode_image(png(image), channels)
    expected = expected if channels == 3 else expected @ [[0.299], [0.587], [0.114]]
    np.testing.assert_allclose(got, expected, atol=1.5)


@pytest.mark.parametrize("clear", [7, bytes([255] * 7 + [0] + [255] * 248)])
def test_decode_image_clear_color_of_a_palette_is_white(clear):
    image = Image.fromarray(np.array([[7, 8, 7]], np.uint8)).convert("P")
    image.putpalette([0] * 768)
    assert decode_image(png(image, transparency=clear), 1)[0, :, 0].tolist() == [255, 0, 255]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_decode_image_clear_color_of_gray_is_white(dtype):
    image = Image.fromarray(np.array([[7, 8, 7]], dtype))
    assert decode_image(png(image, transparency=7), 1)[0, :, 0].tolist() == [255, 8 if dtype == np.uint8 else 0, 255]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_decode_image_without_transparency_equals_pillow(mode, kind):
    content = png(ROUND.convert("RGB").convert(mode), kind)
    with Image.open(io.BytesIO(content)) as file:
        expected = file.convert("RGB").resize((5, 4), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(decode_image(content, 3, (4, 5)), np.asarray(expected))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_decode_image_orientation_equals_pillow(orientation, kind):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    content = png(ROUND.convert("RGB"), kind, exif=exif)
    with Image.open(io.BytesIO(content)) as file:
        np.testing.assert_array_equal(decode_image(content, 3), np.asarray(ImageOps.exif_transpose(file)))


def test_decode_image_sixteen_bits_keep_the_upper_eight():
    deep = np.array([[0, 255, 256, 65535]], np.uint16)
    for kind in ("PNG", "TIFF", "PPM"):
        assert decode_image(png(Image.fromarray(deep), kind), 1)[0, :, 0].tolist() == [0, 0, 1, 255], kind


@pytest.mark.parametrize(("dtype", "received"), [(np.float32, "floats"), (np.int32, "32-bit integers")])
def test_decode_image_unknown_range_raises(dtype, received):
    content = png(Image.fromarray(np.ones((2, 2), dtype)), "TIFF")
    with pytest.raises(ValueError, match=f"a.tif: expected an image that decodes. Received: {received}, of which"):
        decode_image(content, 3, name="a.tif")


def large(kind="JPEG", **how):
    """Return an image file of 320 x 240 pixels: a gradient."""
    return png(Image.linear_gradient("L").resize((320, 240)), kind, **how)


@pytest.fixture
def small_limits(monkeypatch):
    """Divide all limits by some thousand."""
    monkeypatch.setattr(media, "ALONE", 10_000)
    monkeypatch.setattr(media, "SHRUNK", 70_000)
    monkeypatch.setattr(media, "LARGEST_WHOLE", 80_000)
    monkeypatch.setattr(media, "LARGEST", 1_000_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)


def test_decode_image_large_jpeg_is_shrunk(small_limits, monkeypatch):
    sizes = []
    on_white = media._on_white
    monkeypatch.setattr(media, "_on_white", lambda image: sizes.append(image.size) or on_white(image))
    got = decode_image(large(), 1, (12, 16))
    expected = np.asarray(Image.linear_gradient("L").resize((16, 12), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(got[..., 0], expected, atol=3)
    decode_image(large(progressive=True), 1, (12, 16))
    decode_image(large(), 1, (100, 100))
    decode_image(large(), 1)
    decode_image(large("PNG"), 1, (12, 16))
    monkeypatch.setattr(media, "SHRUNK", 100_000)
    decode_image(large(), 1, (12, 16))
    assert sizes == [(80, 60), (80, 60), (320, 240), (320, 240), (320, 240), (320, 240)]


def test_decode_image_too_large_raises(small_limits, monkeypatch):
    monkeypatch.setattr(media, "LARGEST_WHOLE", 76_799)
    decode_image(large(), 1, (12, 16))
    for content, size in ((large("PNG"), (12, 16)), (large(progressive=True), (12, 16)), (large(), None)):
        with pytest.raises(ValueError, match=r"^a.jpg: expected at most 0 megapixels. Received: 320 x 240 pixels$"):
            decode_image(content, 1, size, "a.jpg")


def test_decode_image_large_files_in_threads_leave_pillow_as_it_is(small_limits):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow's warning of many pixels
        found = []
        content = [large(), large("PNG"), large(progressive=True)]
        work = [
            threading.Thread(target=lambda i=i: found.append(decode_image(content[i % 3], 1, (9, 9))))
            for i in range(12)
        ]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
    assert len(found) == 12
    assert Image.MAX_IMAGE_PIXELS == 10_000


@pytest.mark.slow
def test_decode_image_200_megapixels():
    content = png(Image.linear_gradient("L").resize((16320, 12240)), "JPEG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = decode_image(content, 3, (96, 96))
    expected = np.asarray(Image.linear_gradient("L").resize((96, 96), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(got[..., 0], expected, atol=3)


def test_decode_image_any_error_is_one_line(monkeypatch):
    def fail(image):
        raise MemoryError

    monkeypatch.setattr(media, "_on_white", fail)
    with pytest.raises(ValueError, match=r"^a.png: expected an image that decodes. Received: MemoryError$"):
        decode_image(png(ROUND), 3, name="a.png")


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16", "1"])
def test_decode_image_in_strips_equals_whole(monkeypatch, mode, orientation):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (40, 60, 4), np.uint8))
    deep = Image.fromarray(rng.integers(0, 65536, (40, 60)).astype(np.uint16))
    image = deep if mode == "I;16" else image if mode == "RGBA" else image.convert("RGB").convert(mode)
    exif = Image.Exif()
    exif[media.ORIENTATION] = orientation
    content = png(image, exif=exif)
    whole, small = decode_image(content, 3), decode_image(content, 1, (4, 5))
    monkeypatch.setattr(media, "ALONE", 100)
    monkeypatch.setattr(media, "STRIP", 7 * 60)
    np.testing.assert_array_equal(decode_image(content, 3), whole)
    assert np.abs(decode_image(content, 1, (4, 5)).astype(int) - small).mean() < 12  # of noise


BOMB = """
import io, re, sys, threading
from pathlib import Path
from PIL import Image
from mmzoo.device.media import decode_image
file = io.BytesIO()
Image.new("RGBA", (15_600, 15_600), (9, 9, 9, 99)).save(file, "PNG", compress_level=6)
print(len(file.getvalue()))
Path("/proc/self/clear_refs").write_text("5")
work = [threading.Thread(target=decode_image, args=(file.getvalue(), 3, (96, 96))) for _ in range(8)]
[thread.start() for thread in work]
[thread.join() for thread in work]
print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
def test_decode_image_eight_small_files_of_243_megapixels_take_little_memory():
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, cwd=ROOT, check=True)
    size, peak = map(int, done.stdout.split())
    assert size < 2_000_000
    assert peak < 2_000_000  # KB: one image at a time, of 4 bytes a pixel


def test_decode_image_of_a_format_that_another_program_reads_raises():
    with pytest.raises(ValueError, match=r"^a.eps: expected an image that decodes. Received: .*no format"):
        decode_image(png(ROUND.convert("RGB"), "EPS"), 3, name="a.eps")


def test_sound_of_too_many_samples_raises(monkeypatch, write_wav, tmp_path):
    path = write_wav(tmp_path / "a.wav", np.zeros(1000))
    assert len(read_wav(path)[0]) == 1000
    with pytest.raises(ValueError, match="from 1000 to 384000 Hz: expected at most 268,435,456 samples"):
        resample(np.zeros(700_000), 1000, 384_000)
    monkeypatch.setattr(media, "LONGEST", 999)
    with pytest.raises(ValueError, match=r"a\.wav: expected at most 999 samples. Received: 1,000 samples"):
        read_wav(path)
