"""The embedded speech is what its table says it is."""

from collections import Counter

import numpy as np
import pytest
import soundfile

from mmzoo.data.samples import make_spoken_digits as script
from mmzoo.data.sources.digits import SPEECH, TABLE, read_table
from mmzoo.errors import BadInputError


@pytest.fixture(scope="module")
def rows():
    return read_table()


def test_small_enough_to_keep():
    assert SPEECH.stat().st_size + TABLE.stat().st_size < 1_500_000


def test_table_covers_the_stream(rows):
    with soundfile.SoundFile(SPEECH) as file:
        assert (file.samplerate, file.channels) == (8000, 1)
        frames = file.frames
    ends = np.cumsum([row["length"] for row in rows])
    assert [row["start"] for row in rows] == [0, *ends[:-1]]
    assert ends[-1] == frames
    assert max(row["length"] for row in rows) <= 8000


def test_voices_speeds_and_words(rows):
    voices = {row["voice"] for row in rows}
    assert len(voices) >= 20
    said = Counter((row["voice"], row["speed"], row["digit"]) for row in rows)
    assert set(said.values()) == {1}
    assert len(said) == len(voices) * 2 * 10
    assert len({row["speed"] for row in rows}) == 2


def test_no_variant_is_heard_in_two_splits(rows):
    variants = {}
    for row in rows:
        variants.setdefault(row["voice"].split("+")[1], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in variants.values())
    assert set.union(*variants.values()) == {"train", "validation", "test"}


def test_clips_are_loud_and_hardly_padded(rows):
    sound, _ = soundfile.read(SPEECH)
    for row in rows:
        clip = sound[row["start"] : row["start"] + row["length"]]
        assert np.sqrt(np.square(clip).mean()) == pytest.approx(script.LOUDNESS, rel=0.1)
        assert np.abs(clip[:400]).max() > 0.005  # begins within 50 ms


def test_script_and_table_agree(rows):
    expected = [
        (split, voice, speed, digit)
        for split, voice in script.voices()
        for speed in script.SPEEDS
        for digit in range(10)
    ]
    assert [(row["split"], row["voice"], row["speed"], row["digit"]) for row in rows] == expected


def test_script_says_what_it_lacks(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInputError, match="expected espeak-ng to say one as en-gb"):
        script.speak("en-gb", 130, "one")
