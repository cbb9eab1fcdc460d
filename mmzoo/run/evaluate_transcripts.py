"""What the transcripts of a recognizer score: output `log_probabilities` against the texts that were said.

A recipe whose sentences follow a grammar says so by a function `language(config)`, which returns a
`mmzoo.metrics.language_model.LanguageModel` of its training split. It is kept beside the model, and the scores tell
what the transcripts are worth with it and without.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.metrics.decode import Scorer, beam_ctc, spell
from mmzoo.metrics.language_model import read_language_model
from mmzoo.metrics.transcription import error_rates
from mmzoo.run.execute import Arrays, predictor
from mmzoo.run.folder import KERAS
from mmzoo.run.readme_scores import RATES, transcript_rows
from mmzoo.run.record_scores import keep_scores, print_artifacts
from mmzoo.run.split import NOTHING, PLAIN, by_pattern

OUTPUT = "log_probabilities"
LANGUAGE = "language_model.json"
WITH_LANGUAGE = "wer_with_language_model"
WIDTH, MOST = 24, 4  # prefixes of the beam, and characters that can continue one in a frame


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
    if hasattr(recipe, "language"):
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


def record_transcripts(
    folder: str | Path, card: dict, files: Sequence[str], split: dict[str, tuple[Arrays, np.ndarray]], keep: bool
) -> dict[str, dict]:
    """Score `files` on `split`, print it and, with `keep`, record it in the card; return `{file: scores}`."""
    folder = Path(folder)
    scores = transcript_scores(folder, files, split, card["labels"], before=card.get("scores", {}) if keep else None)
    print_artifacts(files, scores, RATES, transcript_table(scores))
    keep_scores(folder, card, scores, f"{scores['n']} sentences", keep)
    return {file: scores["artifacts"][file] for file in files}


def transcript_table(scores: dict) -> str:
    """Return the scores of the recognizer as lines to print."""
    head = ["condition", "present", *RATES, "wer with LM", "wer of it alone", "with LM"]
    rows = [head, *transcript_rows(scores)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
