"""Tables of sounds: words, sounds of the environment, and words with the text around them."""

import functools
import json
import re
from pathlib import Path

import pandas as pd

from mmzoo.studies.own_tables.archives import find_file, members_of, random_split, wav
from mmzoo.studies.own_tables.table import Content, Table

WORD_RATE, CALL_RATE = 16_000, 8_000  # Hz
CALL = 12_000  # samples of a window
BLANK = "___"


def commands(data_dir: str | Path | None) -> Content:
    """Load words of one second; a speaker is in one split."""
    import soundfile

    folder = find_file("arrays/speech_commands_test/clips.csv", data_dir).parent
    frame = pd.read_csv(folder / "clips.csv")
    clips = functools.cache(lambda file: soundfile.read(folder / file, dtype="float32")[0])
    frame["sound"] = [
        f"{Path(file).stem}/{at:04d}.wav" for file, at in zip(frame["file"], frame["offset"], strict=True)
    ]
    frame["word"] = frame["class"].str.strip("_")
    # clips without a speaker are parts of a few recordings of noise: neighbours stay together
    part = frame["file"] + (frame["offset"] // 20).astype(str)
    frame["speaker"] = frame["speaker"].fillna(part)
    frame["split"] = random_split(frame, "word", "speaker")

    def read(name: str) -> bytes:
        at = int(Path(name).stem) * WORD_RATE
        return wav(clips(f"{Path(name).parent.name}.ogg")[at : at + WORD_RATE], WORD_RATE)

    return Content(frame[["sound", "word", "split"]], {"sound": "audio"}, read)


def sound_events(data_dir: str | Path | None) -> Content:
    """Load the 400 sounds of ESC-10: folds 1 to 3 train, 4 validation, 5 test."""
    from mmzoo.data.builders.esc10 import ARCHIVE
    from mmzoo.data.sources.esc10 import CLASSES, FOLDERS

    members = members_of(ARCHIVE, data_dir)
    named = {name: Path(name) for name in members}
    classes = dict(zip(FOLDERS, CLASSES, strict=True))
    splits = {"4": "validation", "5": "test"}
    rows = [
        (f"sounds/{path.name}", classes[path.parent.name.split(" - ")[1]], splits.get(path.name[0], "train"))
        for path in named.values()
    ]
    frame = pd.DataFrame(rows, columns=["sound", "event", "split"]).sort_values("sound")
    content = {path.name: members[name] for name, path in named.items()}
    return Content(frame, {"sound": "audio"}, lambda name: content[Path(name).name])


def wake_words(data_dir: str | Path | None) -> Content:
    """Load words within spoken sentences, each with its sentence, where the word is blanked; a call is in one split."""
    import soundfile

    folder = find_file("arrays/wuw_corpus_ii/clips.json", data_dir).parent
    calls = json.loads((folder / "clips.json").read_text(encoding="utf-8"))["context"]
    sound = functools.cache(lambda: soundfile.read(folder / "context.ogg", dtype="float32")[0].reshape(-1, CALL))
    words = sorted({call["word"] for call in calls})
    pattern = re.compile("|".join(r"\s?".join(word) for word in words), re.IGNORECASE)
    rows = [
        (f"calls/{row:05d}.wav", " ".join(pattern.sub(BLANK, call["text"]).split()), call["word"], call["session"])
        for row, call in enumerate(calls)
    ]
    frame = pd.DataFrame(rows, columns=["sound", "sentence", "word", "session"])
    frame["split"] = random_split(frame, "word", "session")
    return Content(
        frame.drop(columns="session"),
        {"sound": "audio", "sentence": "text"},
        lambda name: wav(sound()[int(Path(name).stem)], CALL_RATE),
    )


TABLES = (
    Table(
        *("commands", "audio", "word", "class"),
        *("Speech Commands v0.02, the official test set; CC BY 4.0", "random, by speaker", commands),
    ),
    Table(
        *("sound_events", "audio", "event", "class"),
        *("ESC-10 553c8f1; CC BY 3.0", "official folds 1-3, 4, 5", sound_events),
    ),
    Table(
        *("wake_words", "audio + text", "word", "class"),
        *("WUW Corpus II edd16fe, words in sentences; CC BY-SA 4.0", "random, by call", wake_words),
    ),
)
