"""The group `mmzoo study`: comparisons and measurements behind the published numbers."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from mmzoo.cli.parser import import_tensorflow, new_app, numbers, seeds_of
from mmzoo.cli.recipes import config_of
from mmzoo.studies.own_tables.settings import Settings

study = new_app("study", "Compare and measure: the studies behind the published numbers.")
study.sort_key = 8
Seeds = Annotated[str, Parameter(help="Number of seeds, from 0, or a list separated by commas.")]
Several = Annotated[tuple[int, ...], Parameter(consume_multiple=True)]


def fusions(name: str) -> App:
    """Return the command line of `mmzoo study fusions` for the recipe `name`."""
    config_type = config_of(name)
    from mmzoo import fusion, recipes
    from mmzoo.studies.fusions import compare_fusions

    known = ", ".join(fusion.names())
    app = new_app(f"mmzoo study fusions {name}", f"Compare fusions and unimodal models of {name}.", several=True)

    @app.default
    def run(
        *,
        config: Annotated[config_type | None, Parameter(name="*")] = None,
        fusions: Annotated[str, Parameter(help=f"Separated by commas, compared with concat; by default {known}.")] = "",
        seeds: Seeds = "5",
        out: Annotated[str, Parameter(help="Output folder; finished runs in it are reused.")] = "fusions",
    ) -> None:
        chosen = fusions.split(",") if fusions else fusion.names()
        compare_fusions(recipes.experiment(name, config), chosen, seeds_of(seeds), out)
        print(f"{out}/README.md: the table; {out}/runs.json")

    return app


def strategies(name: str) -> App:
    """Return the command line of `mmzoo study strategies` for the recipe `name`."""
    config_type = config_of(name)
    from mmzoo import recipes
    from mmzoo.studies.strategies import STRATEGIES, compare_strategies

    text = f"Compare pretraining strategies of {name} with training from scratch."
    app = new_app(f"mmzoo study strategies {name}", text, several=True)

    @app.default
    def run(
        *,
        config: Annotated[config_type | None, Parameter(name="*")] = None,
        shares: Annotated[str, Parameter(help="Fractions of the labels, separated by commas.")] = "0.01,0.1,1",
        seeds: Seeds = "3",
        pretraining_epochs: Annotated[int, Parameter(help="Epochs of the unlabeled pairs.")] = 1,
        strategies: Annotated[str, Parameter(help="Separated by commas.")] = ",".join(STRATEGIES),
        out: Annotated[str, Parameter(help="Output folder; finished runs in it are reused.")] = "strategies",
    ) -> None:
        chosen = strategies.split(",")
        counts = (numbers("shares", shares, float), seeds_of(seeds))
        compare_strategies(recipes.experiment(name, config), *counts, out, pretraining_epochs, chosen)
        print(f"{out}/README.md: the table; {out}/runs.json, {out}/strategies.png")

    return app


def gain_curve(name: str) -> App:
    """Return the command line of `mmzoo study gain-curve` for the recipe `name`."""
    config_type = config_of(name)
    from mmzoo import recipes
    from mmzoo.studies.gain_curve import curve_command, gain_curve, record

    text = f"Measure the fusion gain of {name} for several values of a field of its Config."
    app = new_app(f"mmzoo study gain-curve {name}", text, several=True)
    app.usage = f"mmzoo study gain-curve {name} [OPTIONS] FIELD VALUES..."

    @app.default
    def run(
        field: Annotated[str, Parameter(help="Field of the Config, as snr_db.")],
        /,
        *values: Annotated[float, Parameter(help="Values of the field; behind -- where one is negative.")],
        config: Annotated[config_type | None, Parameter(name="*")] = None,
        seeds: Seeds = "5",
        touches: Annotated[str, Parameter(help="The one modality whose data the field changes.")] = "",
        out: Annotated[str, Parameter(help="JSON file; finished runs in it are reused.")] = "gain_curve.json",
        into: Annotated[str, Parameter(help="Folder of a trained model whose card records the curve.")] = "",
    ) -> None:
        curve = gain_curve(recipes.experiment(name, config), field, values, seeds_of(seeds), out, touches)
        print(f"written to {out}")
        if into:
            record({**curve, "command": curve_command(curve, seeds, touches)}, into)

    return app


@study.command(name="fusions")
def _fusions(recipe: str, /) -> None:
    """Compare all fusions and unimodal models of a recipe, trained alike.

    Options of the recipe and of the study: `mmzoo study fusions RECIPE --help`.
    """
    fusions(recipe)([])


@study.command(name="strategies")
def _strategies(recipe: str, /) -> None:
    """Compare pretraining strategies with training from scratch, at several fractions of the labels.

    Options of the recipe and of the study: `mmzoo study strategies RECIPE --help`.
    """
    strategies(recipe)([])


@study.command(name="gain-curve")
def _gain_curve(recipe: str, /) -> None:
    """Measure the fusion gain of a recipe along one of its settings, over several seeds.

    Options of the recipe and of the study: `mmzoo study gain-curve RECIPE --help`.
    """
    gain_curve(recipe)([])


@study.command(usage="mmzoo study fusions-table TABLE FOLDERS...")
def fusions_table(table: str, /, *folders: str) -> None:
    """Write one table of several fusion studies.

    Parameters
    ----------
    table
        Markdown file to write.
    folders
        Folders that `mmzoo study fusions` wrote.
    """
    import_tensorflow()
    from mmzoo.studies.fusions import write_table

    write_table(table, folders)
    print(f"written to {table}")


@study.command
def folds(folder: str, /, *, out: str = "folds.json", data_dir: str = "") -> None:
    """Cross-validate a published model over the folds of its recipe.

    Parameters
    ----------
    folder
        Folder of a trained model, whose card records the scores.
    out
        JSON file; finished runs in it are reused.
    data_dir
        Folder of the data; by default MMZOO_DATA_DIR.
    """
    import_tensorflow()
    from mmzoo.studies.folds import recipe_folds

    recipe_folds(folder, out, data_dir)


@study.command
def fit_cost(table: Literal["texts", "pictures"], /, *, rows: int = 10_000, epochs: int = 1, seed: int = 0) -> None:
    """Measure time and memory of `mmzoo fit` on a synthetic table; prints JSON.

    Parameters
    ----------
    table
        Table of texts or of JPEG files.
    rows
        Rows of the table.
    epochs
        Epochs of training.
    seed
        Random seed of the table.
    """
    import json

    from mmzoo.studies.fit_cost import fit_cost

    print(json.dumps(fit_cost(table, rows, epochs, seed), indent=1))


@study.command
def index_cost(*, size: int = 1_000_000, width: int = 64, queries: int = 200, seed: int = 0, out: str = "") -> None:
    """Measure time, memory and recall of the indices of embeddings.

    Parameters
    ----------
    size
        Number of embeddings.
    width
        Dimensions of an embedding.
    queries
        Number of queries.
    seed
        Random seed of the embeddings.
    out
        Folder to write costs.json and README.md into.
    """
    from mmzoo.studies.index_cost import index_cost, report, write

    result = index_cost(size, width, queries, seed)
    print(report(result))
    if out:
        write(result, out)


@study.command
def augmentation_gallery(folder: str, /) -> None:
    """Draw examples of every augmentation.

    Parameters
    ----------
    folder
        Folder to write image.png, audio.png, text.png and boxes.png into.
    """
    import_tensorflow()
    from mmzoo.studies.augmentation_gallery import gallery

    for path in gallery(folder):
        print(path)


@study.command
def pretrain_sounds(out: str, /, *, folds: Several = (1, 2, 3, 4, 5)) -> None:
    """Measure what contrastive pretraining adds to `sound_events` on ESC-10.

    Parameters
    ----------
    out
        JSON file to write.
    folds
        Folds of ESC-10 to validate on.
    """
    import_tensorflow()
    from mmzoo.studies.pretrain_sounds import measure

    print(measure(out, folds))


@study.command
def pretrain_nlvr(out: str, /) -> None:
    """Pretrain `visual_question_answering` for NLVR on synthetic scenes.

    Parameters
    ----------
    out
        .keras file to write, for --init-from. Interrupted runs are resumed.
    """
    import_tensorflow()
    from mmzoo.studies.pretrain_nlvr import pretrain

    print(pretrain(out))


@study.command
def own_tables(
    *,
    out: str = "own_tables",
    seeds: Seeds = "3",
    settings: Annotated[Settings | None, Parameter(name="*", negative="")] = None,
) -> None:
    """Compare `mmzoo fit` with models of scikit-learn on tables of many kinds.

    Parameters
    ----------
    out
        Folder of the results; finished runs in it are reused.
    """
    import_tensorflow()
    from mmzoo.studies.own_tables.sets import chosen, list_tables
    from mmzoo.studies.own_tables.study import compare_on_tables

    settings = settings or Settings()
    if settings.show:
        print(list_tables(chosen(settings.tables)))
    else:
        print(f"{compare_on_tables(out, settings, seeds_of(seeds))}: the tables; {out}/runs.json")
