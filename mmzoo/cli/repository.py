"""The commands on all recipes, parts and published models: `list` and `publish`."""

from typing import Annotated

from cyclopts import Parameter

from mmzoo.cli.parser import import_tensorflow
from mmzoo.errors import BadInputError

Switch = Annotated[bool, Parameter(negative="")]


def list_recipes(*, parts: Switch = False) -> None:
    """List the recipes.

    Parameters
    ----------
    parts
        List encoders, fusions and heads with their costs instead.
    """
    if parts:
        from mmzoo.commands.catalogue import table

        print(table())
        return
    import ast
    from importlib.util import find_spec
    from pathlib import Path

    from mmzoo import recipes

    names = recipes.names()
    for name in names:
        source = Path(find_spec(f"mmzoo.recipes.{name}").origin).read_text(encoding="utf-8")
        print(f"{name:<{max(map(len, names))}} {ast.get_docstring(ast.parse(source)).splitlines()[0]}")


def publish(
    *names: str,
    check: Switch = False,
    scores_only: str = "",
    name: str = "",
    root: str = ".",
    parts: Switch = False,
) -> int:
    """Write the READMEs and tables of published models from their cards.

    Run it at the top of the repository.

    Parameters
    ----------
    names
        With --parts: the parts to measure, as fusion/gated; by default all.
    check
        Write nothing; exit with 1 if a file would change.
    scores_only
        First copy the card of this folder, without its weights, to saved_models.
    name
        Name of the copy, RECIPE_SOURCE; by default the recipe's.
    root
        Top of the repository.
    parts
        Measure encoders, fusions and heads instead, for `mmzoo list --parts`.
    """
    import_tensorflow()
    if parts:
        from mmzoo.commands.catalogue import measure_parts, table

        measure_parts(names)
        print(table())
        return 0
    if names:
        raise BadInputError(f"`names` need `parts`, got {' '.join(names)}")
    import_tensorflow()
    from mmzoo.commands.publish import publish, publish_scores_into

    if scores_only:
        publish_scores_into(root, scores_only, name)
    changed = publish(root, check)
    for path in changed:
        print(f"{path}: {'differs from the cards' if check else 'written'}")
    return 1 if changed and check else 0
