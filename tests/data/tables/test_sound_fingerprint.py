"""Tests of spectrogram images: copies match, other recordings of the same word do not."""

import io

import numpy as np
import pytest
import soundfile

from mmzoo.data.sources.digit_facts import load
from mmzoo.data.tables.duplicates import fingerprint, near_duplicates
from mmzoo.data.tables.sound_fingerprint import spectrogram_image
from mmzoo.errors import BadInputError

RATE = 8000


@pytest.fixture(scope="module")
def clips():
    return load("sample", "train", "", 0, 4, 0.0).clips[:120]


def near(first, second):
    prints = [fingerprint(spectrogram_image(clip)) for clip in (*first, *second)]
    return near_duplicates("audio", prints, ["train"] * len(first) + ["test"] * len(second))


def lossy(clip):
    file = io.BytesIO()
    soundfile.write(file, clip, RATE, format="OGG", subtype="VORBIS")
    file.seek(0)
    return np.resize(soundfile.read(file, dtype="int16")[0], len(clip))


def test_near_duplicates_other_recordings_do_not_match(clips):
    assert near(clips[:60], clips[60:]) == ([], 0)


@pytest.mark.parametrize("change", [lambda clip: (clip * 0.6).astype(np.int16), lossy], ids=["softer", "lossy"])
def test_near_duplicates_changed_copies_match(clips, change):
    listed, count = near(clips, [change(clip) for clip in clips])
    assert count >= 0.95 * len(clips)
    assert listed[0].kind == "near audio"
    assert [c.second_row - c.first_row for c in listed] == [len(clips)] * len(listed)


def test_spectrogram_image_tones_have_expected_levels():
    time = np.arange(RATE) / RATE
    low = np.where(time < 0.5, np.sin(2 * np.pi * 200 * time), 0)
    high = np.where(time >= 0.5, np.sin(2 * np.pi * 3000 * time), 0)
    picture = spectrogram_image((10000 * (low + high)).astype(np.int16))[..., 0]
    assert picture.shape[0] == 64
    assert picture.max() == 255
    early, late = picture[5:25].mean(axis=0).argmax(), picture[40:60].mean(axis=0).argmax()
    assert early < late


def test_near_duplicates_silent_or_short_do_not_match():
    short = [np.zeros(8000, np.int16), np.ones(1, np.int16), np.zeros(40, np.int16)]
    assert near(short, short) == ([], 0)


@pytest.mark.parametrize("wrong", [np.zeros((2, 3), np.int16), np.zeros(0, np.int16), np.zeros(3, np.float32)])
def test_spectrogram_image_bad_waveform_raises(wrong):
    with pytest.raises(BadInputError, match=r"waveform: expected integers \(T,\)"):
        spectrogram_image(wrong)
