"""What the transcripts of a recognizer score: output `log_probabilities` against the texts that were said.

A recipe whose sentences follow a grammar says so by a function `language(config)`, which returns a
`mmzoo.metrics.language_model.LanguageModel` of its training split. It is kept beside the model, and the scores tell
what the transcripts are worth with it and without.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.artifacts.folder import KERAS
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import PLAIN, Arrays
from mmzoo.data.presence import NOTHING, by_pattern
from mmzoo.metrics.decode import Scorer, beam_ctc, spell
from mmzoo.metrics.language_model import read_language_model
from mmzoo.metrics.transcription import error_rates
from mmzoo.tasks.format import table

OUTPUT = "log_probabilities"
LANGUAGE = "language_model.json"
WITH_LANGUAGE = "wer_with_language_model"
WIDTH, MOST = 24, 4  # prefixes of the beam, and characters that can continue one in a frame
RATES = ("wer", "cer", "exact")  # of transcripts


def transcribes(outputs: Sequence[str]) -> bool:
    """Tell whether a model of these outputs is a recognizer."""
    return OUTPUT in set(outputs)


def transcripts(log_probabilities: np.ndarray, characters: Sequence[str], scorer: Scorer | None = None) -> list[str]:
    """Return the likeliest text of each of `log_probabilities` `(N, T, 1 + len(characters))`, by a beam of 24."""
    found = (beam_ctc(frames, WIDTH, most=MOST, scorer=scorer)[0][0] for frames in log_probabilities)
    return [spell(labels, characters) for labels in found]


def rates(
    predict: Callable[[Arrays], Arrays],
    inputs: Arrays,
    labels: np.ndarray,
    characters: Sequence[str],
    scorer: Scorer | None = None,
) -> dict[str, float]:
    """Return word and character error rates and the share of exact texts of `predict`; labels count from 1.

    These are without a language model; with a `scorer` also the word error rate with it.
    """
    told = np.asarray(predict(inputs)[OUTPUT])
    truth = [spell(row, characters) for row in np.asarray(labels)]
    found = error_rates(transcripts(told, characters), truth)
    found = {key: found[key] for key in RATES}
    if scorer:
        found[WITH_LANGUAGE] = error_rates(transcripts(told, characters, scorer), truth)["wer"]
    return found


def keep_language(recipe: Any, config: Any, folder: Path) -> None:
    """Write the language model of a `recipe` that has one into `folder`."""
    if recipe.language is not None:
        recipe.language(config).write(folder / LANGUAGE)


def transcript_scores(
    folder: Path,
    files: Sequence[str],
    split: dict[str, tuple[Arrays, np.ndarray]],
    characters: Sequence[str],
    alone: dict[str, Callable[[Arrays], Arrays]] | None = None,
    before: dict | None = None,
) -> dict:
    """Return the card's `scores` of the artifacts `files`, kept from `before` where not scored again.

    Of each condition of `split` the first file is scored with every subset of the modalities, and so is each of
    `alone`, `{modality: predict}`, the models of one modality.
    """
    section = {"split": "test", **(before or {})}
    inputs, labels = split[PLAIN]
    full, path = {}, folder / LANGUAGE
    scorer = read_language_model(path).scorer() if path.is_file() else None
    if files[0] == KERAS or "transcripts" not in section:
        first = predictor(folder / files[0])
        section["n"] = len(labels)
        section["transcripts"] = {name: _subsets(first, *arrays, characters, scorer) for name, arrays in split.items()}
        best = next(iter(section["transcripts"][PLAIN].values()))
        full[files[0]] = {key: best[key] for key in RATES}
    for file in files[len(full) :]:
        full[file] = rates(predictor(folder / file), inputs, labels, characters)
    reports = {file: {"word_accuracy": 1 - found["wer"], **found, "n": len(labels)} for file, found in full.items()}
    section["artifacts"] = {**section.get("artifacts", {}), **reports}
    if alone:
        section["alone"] = {
            name: {modality: rates(predict, *arrays, characters, scorer) for modality, predict in alone.items()}
            for name, arrays in split.items()
        }
    return section


def _subsets(predict, inputs: Arrays, labels: np.ndarray, characters: Sequence[str], scorer) -> dict[str, dict]:
    modalities = [name for name in inputs if name != "present"]
    given = by_pattern(inputs, modalities)
    return {name: rates(predict, x, labels, characters, scorer) for name, x in given if name != NOTHING}


def transcript_table(scores: dict) -> str:
    """Return the scores of the recognizer as lines to print."""
    head = ["condition", "present", *RATES, "wer with LM", "wer of it alone", "with LM"]
    rows = [head, *transcript_rows(scores)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def transcript_markdown(scores: dict) -> str:
    """Return the error rates of a recognizer by condition and by what is present."""
    head = ["condition", "present", "WER, %", "CER, %", "exact, %", "WER with the language model, %"]
    head += ["WER of a model of it alone, %", "that with the language model, %"]
    rows = transcript_rows(scores)
    language = (
        " The language model beside the model, `language_model.json`, counts 5-grams of the characters of the training "
        "transcript_markdown alone; the beam search adds it where the table says so (shallow fusion)."
        if any(row[5] for row in rows)
        else ""
    )
    return (
        f"## Score on the {scores['split']} split, {scores['n']:,} sentences\n\n"
        "Word and character error rates, and the share of sentences without an error, by a beam search without a "
        f"language model.{language}\n\n{table(head, rows)}"
    )


def transcript_rows(scores: dict) -> list[list[str]]:
    """Return rows of condition, what is present, WER, CER, exact, and the WER with a language model, in percent.

    At the end is the WER of a model of it alone, without and with a language model. What there is not is "".
    """
    rows, language = [], "wer_with_language_model"
    for condition, subsets in scores["transcripts"].items():
        for name, found in subsets.items():
            alone = scores.get("alone", {}).get(condition, {}).get(name, {})
            told = [*(found[key] for key in RATES), found.get(language), alone.get("wer"), alone.get(language)]
            rows.append([condition, name, *("" if rate is None else f"{100 * rate:.2f}" for rate in told)])
    return rows
