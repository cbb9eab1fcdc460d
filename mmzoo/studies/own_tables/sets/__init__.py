"""The tables of the suite, by source; `all_tables` lists them."""

from collections.abc import Sequence

from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables.sets import films, numbers, pictures, products, scans, sounds
from mmzoo.studies.own_tables.table import Table


def all_tables() -> dict[str, Table]:
    """Return the tables of the suite by name."""
    modules = (pictures, products, scans, films, sounds, numbers)
    return {table.name: table for module in modules for table in module.TABLES}


def chosen(names: str) -> list[Table]:
    """Return the tables that `names`, separated by commas, names; all for "".

    Raises:
        BadInputError: there is no table of a name.
    """
    tables = all_tables()
    wanted = [name.strip() for name in names.split(",")] if names else list(tables)
    if unknown := [name for name in wanted if name not in tables]:
        raise BadInputError(f"`tables` must be names of {', '.join(tables)}, got {', '.join(unknown)}")
    return [tables[name] for name in wanted]


def list_tables(tables: Sequence[Table]) -> str:
    """Return a line for each table: name, kind, task, target, source and split."""
    rows = [(one.name, one.kind, one.task, one.target, f"{one.source}; split: {one.split}") for one in tables]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return "\n".join("  ".join([*(f"{c:<{w}}" for c, w in zip(row, widths, strict=False)), row[-1]]) for row in rows)
