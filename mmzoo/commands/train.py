"""The command `train`: from a recipe to the folder of a trained, exported, scored and verified model."""

import dataclasses
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo import recipes, tasks
from mmzoo.artifacts.card import Baselines, Card, Data, Scores, Tensor
from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.files import file_list, file_table
from mmzoo.artifacts.folder import (
    BASELINES,
    KERAS,
    LANGUAGE,
    artifacts_in,
    check_out,
    new_folder,
)
from mmzoo.artifacts.golden import golden_examples
from mmzoo.artifacts.runtimes import output_predictor, predictor
from mmzoo.artifacts.table_values import TableValues
from mmzoo.commands.verify import as_verification
from mmzoo.data.arrays import test_arrays
from mmzoo.data.presence import modalities_of
from mmzoo.experiment import Experiment
from mmzoo.export.convert import has_onnx
from mmzoo.export.writer import calibration_examples, export
from mmzoo.recipe import Recipe
from mmzoo.reports import plots
from mmzoo.reports.readme import interrupted_line
from mmzoo.reports.write import write_card
from mmzoo.tasks.task import Comparison, Examples, Task
from mmzoo.training.interrupt import Interrupted, Interruption, interruptible
from mmzoo.training.loop import check_precision
from mmzoo.training.options import PhaseOptions, tell_encoders, training_settings, with_options
from mmzoo.training.prior_fallback import fit_prior_fallback
from mmzoo.training.progress import EpochTable
from mmzoo.training.resume import checkpoints, exclusive_run
from mmzoo.training.stages import fit
from mmzoo.verification.table import table as verification_table
from mmzoo.verification.verify import verify

logger = logging.getLogger(__name__)
ARTIFACT_EXAMPLES = 10_000  # at most, for each artifact; Keras predicts all, with every subset of the modalities


@dataclass(frozen=True)
class _Trained:
    """The model that ships and its unimodal baselines, each with its history.

    `candidates` and `chosen` say how it was chosen, see `mmzoo.automl.choice`; `fused` holds the model of all
    modalities and the baselines where a model of one of them ships. `interrupted` says where Ctrl-C ended training.
    """

    model: keras.Model
    history: dict
    baselines: dict[str, tuple[keras.Model, dict]]
    candidates: dict[str, dict] = field(default_factory=dict)
    chosen: str = ""
    fused: "_Trained | None" = None
    interrupted: dict[str, Any] = field(default_factory=dict)


def train(
    recipe: str,
    config: Any = None,
    *,
    out: str | Path = "",
    resume: bool = False,
    precision: str = "float32",
    options: PhaseOptions | None = None,
    finish: Callable[[Path, Card], Card] | None = None,
) -> Path:
    """Train a recipe and its unimodal baselines; evaluate, export and verify them into a folder.

    Baselines are trained where the recipe's task compares with them. Checkpoints in `.trained` next to the recipe's
    file, which `fit` leaves there, are used: `fused`, and each modality alone.

    Args:
        recipe: a name of `mmzoo list`, or the path of a recipe's file, which is copied into the folder.
        config: the recipe's `Config`; None for its defaults.
        out: the folder, by default named after the recipe, or the folder of the recipe's file. It appears whole.
        resume: continue an interrupted run into `out`.
        precision: compute precision of the layers in training, one of `PRECISIONS`; exports are float32.
        options: changes to the phases of the recipe.
        finish: completes the folder, given its path and card, before it appears as `out`, and returns the card; None
            to print scores and files at the end.

    Returns:
        The folder.

    Raises:
        BadInputError: the recipe, the config, the source or the folder cannot be used.
    """
    began = time.monotonic()
    module = recipes.load(recipe)
    config, options = config or module.Config(), options or PhaseOptions()
    experiment = Experiment(module, config)
    spec = experiment.export()
    check_precision(precision)
    out = check_out(out or _place(recipe))
    text = Path(recipe).read_bytes() if recipes.is_file(recipe) else b""  # before `out`, where it may lie, is replaced
    run = {"recipe": recipe, "config": dataclasses.asdict(config), "precision": precision, **options.given()}
    with exclusive_run(out), checkpoints(out, run, resume) as working:
        # The test split is read first: a missing source stops the run before it has cost anything.
        examples = Examples(*test_arrays(experiment), spec.labels, experiment)
        tell_encoders(experiment)
        title = out.name if text else recipe
        trained = _fit(with_options(experiment, options), examples, working, title, precision)
        every, (trained, examples) = examples, _chosen(trained, examples)
        experiment, spec = examples.experiment, examples.experiment.export()
        with new_folder(out, working) as folder:
            outputs = {name: trained.model.get_layer(layer).output for name, layer in spec.outputs.items()}
            exported = keras.Model(trained.model.input, outputs)
            exported.save(folder / KERAS)
            card = _new_card(recipe, experiment, exported, training_settings(precision, options))
            if text:
                (folder / Path(recipe).name).write_bytes(text)
                card = replace(card, recipe=Path(recipe).name, name=out.name)
            card = _exported(folder, card, exported, examples)
            card = _scored(folder, card, replace(examples, model=trained.model), trained)
            if trained.fused is not None:
                card = replace(card, baselines=_with_fused(card.baselines, trained.fused, every, experiment.config))
            write_card(folder, card)
            card = _verified(folder, card, out)
            card = replace(card, environment=replace(environment(), wall_seconds=time.monotonic() - began))
            write_card(folder, card)
            if finish is not None:
                card = finish(folder, card)
    if finish is None:
        print(format_result(out, card))
        print(f"{card.environment.wall_seconds:.0f} s in all")
    return out


def _verified(folder: Path, card: Card, out: Path) -> Card:
    """Verify the files in `folder`, which will be at `out`; return the card with the verdicts and the files."""
    print("verifying ...", flush=True)
    report = verify(folder, trust=True)
    print(verification_table({**report, "path": str(out)}))
    return replace(card, verification=as_verification(report), files=file_table(folder))


def _place(recipe: str) -> Path:
    """Return the default folder of a recipe."""
    return Path(recipe).absolute().parent if recipes.is_file(recipe) else Path(recipe)


def _fit(experiment: Experiment, examples: Examples, working: Path, title: str, precision: str) -> _Trained:
    """Train the fused model, then unimodal baselines with the same encoders, epochs, optimizer and augmentation."""
    names, task = modalities_of(examples.inputs), tasks.load(experiment.export().task)
    compared = names if task.compare and len(names) > 1 else ()
    baselines: dict[str, tuple[keras.Model, dict]] = {}
    with interruptible() as interruption:
        run = partial(_fit_one, working=working, precision=precision, interruption=interruption)
        fused = run(experiment, "fused", f"{title} ({'+'.join(names)})")
        model, history = fit_prior_fallback(*fused, examples.experiment)
        with suppress(Interrupted):
            for name in compared:
                baselines[name] = run(experiment.changed(modalities=(name,)), name, f"{title} ({name})")
    if len(baselines) < len(compared):
        logger.info("the unimodal baselines are left out: not all of them were trained")
        baselines = {}  # the best of them and their average mean something only where all are there
    return _Trained(model, history, baselines, interrupted=interruption.where)


def _fit_one(
    experiment: Experiment, folder: str, title: str, working: Path, precision: str, interruption: Interruption
) -> tuple[keras.Model, dict]:
    """Train one model with a line for each epoch.

    Raises:
        Interrupted: the user asked to end before an epoch of it was complete.
    """
    epochs = sum(phase.epochs for phase in experiment.plan())
    metric = tasks.load(experiment.export().task).primary
    table = EpochTable(title, epochs, metric.key, metric.show)
    try:
        if interruption.asked:
            raise Interrupted
        return fit(experiment, working / folder, title, precision, [table], interruption)
    except Interrupted:
        interruption.ended(title, 0, epochs)
        raise


def _chosen(trained: _Trained, examples: Examples) -> tuple[_Trained, Examples]:
    """Return what ships where the recipe chooses it on the validation rows, and the examples of its modalities."""
    experiment = examples.experiment
    if experiment.recipe.table is None:
        return trained, examples
    unimodal = {name: model for name, (model, _) in trained.baselines.items()}
    choice = experiment.recipe.table.choose(experiment, trained.model, unimodal)
    trained = replace(trained, candidates=choice.candidates, chosen=choice.name)
    own = experiment.changed(modalities=choice.modalities, threshold=choice.threshold)
    if choice.modalities == experiment.config.modalities:
        return replace(trained, model=choice.model), replace(examples, experiment=own)
    _, history = trained.baselines[choice.name]
    alone = _Trained(choice.model, history, {}, choice.candidates, choice.name, trained, trained.interrupted)
    return alone, Examples(*test_arrays(own), examples.names, own)


def _with_fused(baselines: Baselines, fused: _Trained, examples: Examples, shipped: Any) -> Baselines:
    """Return `baselines` with the score of a fused model that does not ship, and its comparison with unimodal ones.

    `shipped` is the config of the model that ships: all models are scored at its threshold of labels.
    """
    examples = replace(examples, experiment=examples.experiment.changed(threshold=shipped.threshold))
    spec = examples.experiment.export()
    task = tasks.load(spec.task)
    predict = output_predictor(spec, fused.model)
    score = task.quick(predict, examples)[task.primary.key]
    compared = task.compare(predict, _unimodal_predictors(fused, examples.experiment), examples).baselines
    kept = {"candidates": baselines.candidates, "chosen": baselines.chosen, "fused": score}
    return replace(compared, unimodal=_with_sizes(compared.unimodal, fused), **kept)


def _unimodal_predictors(trained: _Trained, experiment: Experiment) -> dict[str, Any]:
    """Return `{modality: predict}`: a model of one modality may end in another layer than the fused one."""
    alone = {name: experiment.changed(modalities=(name,)).export() for name in trained.baselines}
    return {name: output_predictor(alone[name], model) for name, (model, _) in trained.baselines.items()}


def _with_sizes(unimodal: dict[str, dict], trained: _Trained) -> dict[str, dict]:
    return {name: {**one, "parameters": trained.baselines[name][0].count_params()} for name, one in unimodal.items()}


def _new_card(recipe: str, experiment: Experiment, model: keras.Model, training: dict) -> Card:
    """Return the card of a model that is not exported or scored yet."""
    spec, config = experiment.export(), experiment.config
    inputs = [
        Tensor(
            *(name, (1, *x.shape[1:]), str(x.dtype), spec.units[name], tuple(map(float, spec.ranges[name]))),
            prepare=spec.prepare.get(name, {}),
        )
        for name, x in model.input.items()
    ]
    return Card(
        recipe=recipe,
        task=spec.task,
        summary=experiment.recipe.summary,
        config=_without_places(dataclasses.asdict(config)),
        table=_table_values(experiment.recipe),
        training=training,
        seed=config.seed,
        data=Data(**spec.data),
        parameters=model.count_params(),
        inputs=tuple(inputs),
        outputs=tuple(Tensor(name, (1, *x.shape[1:]), str(x.dtype)) for name, x in model.output.items()),
        labels=tuple(spec.labels),
        max_score_drop=spec.max_score_drop,
    )


def _table_values(recipe: Recipe) -> TableValues | None:
    """Return the values of a table's recipe; None of another one, or where its file has functions of its own."""
    table = recipe.table
    plain = table is not None and all(getattr(recipe, name) == part for name, part in table.parts.items())
    return table.values if plain else None


def _without_places(config: dict) -> dict:
    """Return `config` without paths of this machine: it goes into every artifact."""
    places = {"data_dir": "", "init_from": Path(config.get("init_from", "")).name}
    return {name: places.get(name, value) for name, value in config.items()}


def _exported(folder: Path, card: Card, model: keras.Model, examples: Examples) -> Card:
    """Write all artifacts of `model`; return the card with files and operators."""
    print("exporting ...", flush=True)
    experiment = examples.experiment
    calibration = calibration_examples(experiment.dataset("train"), model.input)
    golden = golden_examples(examples.inputs, examples.labels)
    return export(model, folder, experiment.export(), calibration, golden, card)


def _scored(folder: Path, card: Card, examples: Examples, trained: _Trained) -> Card:
    """Score the model, its artifacts and the baselines; return the card with scores, history and plots."""
    print("evaluating ...", flush=True)
    experiment = examples.experiment
    if experiment.recipe.language is not None:
        language = experiment.recipe.language(experiment.config)
        language.write(folder / LANGUAGE)
        examples = replace(examples, language=language)
    task = tasks.load(card.task)
    unimodal = _unimodal_predictors(trained, experiment)
    predict = predictor(folder / KERAS)
    found = task.compare(predict, unimodal, examples) if unimodal else Comparison()
    if found.stored:
        np.savez_compressed(folder / BASELINES, **found.stored)
    scores = task.score(predict, replace(examples, unimodal=found.stored))
    scores = replace(scores, artifacts=_artifact_scores(folder, task, examples), details=scores.details | found.details)
    chosen = {"candidates": trained.candidates, "chosen": trained.chosen}
    baselines = replace(found.baselines, unimodal=_with_sizes(found.baselines.unimodal, trained), **chosen)
    history = {**trained.history, "baselines": {name: one for name, (_, one) in trained.baselines.items()}}
    _draw(folder, task, scores, baselines, history, card.labels)
    return replace(card, scores=scores, baselines=baselines, history=history, interrupted=trained.interrupted)


def _artifact_scores(folder: Path, task: Task, examples: Examples) -> dict[str, dict]:
    some = examples.first(ARTIFACT_EXAMPLES)
    if task.quick is None:
        return {}
    return {
        file: {**task.quick(predictor(folder / file, trust=True), some), "n": len(some)}
        for file in artifacts_in(folder)
    }


def _draw(folder: Path, task: Task, scores: Scores, baselines: Baselines, history: dict, labels: tuple) -> None:
    plots.learning_curve(history, folder / "learning_curve.png")
    for name, arguments in task.plots(scores, baselines, labels).items():
        getattr(plots, name)(*arguments, folder / f"{name}.png")


def format_result(out: Path, card: Card) -> str:
    """Return the lines on the scores of a trained model and the list of its files."""
    lines = [
        line for line in (interrupted_line(card), *tasks.load(card.task).summary(card.scores, card.baselines)) if line
    ]
    lines.append(file_list(out))
    if not has_onnx():
        lines.append("model.onnx: not written; onnx is not installed: pip install 'mmzoo[onnx]'")
    return "\n".join(lines)
