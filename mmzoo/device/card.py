"""The card embedded in a `.tflite` file: read, and refused unless its entries have their types."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

METADATA = "mmzoo_card"  # name of the .tflite metadata buffer that holds the card


def read_card(file: Path, content: bytes) -> dict:
    """Return the card in the metadata of `file`, whose bytes are `content` and have passed `check_layout`, or `{}`.

    Raises:
        ValueError: the metadata is not a JSON object, or an entry that a `Runner` reads has another type.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() != METADATA.encode():
            continue
        data = model.Buffers(entry.Buffer()).DataAsNumpy()
        try:
            card = json.loads(np.asarray(data, np.uint8).tobytes())
            json.dumps(card, ensure_ascii=False).encode()  # a lone surrogate is no text that can be shown
        except (ValueError, TypeError, RecursionError):
            card = None
        if not isinstance(card, dict):
            raise ValueError(f"{file}: expected a JSON object as metadata {METADATA}. Received: other data")
        _check_card(file, card)
        return card
    return {}


def _check_card(file: Path, card: dict) -> None:
    inputs, config = card.get("inputs", []), card.get("config", {})
    problems = {
        "inputs, a list of objects with a name": isinstance(inputs, list) and all(map(_is_input, inputs)),
        "labels, a list of texts": isinstance(card.get("labels", []), list)
        and all(isinstance(label, str | int) for label in card.get("labels", [])),
        "config, an object": isinstance(config, dict),
        "config.threshold, a number": isinstance(config, dict) and _is_number(config.get("threshold") or 0.0),
        "recipe, a text": isinstance(card.get("recipe", ""), str),
    }
    for expected, holds in problems.items():
        if not holds:
            raise ValueError(f"{file}: expected {expected}, in the metadata {METADATA}. Received: other data")


def _is_input(entry: Any) -> bool:
    """Return whether an entry of the card's inputs has a name, and a unit, a range and `prepare` of their types."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return False
    limits, prepare = entry.get("range"), entry.get("prepare") or {}
    if limits is not None and not (isinstance(limits, list) and len(limits) == 2 and all(map(_is_number, limits))):
        return False
    return isinstance(entry.get("unit", ""), str) and isinstance(prepare, dict) and _is_preparation(prepare)


def _is_preparation(prepare: dict) -> bool:
    """Return whether the arguments of `prepare_series` have their types; `{}` is none."""
    if not prepare:
        return True
    channels, fill = prepare.get("channels"), prepare.get("fill")
    return (
        isinstance(channels, list)
        and all(isinstance(name, str) for name in channels)
        and isinstance(fill, list)
        and len(fill) == len(channels)
        and all(map(_is_number, fill))
        and isinstance(prepare.get("time"), str)
        and _is_number(prepare.get("rate"))
        and prepare["rate"] > 0
        and isinstance(prepare.get("steps"), int)
        and prepare["steps"] > 0
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
