"""Synthesize the embedded speech again: `python -m mmzoo.data.samples.make_spoken_digits [FOLDER]`.

espeak-ng (Debian: `apt-get install espeak-ng`; version 1.51 made the files in this folder) says zero to
nine in 48 voices, each an English accent with a voice variant, at two speeds. Every clip is resampled to
8 kHz, trimmed of silence and brought to one loudness; all are concatenated in `spoken_digits.ogg`,
and `spoken_digits.json` has their offsets. No variant occurs in two splits, so test voices are
unheard in training. The sound is synthesized by us from the ten words alone and is published under the
license of this package.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from mmzoo.data.decode.audio import decode_audio, fit_length, resample_scipy
from mmzoo.errors import BadInputError

SAMPLE_RATE = 8000  # Hz
FORMAT = {"format": "OGG", "subtype": "VORBIS", "compression_level": 0.85}
SPEEDS = (130, 180)  # words a minute
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = (
    "en-gb",
    "en-us",
    "en-gb-scotland",
    "en-029",
    "en-gb-x-gbclan",
    "en-gb-x-rp",
    "en-gb-x-gbcwmd",
    "en-us-nyc",
)
VARIANTS = {
    "train": "f1 f2 f4 f5 m1 m2 m3 m5 m6 m8 Alex Andrea Annie Denis Gene Jacky Marco Michael adam anika "
    "belinda benjamin boris caleb david ed iven john klatt linda max paul",
    "validation": "Alicia Hugo f3 m4 miguel robert steph victor",
    "test": "Andy Lee Mario aunty grandpa klatt2 m7 shelby",
}
SILENCE = 0.02  # of the loudest sample; softer ends are cut
MARGIN = 80  # samples kept at both ends of a trimmed clip
LOUDNESS = 0.1  # RMS


def main(folder):
    """Write `spoken_digits.ogg` and `spoken_digits.json` into `folder`, each whole or not at all."""
    import soundfile

    rows, sound = [], []
    start = 0
    for split, voice in voices():
        for speed in SPEEDS:
            for digit, word in enumerate(WORDS):
                clip = speak(voice, speed, word)
                rows.append([split, voice, speed, digit, start, len(clip)])
                sound.append(clip)
                start += len(clip)
    columns = ["split", "voice", "speed", "digit", "start", "length"]
    table = {"sample_rate": SAMPLE_RATE, "columns": columns, "clips": rows}
    folder = Path(folder)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        stream, offsets = Path(temporary) / "spoken_digits.ogg", Path(temporary) / "spoken_digits.json"
        with soundfile.SoundFile(stream, "w", SAMPLE_RATE, 1, **FORMAT) as file:
            for clip in sound:  # libsndfile dies on minutes of Vorbis written at once
                file.write(clip)
        lines = ",\n".join(json.dumps(row) for row in rows)
        offsets.write_text(json.dumps(table | {"clips": []}).replace("[]", f"[\n{lines}\n]") + "\n")
        for file in (stream, offsets):
            os.replace(file, folder / file.name)
            print(f"{folder / file.name}: {(folder / file.name).stat().st_size} bytes, {len(rows)} clips")


def voices():
    """List `(split, voice)`; the accents go round, so that each split hears all of them."""
    pairs = [(split, variant) for split, names in VARIANTS.items() for variant in names.split()]
    return [(split, f"{ACCENTS[i % len(ACCENTS)]}+{variant}") for i, (split, variant) in enumerate(pairs)]


def speak(voice, speed, word):
    """Synthesize one word as float32 `(T,)`, T at most 8000, trimmed and of RMS `LOUDNESS`."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", word]
    try:
        content = subprocess.run(command, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BadInputError(f"expected espeak-ng to say {word} as {voice}. Received: {error}") from None
    clip = decode_audio(content, SAMPLE_RATE, f"espeak-ng {voice}", resample_scipy)
    loud = np.flatnonzero(np.abs(clip) > SILENCE * np.abs(clip).max())
    clip = fit_length(clip[max(loud[0] - MARGIN, 0) : loud[-1] + MARGIN], min(len(clip), SAMPLE_RATE))
    clip = clip[: np.flatnonzero(clip)[-1] + 1]
    return np.clip(clip * LOUDNESS / np.sqrt(np.square(clip).mean()), -1, 1)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
