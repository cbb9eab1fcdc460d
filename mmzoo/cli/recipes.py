"""The command `train`, whose flags are the fields of a recipe's Config and the options of all recipes."""

import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter

from mmzoo.cli.parser import import_tensorflow, new_app


def config_of(name: str) -> type:
    """Return the Config of the recipe `name`; TensorFlow is imported only where there is such a recipe."""
    from mmzoo import recipes

    if not recipes.is_file(name):
        recipes.find(name)
    import_tensorflow()
    return recipes.load(name).Config


def train(name: str) -> App:
    """Return the command line of `mmzoo train` for the recipe `name`."""
    config_type = config_of(name)
    from mmzoo.training.options import PhaseOptions

    app = new_app(f"mmzoo train {name}", sys.modules[config_type.__module__].__doc__, several=True)

    @app.default
    def run(
        *,
        config: Annotated[config_type | None, Parameter(name="*")] = None,
        out: Annotated[str, Parameter(help="Output folder; by default the recipe's name.")] = "",
        resume: Annotated[bool, Parameter(help="Resume an interrupted run.", negative="")] = False,
        precision: Annotated[
            Literal["float32", "mixed_bfloat16", "mixed_float16"],
            Parameter(help="Precision of the layers in training."),
        ] = "float32",
        phases: Annotated[PhaseOptions | None, Parameter(name="*")] = None,
    ) -> int:
        from mmzoo.artifacts.card import Card
        from mmzoo.commands.train import train

        folder = train(name, config, out=out, resume=resume, precision=precision, options=phases)
        return Card.read(folder).verification.exit_code

    return app
