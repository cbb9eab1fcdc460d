"""Cards that mmzoo 0.1.0 wrote, upgraded to the records of `mmzoo.artifacts.card`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmzoo.errors import BadInputError

KEPT = (
    *("mmzoo", "recipe", "name", "config", "training", "command", "seed", "data", "parameters", "inputs", "outputs"),
    *("labels", "max_score_drop", "rows", "duplicates", "gain_curve", "cross_validation", "tuning", "files"),
    *("operators", "benchmark", "history", "withheld"),
)
BASELINES = {
    "baselines": "unimodal",
    "average": "average",
    "fusion_gain": "fusion_gain",
    "consistency": "consistency",
    "peers": "linear",
    "peer_rows": "linear_rows",
    "constant": "constant",
    "fused": "fused",
}
ENVIRONMENT = ("machine", "versions", "commit", "wall_seconds")
SCORES = ("split", "n", "artifacts", "subsets")
DETAILS = {"transcripts": "transcription", "retrieval": "retrieval", "anomalies": "anomaly", "objective": "pretraining"}
OUTPUTS = {"heatmap": "detection", "value": "regression", "label_probabilities": "multilabel"}


def upgrade(card: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """Return the card of mmzoo 0.1.0 as one of today; `path` is named in errors.

    Raises:
        BadInputError: a section is no object, or a key is unknown.
    """
    for key in ("scores", "data", "config", "files", "baselines", "verify", "history"):
        if not isinstance(card.get(key, {}), dict):
            raise BadInputError(f"{path}: `{key}` must be an object, got {type(card[key]).__name__}")
    known = {*KEPT, *BASELINES, *ENVIRONMENT, "task", "scores", "verify"}
    if unknown := sorted(set(card) - known):
        raise BadInputError(f"{path}: `{unknown[0]}` is not a key of a card")
    scores = card.get("scores", {})
    new = {key: card[key] for key in KEPT if key in card} | {"format": 2, "task": _task(card, scores)}
    new |= {"summary": card["task"]} if "task" in card else {}
    new["scores"] = {key: scores[key] for key in SCORES if key in scores}
    new["scores"]["details"] = {key: value for key, value in scores.items() if key not in SCORES}
    new["baselines"] = {after: card[before] for before, after in BASELINES.items() if before in card}
    new["environment"] = {key: card[key] for key in ENVIRONMENT if key in card}
    if card.get("verify"):
        new["verification"] = card["verify"]
    return new


def _task(card: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """Return the task of a card that does not name it, by its scores or else its outputs."""
    outputs = card.get("outputs", [])
    names = [entry.get("name") for entry in outputs if isinstance(entry, dict)] if isinstance(outputs, list) else []
    found = [task for key, task in DETAILS.items() if key in scores]
    found += [task for name, task in OUTPUTS.items() if name in names]
    return next(iter(found), "classification")
