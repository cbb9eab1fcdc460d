"""Targets of a table: each module turns a column into one task; `Source.kind` names them."""

import importlib

from mmzoo.automl.targets.target import TargetKind

MODULES = {"class": "classification", "number": "regression", "labels": "multilabel"}


def load(kind: str) -> TargetKind:
    """Return the target of `kind`: class, number or labels."""
    return importlib.import_module(f"{__name__}.{MODULES[kind]}").TARGET
