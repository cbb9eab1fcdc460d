"""One page a command, from the command line itself; flags of recipes are read from their source."""

import io
from typing import Any

from cyclopts import App
from rich.console import Console
from static import Field, Module, module, names_in, table

from mmzoo.cli.app import app
from mmzoo.cli.help_page import PARAMETER, HelpPage, sections

COMMANDS = ("train", "fit", "predict", "evaluate", "export", "verify", "benchmark", "list", "study", "publish")
OF_A_RECIPE = {("train",): "recipes", ("study", "fusions"): "studies", ("study", "strategies"): "studies"}
OF_A_RECIPE[("study", "gain-curve")] = "studies"
KINDS = {"int": "INT", "float": "FLOAT", "str": "STR"}


class Collector(HelpPage):
    """A help formatter that keeps the parts of a page in place of printing them."""

    def __init__(self):
        self.usage, self.text, self.sections = "", "", {}

    def __call__(self, console: Any, options: Any, panel: Any) -> None:
        """Keep the rows of `panel`."""
        for title, rows in sections(panel).items():
            self.sections.setdefault(title, []).extend(rows)

    def render_usage(self, console: Any, options: Any, usage: Any) -> None:
        """Keep the line of `usage`."""
        self.usage = _text(HelpPage().render_usage, options, usage)

    def render_description(self, console: Any, options: Any, description: Any) -> None:
        """Keep the paragraphs of `description`."""
        self.text = _text(HelpPage().render_description, options, description)


def _text(render: Any, options: Any, content: Any) -> str:
    page = io.StringIO()
    render(Console(file=page, width=110), options, content)
    return page.getvalue().strip()


def collect(words: tuple[str, ...] = (), root: App = app) -> Collector:
    """Return the help page of the command `words` of `root`, as cyclopts lays it out."""
    found = Collector()
    apps = [root, *([root[words[0]]] if words else [])]
    before = [one.help_formatter for one in apps]
    for one in apps:
        one.help_formatter = found
    try:
        root.help_print(list(words), console=Console(file=io.StringIO()))
    finally:
        for one, formatter in zip(apps, before, strict=True):
            one.help_formatter = formatter
    return found


def recipe_flags(name: str) -> list[Field]:
    """Return the fields of the Config of the recipe `name`."""
    return module(f"mmzoo.recipes.{name}").fields("Config")


def common_flags(words: tuple[str, ...]) -> list[Field]:
    """Return what the command `words` of a recipe takes besides the fields of the recipe's Config."""
    cli: Module = module(f"mmzoo.cli.{OF_A_RECIPE[words]}")
    own = [field for field in cli.parameters(words[-1].replace("-", "_")) if field.name not in ("config", "phases")]
    return own + (module("mmzoo.training.options").fields("PhaseOptions") if words == ("train",) else [])


def flag(field: Field) -> str:
    """Return the flag that sets a field, as `--batch-size INT`, or the name of an argument."""
    if field.positional:
        return field.name.upper()
    kind = field.annotation.removesuffix(" | None").partition("[")[2].partition(",")[0].rstrip("]")
    kind = KINDS.get(kind or field.annotation.removesuffix(" | None"), "")
    several = "..." if field.annotation.startswith("tuple") else ""
    return f"--{field.name.replace('_', '-')}" + (f" {kind}{several}" if kind else "")


def _rows(fields: list[Field]) -> list[list[str]]:
    rows, known = [], {"init_from", *(field.name for field in fields)}
    for field in fields:
        default = f" Default: `{field.default}`." if field.default not in ("", "False") else ""
        choices = field.annotation.partition("Literal[")[2].rstrip("]").replace("'", "`")
        text = " ".join(part for part in (field.text, f"One of {choices}." if choices else "") if part)
        text = PARAMETER.sub(lambda name: f"`--{name[1].replace('_', '-')}`" if name[1] in known else name[0], text)
        rows.append([f"`{flag(field)}`", text + default])
    return rows


def _shown(words: tuple[str, ...], level: str) -> list[str]:
    """Return the paragraphs of one command, and a table for each group of its flags."""
    page = collect(words)
    lines = [page.text.replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n")]
    lines += ["", "```sh", page.usage.removeprefix("Usage: "), "```"]
    for title, rows in page.sections.items():
        if not rows:
            continue
        lines += ["", f"{level} {title}", "", table(["name", "meaning"], [[f"`{a}`", b] for a, b in rows])]
    return lines


def command_page(name: str) -> str:
    """Return the Markdown page of the command `name`."""
    lines = [f"# mmzoo {name}", "", *_shown((name,), "##")]
    if (name,) in OF_A_RECIPE:
        lines += ["", "## Options of every recipe", "", table(["flag", "meaning"], _rows(common_flags((name,))))]
        lines += ["", *_recipes()]
    if name == "study":
        for inner in (row[0] for row in collect((name,)).sections["Commands"]):
            lines += ["", f"## {inner}", "", *_shown((name, inner), "###")]
            if (name, inner) in OF_A_RECIPE:
                rows = _rows(common_flags((name, inner)))
                lines += ["", "It also takes the [flags of the recipe](train.md#flags-of-each-recipe).", ""]
                lines += [table(["name", "meaning"], rows)]
    return "\n".join(lines) + "\n"


def _recipes() -> list[str]:
    """Return a table of the flags of each recipe."""
    lines = ["## Flags of each recipe", ""]
    lines += ["Each table lists the fields of the recipe's `Config` with the recipe's own defaults."]
    for name in names_in("mmzoo.recipes"):
        lines += ["", f"### {name}", "", module(f"mmzoo.recipes.{name}").summary, ""]
        lines += [table(["flag", "meaning"], _rows(recipe_flags(name)))]
    return lines


def command_list() -> str:
    """Return a table of all commands with a link to the page of each."""
    texts = dict(collect().sections["Commands"])
    return table(["command", "purpose"], [[f"[`mmzoo {name}`]({name}.md)", texts[name]] for name in COMMANDS])
