"""The command line: each verb is a function of `mmzoo.run`, imported when it is asked for."""

import logging
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

import mmzoo
from mmzoo.cli.recipes import VERBS, import_tensorflow
from mmzoo.cli.tables import fit, predict
from mmzoo.errors import BadInputError

BAD_INPUT, DEFECT, STOPPED = 2, 70, 130
app = App(
    name="mmzoo",
    help="Train small multimodal models, export them, verify them by execution.",
    version=mmzoo.__version__,
    help_format="plaintext",
    help_formatter="plain",
    result_action="return_value",
)
app.command(fit)
app.command(predict)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 wrong numbers, 2 bad input, 3 and 4 as `verify` says."""
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it counts how often it compiles a model anew
    _tell_warnings()
    try:
        verb = VERBS.get(arguments[0] if arguments else "")
        if verb and len(arguments) > 1 and not arguments[1].startswith("-"):
            code = verb(arguments[1], arguments[2:])  # its flags are those of the recipe
        else:
            code = app(arguments, exit_on_error=False, print_error=False)
    except (CycloptsError, BadInputError) as error:
        print(f"mmzoo: {' '.join(str(error).split())}", file=sys.stderr)
        code = BAD_INPUT
    except (PermissionError, FileExistsError) as error:  # a place that cannot be written
        print(f"mmzoo: {error.filename}: expected a place that can be written. Received: {error}", file=sys.stderr)
        code = BAD_INPUT
    except KeyboardInterrupt:
        verb = arguments[0] if arguments else ""
        hint = f"; mmzoo {verb} --resume goes on after the last whole epoch" if verb in ("train", "fit") else ""
        print(f"mmzoo: stopped{hint}", file=sys.stderr)
        code = STOPPED
    except Exception:  # a defect of ours: 1 would say that numbers are wrong
        traceback.print_exc()
        code = DEFECT
    sys.exit(code or 0)


@app.command(name="list")
def list_recipes(*, parts: Annotated[bool, Parameter(negative="")] = False) -> None:
    """List the recipes and what they answer.

    Parameters
    ----------
    parts
        List encoders, fusions and heads instead, with what each costs.
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


@app.command
def train(recipe: str) -> int:
    """Train a recipe and its baselines, evaluate, export, verify.

    The flags are the recipe's: `mmzoo train RECIPE --help`.
    """
    return VERBS["train"](recipe, [])


@app.command(name="compare-strategies")
def compare_strategies(recipe: str) -> None:
    """Compare training from scratch with ways of pretraining, at several shares of the labels.

    The flags are the recipe's and its own: `mmzoo compare-strategies RECIPE --help`.
    """
    VERBS["compare-strategies"](recipe, [])


@app.command(name="compare-fusions")
def compare_fusions(recipe: str) -> None:
    """Compare the ways of joining modalities in a recipe, all trained alike.

    The flags are the recipe's and its own: `mmzoo compare-fusions RECIPE --help`.
    """
    VERBS["compare-fusions"](recipe, [])


@app.command
def evaluate(
    folder: str,
    *,
    artifact: Literal["all", "keras", "saved_model", "float32", "dynamic", "int8", "onnx"] = "all",
    data_dir: str = "",
    limit: int = 0,
) -> None:
    """Score the artifacts of a folder on the test split.

    Parameters
    ----------
    folder
        What `train` wrote.
    artifact
        Which of its files.
    data_dir
        Where the data lies; else MMZOO_DATA_DIR.
    limit
        At most so many examples; 0 is all.
    """
    import_tensorflow()
    from mmzoo.commands.evaluate import evaluate

    evaluate(folder, artifact, data_dir, limit)


@app.command
def export(folder: str, *, data_dir: str = "") -> None:
    """Write a folder's artifacts again from its model.keras.

    Parameters
    ----------
    folder
        What `train` wrote.
    data_dir
        Where the data lies; else MMZOO_DATA_DIR.
    """
    import_tensorflow()
    from mmzoo.commands.export import export_folder

    export_folder(folder, data_dir)


@app.command
def verify(path: str, *, require_gpu: Annotated[bool, Parameter(negative="")] = False, seeds: int = 3) -> int:
    """Execute artifacts on CPU and GPU and compare the numbers.

    The verdict on a folder is written into its card.

    Exit code 0: right; 1: wrong numbers; 3: not GPU-resident, or the accelerator died; 4: the GPU check was
    demanded and could not be executed.

    Parameters
    ----------
    path
        A folder that `train` wrote, or a .tflite file.
    require_gpu
        Fail where no Vulkan driver is there; MMZOO_REQUIRE_GPU_CHECK=1 does the same.
    seeds
        Sets of random inputs.
    """
    import_tensorflow()
    from mmzoo.commands.verify import record
    from mmzoo.verification.table import table
    from mmzoo.verification.verify import verify

    report = verify(path, require_gpu=require_gpu, seeds=seeds)
    print(table(report))
    record(path, report)
    return report["exit_code"]


@app.command
def benchmark(
    *paths: str,
    against: Annotated[str, Parameter(help="Peers, separated by commas; .tflite files too.")] = "mobilenet_v3_small",
    runs: int = 1000,
    out: str = "",
    front_end: Annotated[bool, Parameter(negative="")] = False,
    training: Annotated[bool, Parameter(negative="")] = False,
    data_dir: str = "",
) -> None:
    """Time .tflite files beside peers on the CPU.

    Parameters
    ----------
    paths
        Folders that `train` wrote, which keep the figures in their cards, or .tflite files.
    runs
        Timed runs of each model.
    out
        JSON file to write.
    front_end
        Time the log-mel in the graph against that of tf.signal, too.
    training
        Measure what share of a training step waits for data, too, for the recipe of the first folder.
    data_dir
        Where the data lies; else MMZOO_DATA_DIR.
    """
    import_tensorflow()
    from mmzoo.commands.benchmark import run

    peers = tuple(name for name in against.split(",") if name)
    run(paths, peers, runs=runs, out=out, front_end=front_end, training=training, data_dir=data_dir)


def _tell_warnings() -> None:
    """Have each warning of ours printed once, as a line for people."""
    others, own, told = warnings.showwarning, Path(mmzoo.__file__).parent, set()

    def tell(message, category, filename, *more):
        if not Path(filename).is_relative_to(own):
            others(message, category, filename, *more)
        elif str(message) not in told:
            print(f"mmzoo: {message}", file=sys.stderr)
            told.add(str(message))

    warnings.showwarning = tell


if __name__ == "__main__":
    main()
