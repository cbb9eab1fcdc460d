"""The layout of `--help`: flags in groups, each with its default, wrapped to the terminal."""

import re
import textwrap
from ast import literal_eval
from collections.abc import Iterable
from typing import Any

GROUPS = {
    "Data": """target source data-dir modalities task image audio video series text number category ignore split group
        time id skip-bad fold join-validation label-share pairings components snr-db passes mixing joined context
        tampered""",
    "Model": """fusion encoder teacher text-encoder width embed-dim layers units text-units projection dropout alone
        init-from size""",
    "Training": """epochs batch-size learning-rate modality-dropout objective temperature beta targets clusters hidden
        seed opened balance budget folds tune precision freeze rates unfreeze-epochs patience clip-norm ema mixup
        label-smoothing""",
    "Output": "out resume",
}
GROUP_OF = {f"--{name}": group for group, names in GROUPS.items() for name in names.split()}
LABEL, WIDTH = 26, 110  # columns: of a flag and of a page, at most
MANY = 12  # flags of a page from which on they are grouped
PARAMETER = re.compile(r"`([a-z][a-z0-9_]*)`")  # as texts of the library name them
UNSET = ("", "None", "()", '""', "False")


class HelpPage:
    """A help formatter of cyclopts; a page with many flags divides them into `GROUPS`."""

    def __call__(self, console: Any, options: Any, panel: Any) -> None:
        """Print the commands or the parameters in `panel`."""
        for title, rows in sections(panel).items():
            _print(console, title, rows)

    def render_usage(self, console: Any, options: Any, usage: Any) -> None:
        """Print the line of `usage`."""
        _write(console, f"Usage: {_plain(usage).strip()}\n")

    def render_description(self, console: Any, options: Any, description: Any) -> None:
        """Print the paragraphs of `description`, wrapped."""
        for paragraph in _plain(description).strip().split("\n\n"):
            _write(console, textwrap.fill(" ".join(paragraph.split()), _width(console)) + "\n")


def sections(panel: Any) -> dict[str, list[tuple[str, str]]]:
    """Return `{title: rows}` of a panel of cyclopts; a row is a command, an argument or a flag, and its text."""
    entries = [entry for entry in panel.entries if entry.positive_names != ("--version",)]
    if panel.format == "command":
        commands = [entry for entry in entries if entry.positive_names != ("--help",)]
        return {"Commands": [(entry.positive_names[0], _plain(entry.description)) for entry in commands]}
    found: dict[str, list] = {}
    grouped = len(entries) > MANY
    for entry in entries:
        found.setdefault(_group(entry, grouped), []).append((_label(entry), _description(entry)))
    ordered = [*GROUPS, "Options"]
    return {
        title: found[title]
        for title in sorted(found, key=lambda title: ordered.index(title) if title in ordered else -1)
    }


def _group(entry: Any, grouped: bool) -> str:
    if entry.positional_label:
        return "Arguments"
    return GROUP_OF.get(entry.positive_names[0], "Options") if grouped else "Options"


def _print(console: Any, title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Print `rows` of a label and its text in two columns under `title`."""
    rows = list(rows)
    column = min(LABEL, max((len(label) for label, _ in rows), default=0))
    lines, indent = [], " " * (column + 4)
    for label, text in rows:
        first = f"  {label:<{column}}  "
        wrapped = textwrap.wrap(text, _width(console) - len(indent)) or [""]
        if len(first) > len(indent):
            lines.append(first.rstrip())
            first = indent
        lines += [f"{first}{wrapped[0]}".rstrip(), *(indent + line for line in wrapped[1:])]
    if lines:
        _write(console, "\n".join([f"{title}:", *lines]) + "\n")


def _label(entry: Any) -> str:
    """Return an argument's name, or the flag with its value; a switch that is on by default with its negative."""
    if entry.positional_label:
        return entry.positional_label
    if not entry.metavar and str(entry.default) == "True":
        return "/".join([entry.positive_names[0], *entry.negative_names[:1]])
    return " ".join([entry.positive_names[0], *([entry.metavar] if entry.metavar else [])])


def _description(entry: Any) -> str:
    """Return the text of a parameter, its choices, and its default where it has one that says something."""
    parts = [PARAMETER.sub(_flag, " ".join(_plain(entry.description).split()))]
    if entry.choices:
        parts.append(f"One of {', '.join(entry.choices)}.")
    default = _default(entry)
    if entry.required and not entry.positional_label:
        parts.append("[required]")
    elif default:
        parts.append(f"[default: {default}]")
    return " ".join(part for part in parts if part)


def _flag(found: re.Match) -> str:
    flag = f"--{found[1].replace('_', '-')}"
    return flag if flag in GROUP_OF else found[0]


def _default(entry: Any) -> str:
    shown = "" if entry.default is None else str(entry.default)
    if shown in UNSET or not entry.metavar:
        return ""
    return " ".join(map(str, literal_eval(shown))) if shown.startswith("(") else shown


def _plain(text: Any) -> str:
    """Return what a text of cyclopts or rich says."""
    text = getattr(text, "primary_renderable", text)
    return str(getattr(text, "plain", text) or "")


def _width(console: Any) -> int:
    return min(console.width, WIDTH)


def _write(console: Any, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
