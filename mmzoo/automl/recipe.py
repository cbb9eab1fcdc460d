"""The values of a table's recipe: from a card, or as the literals of the `recipe.py` that `mmzoo fit` writes."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmzoo.artifacts.card import Card
from mmzoo.artifacts.folder import CARD
from mmzoo.artifacts.model_folder import ModelFolder, read_config
from mmzoo.automl.table_recipe import TableConfig, TableRecipe
from mmzoo.data.tables.features import Category, Date, Number
from mmzoo.data.tables.series import Series
from mmzoo.data.tables.source import Source
from mmzoo.recipe import Recipe

RECIPE = "recipe.py"
WIDTH = 120  # columns
FEATURES = (Category, Date, Number, Series)
UNWRITTEN = ("data_dir", "fold", "threshold")  # fields of the Config that belong to a run
OPTIONAL = (
    "classes",
    "separator",
    "left_out",
    "decimal",
    "edges",
    "threshold",
    "id",
)  # not written with their defaults

TEMPLATE = '''"""The recipe of a table. Edit the values, then train again: `mmzoo train FOLDER/recipe.py`."""

from dataclasses import dataclass

from mmzoo.automl.table_recipe import TableConfig, TableRecipe
{features}from mmzoo.data.tables.source import Source

SOURCE = {source}


@dataclass(frozen=True)
class Config(TableConfig):  # `mmzoo train FOLDER/recipe.py --help` explains the fields
{fields}


RECIPE = TableRecipe(
    file=__file__,
    source=SOURCE,
    config=Config(),
{values}
)
__doc__ = RECIPE.summary
TINY, dataset, sizes, build = RECIPE.tiny, RECIPE.dataset, RECIPE.sizes, RECIPE.build
objective, plan, export, first_stage = RECIPE.objective, RECIPE.plan, RECIPE.export, RECIPE.first_stage
'''


def open_folder(path: str | Path | ModelFolder, trust: bool = False) -> ModelFolder:
    """Open the folder of a trained model, also of a table; see `ModelFolder.open`."""
    return ModelFolder.open(path, trust, from_card)


def from_card(card: Card, file: Path) -> Recipe:
    """Return the recipe of a table from the values of its card; its `file` is not run and need not exist.

    Raises:
        BadInputError: the config is of another type or out of its range.
    """
    modalities = ("modalities", tuple[str, ...], card.table.source.modalities)
    config_type = dataclasses.make_dataclass("Config", [modalities], bases=(TableConfig,), frozen=True)
    values = {**card.config, "modalities": list(card.table.source.modalities)}
    own = {one.name: getattr(card.table, one.name) for one in dataclasses.fields(card.table)}
    made = TableRecipe(file=str(file), config=read_config(config_type, values, file.parent / CARD), **own)
    about = {"name": str(file), "summary": made.summary.rstrip("."), "Config": config_type, "tiny": made.tiny}
    return Recipe(**about, **made.parts, source=made.source, table=made)


def from_values(values: Mapping[str, Any]) -> TableRecipe:
    """Return the recipe of `values`, `{field: value}` of its source, config and own fields; `seed` is of two."""

    def picked(record: type) -> dict[str, Any]:
        return {one.name: values[one.name] for one in dataclasses.fields(record) if one.name in values}

    source = Source(**picked(Source))
    config = TableConfig(modalities=source.modalities, **picked(TableConfig))
    return TableRecipe(source=source, config=config, **picked(TableRecipe))


def recipe_text(recipe: TableRecipe) -> str:
    """Return the `recipe.py` of `recipe`; text from the table is in it as string literals only."""
    source, config = recipe.source, recipe.config
    used = {type(column) for _, columns in source.inputs for column in columns if type(column) in FEATURES}
    names = ("encoders", "teachers", "patience", *recipe.kind.learned, "bytes_limit")
    own = [name for name in names if _is_own(recipe, name)]
    fields = [
        _field(one, recipe)
        for one in dataclasses.fields(TableConfig)
        if one.name not in UNWRITTEN or getattr(config, one.name) != one.default
    ]
    return TEMPLATE.format(
        features=_imports(used),
        source=_exploded(source, 0),
        fields="\n".join(fields),
        values="\n".join(f"    {name}={_code(getattr(recipe, name), 4, len(name) + 1)}," for name in own),
    )


def _is_own(recipe: TableRecipe, name: str) -> bool:
    return name not in ("scale", "highest", "bytes_limit") or bool(getattr(recipe, name))


def _imports(used: set[type]) -> str:
    """Return the lines that import the classes `used`."""
    names: dict[str, list[str]] = {}
    for one in sorted(used, key=lambda one: one.__name__):
        names.setdefault(one.__module__, []).append(one.__name__)
    return "".join(f"from {module} import {', '.join(names[module])}\n" for module in sorted(names))


def _field(one: dataclasses.Field, recipe: TableRecipe) -> str:
    """Return the line of a field of the Config, with the recipe's default."""
    value = getattr(recipe.config, one.name)
    start = f"{one.name}: {'tuple[str, ...]' if isinstance(value, tuple) else one.type.__name__} = "
    known = one.name == "modalities" and value == recipe.source.modalities
    return f"    {start}{'SOURCE.modalities' if known else _code(value, 4, len(start))}"


def _code(value: object, indent: int, before: int) -> str:
    """Return the code of `value` behind `indent` spaces and `before` columns: on one line where that fits."""
    line = _line(value)
    return line if indent + before + len(line) < WIDTH or not _parts(value)[1] else _exploded(value, indent)


def _line(value: object) -> str:
    """Return the code of `value` on one line."""
    opening, items, closing = _parts(value)
    comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
    return f"{opening}{', '.join(f'{name}{_line(item)}' for name, item in items)}{comma}{closing}"


def _exploded(value: object, indent: int) -> str:
    """Return the code of `value` with an item per line."""
    opening, items, closing = _parts(value)
    space = " " * (indent + 4)
    lines = [f"{space}{name}{_code(item, indent + 4, len(name))}," for name, item in items]
    return "\n".join([opening, *lines, f"{' ' * indent}{closing}"])


def _parts(value: object) -> tuple[str, list[tuple[str, object]], str]:
    """Return the code of `value` before its items, the items with what precedes each, and the code after them.

    Raises:
        TypeError: `value` has no literal.
    """
    if isinstance(value, tuple):
        return "(", [("", item) for item in value], ")"
    if isinstance(value, dict):
        return "{", [(f"{_line(key)}: ", item) for key, item in value.items()], "}"
    if isinstance(value, (Source, *FEATURES)):
        given = [(one, getattr(value, one.name)) for one in dataclasses.fields(value)]
        items = [(f"{one.name}=", item) for one, item in given if one.name not in OPTIONAL or item != one.default]
        return f"{type(value).__name__}(", items, ")"
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return _double_quoted(kind.__repr__(value)), [], ""
    if value is None:
        return "None", [], ""
    raise TypeError(f"a recipe holds numbers, strings, tuples and dicts, got {type(value).__name__}")


def _double_quoted(literal: str) -> str:
    """Return the literal of a string in double quotes, as ruff formats it, unless a quote is in the string."""
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal
