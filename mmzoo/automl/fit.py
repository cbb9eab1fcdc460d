"""The verb `fit`: from a table of one's own to the folder of a trained, exported and verified model."""

import csv
import itertools
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo import recipes
from mmzoo.artifacts.card import Card
from mmzoo.artifacts.folder import CARD, check_out, make_folder, write_json
from mmzoo.automl import targets
from mmzoo.automl.budget import bytes_of, fit_epochs, fit_sizes, seconds_of
from mmzoo.automl.cross_validation import check_folds, check_rows, cross_validate, fold_table, table_splits
from mmzoo.automl.input_sizes import measure
from mmzoo.automl.leakage import duplicates, format_duplicates
from mmzoo.automl.linear_baselines import baseline_examples, baseline_input, format_baseline_rows, linear_models
from mmzoo.automl.linear_member import logarithm
from mmzoo.automl.options import Request
from mmzoo.automl.pretrained import AUTO, check_weights, encoder_values, published_values
from mmzoo.automl.recipe import RECIPE, from_values, recipe_text
from mmzoo.automl.scores import compare, rows_table, score_table
from mmzoo.automl.text_encoder import HASH, MOST_TEXTS, text_encoder
from mmzoo.automl.transfer.choice import chosen_encoders
from mmzoo.automl.tuning import STUDY, check_tune, tune, write_trials
from mmzoo.benchmark.measure import benchmark
from mmzoo.commands.benchmark import for_card
from mmzoo.commands.train import format_result, train
from mmzoo.data.tables.batches import epoch_line
from mmzoo.data.tables.column_types import Column, column_table, infer_columns, infer_target, labeled_rows
from mmzoo.data.tables.digests import check_digests, column_digests
from mmzoo.data.tables.features import fit_feature, shared_values
from mmzoo.data.tables.formulas import without_formula
from mmzoo.data.tables.long_format import SERIES, Gathered, gather_recordings
from mmzoo.data.tables.notes import cell_notes
from mmzoo.data.tables.read import read_table, root_of
from mmzoo.data.tables.rows import Rows, is_file, name_of
from mmzoo.data.tables.series import fit_series
from mmzoo.data.tables.split import split_rows
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.reports.html.page import test_predictions, write_report
from mmzoo.reports.verdict import verdict
from mmzoo.reports.write import write_card

logger = logging.getLogger(__name__)
FEATURES = ("number", "category", "date")
BAD_ROWS = "bad_rows.csv"
DIGESTS = "table.json"
TIMED = 100  # runs of each file
PATIENCE = 8  # epochs in which validation gets no better


def fit_table(
    table: str | Path, target: str, out: str | Path = "", request: Request | None = None, resume: bool = False
) -> Path:
    """Train a model of the columns of `table` that predicts `target`; return its folder.

    A multimodal model and unimodal baselines are trained; the folder holds the one, or the mean of several, that
    `mmzoo.automl.choice` chooses. Linear baselines of scikit-learn are trained on the same rows.

    Raises:
        BadInputError: the table, a column, a file or the folder cannot be used.
    """
    place, request = Path(table), request or Request()
    out = check_out(out or f"{place.stem if place.is_file() else place.name}_{_slug(target)}")
    work = out.parent / f".{out.name}.recipe"
    recipe = work / RECIPE
    try:
        if not resume:
            _write_recipe(recipe, place, target, request, out)
        elif not recipe.is_file():
            raise BadInputError(f"`resume`: no interrupted run in {out}")
        else:
            _check_same(recipe, place, target)
            if _is_complete(out, recipe):
                experiment = recipes.experiment(str(recipe))
                shutil.rmtree(work)
                return _shown(out, experiment)
        request = request.kept(work)
        experiment = recipes.experiment(str(recipe))
        splits = table_splits(experiment, place)
        logger.info("\n".join([*splits["train"].rows.notes, rows_table(splits, experiment.recipe.source)]))
        logger.info("looking for rows in two splits ...")
        crossing = duplicates(splits)
        logger.info(f"{format_duplicates(crossing)}")
        experiment, before = _before(recipe, request, place)
        logger.info(f"chosen for you: {_settings(experiment, splits)}; see {out / RECIPE}")
        fields = {**before, "rows": {name: len(one.labels) for name, one in splits.items()}, "duplicates": crossing}
        finish = partial(_completed, experiment=experiment, splits=splits, place=place, fields=fields)
        stopped = resume and _training(out).is_dir()
        train(str(recipe), experiment.config, out=out, resume=stopped, finish=finish)
    except BaseException as error:
        if not (_training(out).is_dir() or (work / STUDY).is_file() or any(work.glob("fold*"))):
            shutil.rmtree(work, ignore_errors=True)  # nothing is there to go on with
        elif not _training(out).is_dir():
            error.add_note(f"`resume` continues {out} with the finished trials and folds")
        raise
    shutil.rmtree(work)
    return _shown(out, experiment)


def _completed(folder: Path, card: Card, experiment: Experiment, splits: dict, place: Path, fields: dict) -> Card:
    """Write what a model of a table has besides: comparisons, rows that were left out, trials and the report.

    Args:
        folder: the trained, exported and verified model, which is not at its place yet.
        card: its card.
        experiment: what was trained.
        splits: rows of the table by split.
        place: the table.
        fields: of the card, known before training.
    """
    card = replace(card, **fields)
    shipped = experiment.changed(modalities=card.modalities, threshold=card.config["threshold"])
    predictions = test_predictions(folder, card, shipped, splits)
    card = _compared(card, splits, shipped, folder, predictions)
    write_card(folder, card)
    _write_bad_rows(splits["train"].rows, folder)
    if card.tuning:
        write_trials(folder, card.tuning)
    logger.info("writing the report ...")
    write_report(folder, card, shipped, splits, place, predictions)
    return card


def _shown(out: Path, experiment: Experiment) -> Path:
    """Print the verdict, the scores and the files of the folder `out`; return it."""
    card = Card.read(out)
    logger.info(f"\n{verdict(card)}\n{score_table(card, experiment.recipe.source)}\n\n{format_result(out, card)}")
    return out


def _is_complete(out: Path, recipe: Path) -> bool:
    """Return whether the run of `recipe` had written `out` before it was stopped: only its traces are left."""
    made, card = out / RECIPE, out / CARD
    if _training(out).is_dir() or not (made.is_file() and card.is_file()):
        return False
    return made.read_bytes() == recipe.read_bytes() and card.stat().st_mtime_ns > recipe.stat().st_mtime_ns


def _settings(experiment: Experiment, splits: dict) -> str:
    return f"{experiment.recipe.table.settings}, {epoch_line(len(splits['train'].index))}"


def _compared(card: Card, splits: dict, experiment: Experiment, out: Path, predictions: np.ndarray) -> Card:
    """Return the card with the latency of the files in `out`, linear baselines and the constant prediction."""
    logger.info("timing ...")
    timed = for_card(benchmark([out], runs=TIMED, threads=(1,)), out)
    logger.info("comparing with linear models ...")
    source = replace(experiment.recipe.source, threshold=experiment.export().threshold)
    sampled = baseline_examples(splits, experiment.config.seed)
    rows = format_baseline_rows(sampled, splits)
    constant = targets.load(source.kind).constant
    found = constant(splits["train"].labels, splits["test"].labels, source)
    linear = _linear_models(splits, experiment)
    scored = {name: scores for name, (scores, _) in linear.items()}
    baselines = replace(card.baselines, linear=scored, linear_rows=rows, constant=found)
    card = replace(card, benchmark=timed, baselines=baselines)
    predicted = {name: one for name, (_, one) in linear.items()}
    return compare(card, out, source, splits["test"], predictions, predicted, sampled["test"].index)


def _before(recipe: Path, request: Request, place: Path) -> tuple[Experiment, dict]:
    """Tune and cross-validate the recipe as requested; return it, and fields of the card."""
    fields: dict[str, Any] = {}
    if request.folds:
        check_rows(recipes.experiment(str(recipe)), request.folds, place)
    if request.tune:
        fields["tuning"] = tune(recipe, request)
    experiment = recipes.experiment(str(recipe))
    if request.folds:
        found = cross_validate(experiment, request.folds, place, recipe.parent, _linear_baselines)
        logger.info(fold_table(found, targets.load(experiment.recipe.source.kind).task.primary))
        fields["cross_validation"] = found
    return experiment, fields


def _write_bad_rows(rows: Rows, out: Path) -> None:
    """Write the rows that were left out, and why, to a file in `out`, if there are any."""
    if rows.bad:
        with (out / BAD_ROWS).open("w", newline="", encoding="utf-8") as file:
            bad = ((rows.numbers[row], without_formula(why)) for row, why in rows.bad.items())
            csv.writer(file).writerows([("row", "why"), *bad])
        logger.info(f"{len(rows.bad)} rows left out: {BAD_ROWS}")


def _write_recipe(recipe: Path, place: Path, target: str, request: Request, out: Path) -> None:
    """Write the recipe's file, as large and for as many epochs as the request allows."""
    check_folds(request)
    check_tune(request)
    for limit, read in ((request.budget, seconds_of), (request.size, bytes_of)):
        if limit:
            read(limit)  # before anything else is done
    values = assemble(place, target, request)
    for stopped in (recipe.parent, _training(out)):
        shutil.rmtree(stopped, ignore_errors=True)
    request.keep(make_folder(recipe.parent, out))
    write_json(recipe.parent / DIGESTS, _table_digests(place, target, values["inputs"]))
    recipe.write_text(recipe_text(from_values(values)), encoding="utf-8")
    if values["encoders"] or request.teacher or request.init_from:
        check_weights(recipes.load(str(recipe)))
    if values["kind"] == "number":
        experiment = recipes.experiment(str(recipe))
        splits = table_splits(experiment, place)
        values |= logarithm(experiment.recipe.table, splits["train"], splits["validation"])
        recipe.write_text(recipe_text(from_values(values)), encoding="utf-8")
    if request.size:
        values |= {**fit_sizes(recipes.load(str(recipe)), request.size), "bytes_limit": int(bytes_of(request.size))}
        recipe.write_text(recipe_text(from_values(values)), encoding="utf-8")
    if request.budget:
        values["epochs"] = fit_epochs(recipes.experiment(str(recipe)), request.budget, request.folds, request.tune)
        recipe.write_text(recipe_text(from_values(values)), encoding="utf-8")
    if AUTO in request.encoder:
        chosen = chosen_encoders(recipes.experiment(str(recipe)), request, recipe.parent)
        values |= encoder_values(values, values["encoders"] | chosen, values["rows"], request.budget)
        if chosen and request.budget:  # epochs on features are short
            recipe.write_text(recipe_text(from_values(values | {"epochs": request.epochs})), encoding="utf-8")
            values["epochs"] = fit_epochs(recipes.experiment(str(recipe)), request.budget, request.folds, request.tune)
        recipe.write_text(recipe_text(from_values(values)), encoding="utf-8")


def _table_digests(place: Path, target: str, inputs: Iterable[tuple[str, tuple]]) -> dict[str, str]:
    files = {name_of(column) for modality, columns in inputs if is_file(modality) for column in columns}
    return column_digests(read_table(place, target), root_of(place), files)


def _check_same(recipe: Path, place: Path, target: str) -> None:
    """Raise BadInputError unless the interrupted run of `recipe` was of this target, and of this table as it is now."""
    source = recipes.experiment(str(recipe)).recipe.source
    if source.target != target:
        raise BadInputError(f"`resume`: the interrupted run had `target` {source.target}, got {target}")
    before = json.loads((recipe.parent / DIGESTS).read_text(encoding="utf-8"))
    check_digests(before, _table_digests(place, target, source.inputs), place)


def _training(out: Path) -> Path:
    """Return the folder in which `train` keeps a run into `out` that was stopped."""
    return out.parent / f".{out.name}.training"


def assemble(place: Path, target: str, request: Request) -> dict:
    """Return the values of the recipe of the table at `place`, see `recipe.from_values`; print its columns."""
    gathered, root = _gathered(place, target, request), root_of(place)
    frame, time = gathered.frame, "" if request.id else request.time
    kind = infer_target(frame, target, request.task)
    goal_kind = targets.load(kind)
    if request.balance and not goal_kind.balanced:
        said = f"{target}, {goal_kind.described}"
        raise BadInputError(f"`balance` needs a target of classes, got {said}")
    if place.is_dir() and not (request.split or request.group or time) and "split" in frame:
        request = replace(request, split="split")  # what folders train and test above the classes say
    own = {name for name in (target, request.split, request.group, time, request.id) if name}
    ignore = [name for name in request.ignore if name not in dict(gathered.left_out)]
    columns, left_out = infer_columns(frame.drop(columns=[n for n in own if n in frame]), root, request.kinds, ignore)
    left_out = [*gathered.left_out, *left_out]
    logger.info(column_table(columns, left_out, frame, root))
    if not columns:
        raise BadInputError(f"{place}: expected a column to learn {target} from. Received: none")
    frame, empty = labeled_rows(frame, target)
    if empty:
        logger.info(f"left out: {empty} rows without {target}")
    goal = goal_kind.read(frame[target].tolist(), target)
    split = split_rows(frame, goal.spread, by=request.split, group=request.group, time=time, seed=request.seed)
    inputs = gather_inputs(columns, frame[split == "train"], root, request.time if request.id else "")
    sizes = measure(frame, root, inputs)
    sizes["text_encoder"] = text_encoder(request, inputs)
    longest = 0 if sizes["text_encoder"] == HASH else sizes["text_bytes"]
    for line in cell_notes(frame, root, dict(inputs), longest, training=True):
        logger.info(line)
    values = {"path": str(place.absolute()), "target": target, "inputs": inputs, **sizes, **_options(request)}
    values["left_out"], values["rows"] = tuple(left_out), int((split == "train").sum())
    values |= published_values(values, values["rows"], request)
    values["modality_dropout"] = _modality_dropout(goal_kind.own_heads, len(inputs))
    values |= {"kind": goal.kind, **goal_kind.values(goal, split == "train", request.balance)}
    return values


def _options(request: Request) -> dict:
    """Return the values of a recipe that are asked for, or the same for all tables."""
    same = ("split", "group", "time", "id", "seed", "skip_bad", "fusion", "epochs")
    values = {name: getattr(request, name) for name in same}
    values["init_from"] = str(Path(request.init_from).absolute()) if request.init_from else ""
    return values | {"patience": PATIENCE, "width": 1.0}


def _gathered(place: Path, target: str, request: Request) -> Gathered:
    """Return the table at `place`; with `id` a row for each recording, which is printed."""
    frame = read_table(place, target)
    if not request.id:
        return Gathered(frame, (), ())
    ignored = [name for name in request.ignore if name in frame]  # before it is a channel
    constant = [name for name in (target, request.split, request.group) if name]
    found = gather_recordings(frame.drop(columns=ignored), request.id, request.time, constant)
    for line in found.notes:
        logger.info(line)
    return replace(found, left_out=(*found.left_out, *((name, "ignored") for name in ignored)))


def _modality_dropout(own_heads: bool, count: int) -> float:
    """Return the probability of missing modalities in training: lower where each modality has an auxiliary head."""
    return round(min(0.6, 0.2 * (count - 1 if own_heads else count)), 1)


def gather_inputs(
    columns: Sequence[Column], training, root: str | Path = "", time: str = ""
) -> tuple[tuple[str, tuple], ...]:
    """Return `((modality, columns), ...)`.

    Each image, audio, video, series and text column is one modality, and all other columns are one. More than
    `MOST_TEXTS` text columns are one modality, as every subset of the modalities is scored.
    `training` is the table of the training rows, from which means, categories and clocks are fitted; `root` the folder
    of their paths; `time` the column of times of gathered recordings.
    """
    inputs = []
    texts = tuple(column.name for column in columns if column.kind == "text")
    for kind in ("image", "audio", "video", "series", *(("text",) if len(texts) <= MOST_TEXTS else ())):
        own = [column.name for column in columns if column.kind == kind]
        named = [kind] if len(own) == 1 else [f"{kind}_{_slug(name)}" for name in own]
        counts = Counter(named)
        for i, modality in enumerate(named):
            if counts[modality] > 1:  # names that differ outside of ASCII only
                named[i] = next(n for k in itertools.count(1) if (n := f"{modality}_{k}") not in named)
        fitted = (
            [fit_series(name, training[name].tolist(), root, time if name == SERIES else "") for name in own]
            if kind == "series"
            else own
        )
        inputs += [(modality, (one,)) for modality, one in zip(named, fitted, strict=True)]
    if len(texts) > MOST_TEXTS:
        inputs.append(("text", texts))
    rest = [column for column in columns if column.kind in FEATURES]
    if rest:
        fitted = tuple(fit_feature(c.kind, c.name, training[c.name].tolist(), c.form) for c in rest)
        inputs.append(("tabular", fitted))
        for line in shared_values(fitted, training):
            logger.info(line)
    return tuple(inputs)


def _slug(name: str) -> str:
    """Return `name` in the letters, digits and underscores that inputs and folders are named by."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name.lower())
    return kept.strip("_") or "column"


def _linear_baselines(splits: dict, experiment: Experiment) -> dict:
    """Return the scores of scikit-learn's models on what the recipe's encoders see, of some rows of a large table."""
    return {name: scores for name, (scores, _) in _linear_models(splits, experiment).items()}


def _linear_models(splits: dict, experiment: Experiment) -> dict:
    """Return `{name: (scores, test predictions)}` of the linear baselines."""
    arrays, labels, config = {}, {}, experiment.config
    for name, examples in baseline_examples(splits, config.seed).items():
        arrays[name] = {}
        for i, (modality, stored) in enumerate(examples.rows.readable.items()):
            arrays[name][modality] = baseline_input(modality, stored, examples.index, config.sample_rate)
            arrays[name].setdefault("present", {})[modality] = examples.rows.present[examples.index, i]
        labels[name] = examples.labels
    return linear_models(arrays, labels, len(experiment.recipe.source.classes))
