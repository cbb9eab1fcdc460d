"""What the transcripts of a recognizer score: output `log_probabilities` against the texts that were said."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mmzoo.metrics.decode import beam_ctc
from mmzoo.metrics.transcription import error_rates
from mmzoo.run.card import write_card
from mmzoo.run.execute import Arrays, predictor
from mmzoo.run.folder import CARD, KERAS
from mmzoo.run.readme_scores import RATES, transcript_rows
from mmzoo.run.split import present_patterns

OUTPUT = "log_probabilities"
WIDTH, MOST = 8, 4  # prefixes of the beam, and characters that can continue one in a frame


def transcribes(outputs: Sequence[str]) -> bool:
    """Tell whether a model of these outputs is a recognizer."""
    return OUTPUT in set(outputs)


def transcripts(log_probabilities: np.ndarray, characters: Sequence[str]) -> list[str]:
    """Return the likeliest text of each of `log_probabilities` `(N, T, 1 + len(characters))`, by a beam of 8."""
    found = (beam_ctc(frames, WIDTH, most=MOST)[0][0] for frames in log_probabilities)
    return ["".join(characters[label - 1] for label in labels) for labels in found]


def rates(
    predict: Callable[[Arrays], Arrays], inputs: Arrays, labels: np.ndarray, characters: Sequence[str]
) -> dict[str, float]:
    """Return word and character error rates and the share of exact texts of `predict`; labels count from 1."""
    told = transcripts(np.asarray(predict(inputs)[OUTPUT]), characters)
    truth = ["".join(characters[label - 1] for label in row if label > 0) for row in np.asarray(labels)]
    found = error_rates(told, truth)
    return {key: found[key] for key in RATES}


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
    inputs, labels = next(iter(split.values()))
    reports = {}
    for file in files:
        full = rates(predictor(folder / file), inputs, labels, characters)
        reports[file] = {"word_accuracy": 1 - full["wer"], **full, "n": len(labels)}
    section["artifacts"] = {**section.get("artifacts", {}), **reports}
    if files[0] == KERAS or "transcripts" not in section:
        first = predictor(folder / files[0])
        section["n"] = len(labels)
        section["transcripts"] = {name: _subsets(first, *arrays, characters) for name, arrays in split.items()}
    if alone:
        section["alone"] = {
            name: {modality: rates(predict, *arrays, characters) for modality, predict in alone.items()}
            for name, arrays in split.items()
        }
    return section


def _subsets(predict, inputs: Arrays, labels: np.ndarray, characters: Sequence[str]) -> dict[str, dict]:
    modalities = [name for name in inputs if name != "present"]
    result = {}
    for name, pattern in present_patterns(modalities).items():
        if any(pattern) and ("present" in inputs or all(pattern)):
            present = np.tile(np.asarray(pattern, np.float32), (len(labels), 1))
            given = {**inputs, "present": present} if "present" in inputs else inputs
            result[name] = rates(predict, given, labels, characters)
    return result


def record_transcripts(
    folder: str | Path, card: dict, files: Sequence[str], split: dict[str, tuple[Arrays, np.ndarray]], keep: bool
) -> dict[str, dict]:
    """Score `files` on `split`, print it and, with `keep`, record it in the card; return `{file: scores}`."""
    folder = Path(folder)
    scores = transcript_scores(folder, files, split, card["labels"], before=card.get("scores", {}) if keep else None)
    for file in files:
        print(f"{file:<22}" + "  ".join(f"{key} {scores['artifacts'][file][key]:.4f}" for key in RATES))
    print(f"\n{transcript_table(scores)}")
    if keep:
        write_card(folder, {**card, "scores": scores})
    where = folder / CARD
    said = f"recorded in {where} and README.md" if keep else f"(--limit): not recorded in {where}"
    print(f"\n{scores['n']} sentences: {said}")
    return {file: scores["artifacts"][file] for file in files}


def transcript_table(scores: dict) -> str:
    """Return the scores of the recognizer as lines to print."""
    rows = [["condition", "present", *RATES, "wer of it alone"], *transcript_rows(scores)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
