"""Sounds as pictures of their spectra: copies are alike, other recordings of the same word are not."""

import io

import numpy as np
import pytest
import soundfile

from mmzoo.data.sources.digit_facts import load
from mmzoo.data.tables.duplicates import fingerprint, near_duplicates
from mmzoo.data.tables.sound_fingerprint import sound_picture
from mmzoo.errors import BadInputError

RATE = 8000


@pytest.fixture(scope="module")
def clips():
    return load("sample", "train", "", 0, 4, 0.0).clips[:120]


def near(first, second):
    prints = [fingerprint(sound_picture(clip)) for clip in (*first, *second)]
    return near_duplicates("audio", prints, ["train"] * len(first) + ["test"] * len(second))


def lossy(clip):
    file = io.BytesIO()
    soundfile.write(file, clip, RATE, format="OGG", subtype="VORBIS")
    file.seek(0)
    return np.resize(soundfile.read(file, dtype="int16")[0], len(clip))


def test_other_recordings_are_not_near(clips):
    assert near(clips[:60], clips[60:]) == ([], 0)


@pytest.mark.parametrize("change", [lambda clip: (clip * 0.6).astype(np.int16), lossy], ids=["softer", "lossy"])
def test_copies_are_near(clips, change):
    listed, count = near(clips, [change(clip) for clip in clips])
    assert count >= 0.95 * len(clips)
    assert listed[0].kind == "near audio"
    assert [c.second_row - c.first_row for c in listed] == [len(clips)] * len(listed)


def test_level_by_time_and_frequency():
    time = np.arange(RATE) / RATE
    low = np.where(time < 0.5, np.sin(2 * np.pi * 200 * time), 0)
    high = np.where(time >= 0.5, np.sin(2 * np.pi * 3000 * time), 0)
    picture = sound_picture((10000 * (low + high)).astype(np.int16))[..., 0]
    assert picture.shape[0] == 64
    assert picture.max() == 255
    early, late = picture[5:25].mean(axis=0).argmax(), picture[40:60].mean(axis=0).argmax()
    assert early < late


def test_silence_and_shortness_are_like_nothing():
    short = [np.zeros(8000, np.int16), np.ones(1, np.int16), np.zeros(40, np.int16)]
    assert near(short, short) == ([], 0)


@pytest.mark.parametrize("wrong", [np.zeros((2, 3), np.int16), np.zeros(0, np.int16), np.zeros(3, np.float32)])
def test_refuses(wrong):
    with pytest.raises(BadInputError, match=r"waveform: expected integers \(T,\)"):
        sound_picture(wrong)
