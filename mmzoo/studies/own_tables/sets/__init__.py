"""The tables of the suite, by source; `all_tables` lists them."""

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
