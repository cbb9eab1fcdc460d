"""Tables of facts for hand-written pages: tasks, data sources, GPU rules, the card's schema, the tree of packages."""

import configparser
import dataclasses
import inspect
import typing
from pathlib import Path
from typing import Any

from static import ROOT, Module, Unknown, module, names_in, table

from mmzoo.artifacts import card as records
from mmzoo.artifacts.card import Card

NO_TASKS = ("task", "format", "comparison")


def tasks() -> list[str]:
    """Return the names of the tasks."""
    return [name for name in names_in("mmzoo.tasks") if name not in NO_TASKS]


def cards() -> dict[str, Card]:
    """Return the cards of the published models by the name of their folder."""
    return {path.parent.name: Card.read(path.parent) for path in sorted((ROOT / "saved_models").glob("*/card.json"))}


def task(name: str) -> str:
    """Return outputs, metrics, card fields and published models of the task `name`."""
    read = module(f"mmzoo.tasks.{name}")
    facts, found = read.keywords("TASK"), {key: card for key, card in cards().items() if card.task == name}
    outputs = ", ".join(f"`{output}`" for output in facts["outputs"]) or "the outputs of the encoders"
    lines = [read.doc, "", "## Outputs and metrics", "", f"The task reads: {outputs}.", ""]
    primary, judged = facts["primary"], facts["judged"]
    metrics = facts["metrics"] if not isinstance(facts["metrics"], Unknown) and facts["metrics"] else ()
    rows = []
    for metric in dict.fromkeys((primary, judged, *metrics), None):
        roles = [role for role, one in (("primary", primary), ("quantized files are judged", judged)) if one == metric]
        better = "higher" if metric.higher_is_better else "lower"
        rows.append([f"`{metric.key}`", metric.label, better, ", ".join(roles)])
    lines += [table(["key", "metric", "better", "role"], rows), "", "## Fields of the card", ""]
    lines += [_fields(found), "", "## Published models", ""]
    models = [f"- [{key}](../models/{key}.md)" for key in found]
    return "\n".join([*lines, *(models or ["No model of this task is published yet."])])


def _fields(found: dict[str, Card]) -> str:
    """Return a table of the keys that the scores of `found` have."""
    parts: dict[str, dict[str, None]] = {"scores.artifacts": {}, "scores.subsets": {}, "scores.details": {}}
    for card in found.values():
        for one in card.scores.artifacts.values():
            parts["scores.artifacts"] |= dict.fromkeys(one)
        for one in card.scores.subsets.values():
            parts["scores.subsets"] |= dict.fromkeys(one)
        parts["scores.details"] |= dict.fromkeys(card.scores.details)
    rows = [[f"`{place}`", ", ".join(f"`{key}`" for key in keys)] for place, keys in parts.items() if keys]
    whole = "See the [schema of `card.json`](../reference/card.md)."
    return f"{table(['field', 'keys in published cards'], rows)}\n\n{whole}" if rows else whole


def task_list() -> str:
    """Return a table of all tasks."""
    return table(
        ["task", "prediction"], [[f"[{name}]({name}.md)", _plain(module(f"mmzoo.tasks.{name}"))] for name in tasks()]
    )


def _plain(read: Module) -> str:
    return read.summary.rstrip(".")


def sources() -> str:
    """Return a table of the data sources of the recipes with their licenses."""
    used: dict[str, list[str]] = {}
    facts: dict[str, dict[str, str]] = {}
    for recipe in names_in("mmzoo.recipes"):
        for name, values in _cards_of(module(f"mmzoo.recipes.{recipe}")).items():
            facts[values["name"]] = values
            used.setdefault(values["name"], []).append(f"{recipe}: `{name}`")
    rows = [
        [name, "<br>".join(used[name]), one.get("version", ""), one.get("license", ""), one.get("weights_license", "")]
        for name, one in sorted(facts.items())
    ]
    return table(["data", "recipe: `--source`", "version", "license of the data", "license of the weights"], rows)


def _cards_of(recipe: Module) -> dict[str, dict[str, str]]:
    """Return `{source: name, version, licenses}` of a recipe: its `CARDS`, or the `CARD` of each of its sources."""
    if isinstance(recipe.value("CARDS"), dict):
        return recipe.value("CARDS")
    found = recipe.value("SOURCES")
    return {name: source.value("CARD") for name, source in found.items() if isinstance(source, Module)}


def gpu_rules() -> str:
    """Return a table of the rules of GPU accelerators that `mmzoo verify` names."""
    rules = module("mmzoo.verification.gpu_rules").value("RULES")
    return table(["rule", "what fails, and what to do"], [[f"`{name}`", text] for name, text in rules.items()])


def card_schema() -> str:
    """Return a table for each record of `card.json`."""
    kinds = [value for value in vars(records).values() if dataclasses.is_dataclass(value) and isinstance(value, type)]
    lines = []
    for kind in sorted(kinds, key=lambda one: (one is not Card, one.__name__)):
        lines += ["", f"## {kind.__name__}", "", inspect.getdoc(kind) or ""]
        rows = [[f"`{entry.name}`", f"`{_type(entry.type)}`", _default(entry)] for entry in dataclasses.fields(kind)]
        lines += ["", table(["key", "type", "default"], rows)]
    return "\n".join(lines)


def _type(kind: Any) -> str:
    shown = kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)
    return shown.replace("mmzoo.artifacts.card.", "").replace("typing.", "").replace("dict[str, Any]", "object")


def _default(entry: dataclasses.Field) -> str:
    if entry.default_factory is not dataclasses.MISSING:
        return "`{}`" if entry.default_factory is dict else "`[]`"
    if entry.default is dataclasses.MISSING:
        return "required"
    if dataclasses.is_dataclass(entry.default):
        return f"an empty `{type(entry.default).__name__}`"
    return {None: "`null`", "": '`""`', (): "`[]`", True: "`true`", False: "`false`"}.get(
        entry.default, f"`{entry.default}`"
    )


def tree() -> str:
    """Return a table of the packages from top to bottom: an entry imports only from those below it."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = config["importlinter:contract:layers"]["layers"].split("\n")
    rows = []
    for names in ([name.strip() for name in line.split(":")] for line in layers if line.strip()):
        for name in names:
            rows.append([f"`{name}`", _plain(module(f"mmzoo.{name}")), ", ".join(_inner(name))])
    return table(["package", "contents", "folders"], rows)


def _inner(name: str) -> list[str]:
    folder: Path = ROOT / "mmzoo" / name
    return [f"`{path.parent.name}`" for path in sorted(folder.glob("*/__init__.py")) if path.parent.name != "samples"]
