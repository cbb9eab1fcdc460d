"""The verbs whose flags are those of a recipe: its Config makes their command line."""

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, Parameter

from mmzoo.errors import BadInputError


def import_tensorflow() -> None:
    """Import TensorFlow without the lines that its C++ side writes about drivers that are not there."""
    from mmzoo.export.convert import quiet

    with quiet():
        import tensorflow  # noqa: F401


def _recipe_app(verb: str, name: str, said: str) -> App:
    """Return the command line of a verb whose flags are those of the recipe `name`."""
    style = {"help_format": "plaintext", "help_formatter": "plain", "result_action": "return_value"}
    return App(name=f"mmzoo {verb} {name}", help=said, **style)


def _config_of(name: str) -> type:
    """Return the Config of the recipe `name`; what it imports is imported only where there is such a recipe."""
    from mmzoo import recipes

    if not recipes.is_file(name):
        recipes.find(name)
    import_tensorflow()
    return recipes.load(name).Config


def _train(name: str, arguments: list[str]) -> int:
    """Read the flags of `train`: those of the recipe's Config, those of its phases, and its own."""
    config_type = _config_of(name)
    from mmzoo.training.options import PhaseOptions

    sub = _recipe_app("train", name, sys.modules[config_type.__module__].__doc__)

    @sub.default
    def run(
        *,
        config: Annotated[config_type, Parameter(name="*")] = None,
        out: Annotated[str, Parameter(help="Folder to write; by default the recipe's name, here.")] = "",
        resume: Annotated[bool, Parameter(help="Go on with a run that was stopped.", negative="")] = False,
        precision: Annotated[str, Parameter(help="float32, mixed_bfloat16 or mixed_float16.")] = "float32",
        phases: Annotated[PhaseOptions, Parameter(name="*")] = None,
    ) -> int:
        from mmzoo.artifacts.card import Card
        from mmzoo.commands.train import train

        told = {"out": out, "resume": resume, "precision": precision, "options": phases}
        return Card.read(train(name, config, **told)).verification.exit_code

    return sub(arguments, exit_on_error=False, print_error=False)


def _compare_strategies(name: str, arguments: list[str]) -> None:
    """Read the flags of `compare-strategies`: those of the recipe's Config, and its own."""
    config_type = _config_of(name)
    from mmzoo.studies.strategies import STRATEGIES, compare_strategies

    sub = _recipe_app("compare-strategies", name, f"Compare {', '.join(STRATEGIES)}.")

    @sub.default
    def run(
        *,
        config: Annotated[config_type, Parameter(name="*")] = None,
        shares: Annotated[str, Parameter(help="Of the labels, separated by commas.")] = "0.01,0.1,1",
        seeds: Annotated[str, Parameter(help="How many, from 0 on; or which, separated by commas.")] = "3",
        pretraining_epochs: Annotated[int, Parameter(help="Times through the unlabeled pairs.")] = 1,
        strategies: Annotated[str, Parameter(help="Separated by commas.")] = ",".join(STRATEGIES),
        out: Annotated[str, Parameter(help="Folder to write; runs that are in it are kept.")] = "strategies",
    ) -> None:
        chosen = strategies.split(",")
        counts = (_numbers("--shares", shares, float), _seeds(seeds))
        compare_strategies(name, config or config_type(), *counts, out, pretraining_epochs, chosen)
        print(f"{out}/README.md: the table; {out}/runs.json, {out}/strategies.png")

    sub(arguments, exit_on_error=False, print_error=False)


def _compare_fusions(name: str, arguments: list[str]) -> None:
    """Read the flags of `compare-fusions`: those of the recipe's Config, and its own."""
    config_type = _config_of(name)
    from mmzoo import fusion
    from mmzoo.studies.fusions import compare_fusions

    sub = _recipe_app("compare-fusions", name, f"Compare {', '.join(fusion.names())}, and each modality alone.")

    @sub.default
    def run(
        *,
        config: Annotated[config_type, Parameter(name="*")] = None,
        fusions: Annotated[str, Parameter(help="Separated by commas; concat is always there.")] = "",
        seeds: Annotated[str, Parameter(help="How many, from 0 on; or which, separated by commas.")] = "5",
        out: Annotated[str, Parameter(help="Folder to write; runs that are in it are kept.")] = "fusions",
    ) -> None:
        chosen = fusions.split(",") if fusions else fusion.names()
        compare_fusions(name, config or config_type(), chosen, _seeds(seeds), out)
        print(f"{out}/README.md: the table; {out}/runs.json")

    sub(arguments, exit_on_error=False, print_error=False)


def _numbers(flag: str, text: str, kind: type) -> list:
    try:
        return [kind(word) for word in text.split(",")]
    except ValueError:
        raise BadInputError(f"{flag}: expected numbers separated by commas. Received: {text}") from None


def _seeds(text: str) -> Sequence[int]:
    """Return the seeds that `--seeds` means: `3` is how many of them, `0,6,12` which."""
    numbers = _numbers("--seeds", text, int)
    return numbers if "," in text else range(numbers[0])


VERBS = {"train": _train, "compare-strategies": _compare_strategies, "compare-fusions": _compare_fusions}
