"""The command `train`: from a recipe to the folder of a trained, exported, scored and verified model."""

import dataclasses
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo import recipes, tasks
from mmzoo.artifacts.card import Baselines, Card, Data, Scores, Tensor
from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.files import file_table
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
from mmzoo.commands.verify import as_verification
from mmzoo.data.arrays import test_arrays
from mmzoo.data.presence import modalities_of
from mmzoo.experiment import Experiment
from mmzoo.export.convert import has_onnx
from mmzoo.export.writer import calibration_examples, export
from mmzoo.reports import plots
from mmzoo.reports.write import write_card
from mmzoo.tasks.task import Comparison, Examples, Task
from mmzoo.training.loop import check_precision, fit
from mmzoo.training.options import PhaseOptions, tell_encoders, training_settings, with_options
from mmzoo.training.prior_fallback import fit_prior_fallback
from mmzoo.training.resume import checkpoints, exclusive_run
from mmzoo.verification.table import table as verification_table
from mmzoo.verification.verify import verify

ARTIFACT_EXAMPLES = 10_000  # at most, for each artifact; Keras predicts all, with every subset of the modalities


@dataclass(frozen=True)
class _Trained:
    """The model that ships and its unimodal baselines, each with its history.

    `candidates` and `chosen` say how it was chosen, see `mmzoo.automl.choice`; `fused` holds the model of all
    modalities and the baselines where a model of one of them ships.
    """

    model: keras.Model
    history: dict
    baselines: dict[str, tuple[keras.Model, dict]]
    candidates: dict[str, dict] = field(default_factory=dict)
    chosen: str = ""
    fused: "_Trained | None" = None


def train(
    recipe: str,
    config: Any = None,
    *,
    out: str | Path = "",
    resume: bool = False,
    precision: str = "float32",
    options: PhaseOptions | None = None,
) -> Path:
    """Train a recipe and its unimodal baselines; evaluate, export and verify them into a folder.

    Baselines are trained where the recipe's task compares with them.

    Args:
        recipe: a name of `mmzoo list`, or the path of a recipe's file, which is copied into the folder.
        config: the recipe's `Config`; None for its defaults.
        out: the folder, by default named after the recipe, or the folder of the recipe's file. It appears whole.
        resume: continue an interrupted run into `out`.
        precision: compute precision of the layers in training, one of `PRECISIONS`; exports are float32.
        options: changes to the phases of the recipe.

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
                card = replace(card, baselines=_with_fused(card.baselines, trained.fused, every))
            write_card(folder, card)
            print("verifying ...", flush=True)
            report = verify(folder)
            card = replace(card, verification=as_verification(report), files=file_table(folder))
            card = replace(card, environment=replace(environment(), wall_seconds=time.monotonic() - began))
            write_card(folder, card)
    _report(out, card, report)
    return out


def _place(recipe: str) -> Path:
    """Return the default folder of a recipe."""
    return Path(recipe).absolute().parent if recipes.is_file(recipe) else Path(recipe)


def _fit(experiment: Experiment, examples: Examples, working: Path, title: str, precision: str) -> _Trained:
    """Train the fused model, then unimodal baselines with the same encoders, epochs, optimizer and augmentation."""
    names = modalities_of(examples.inputs)
    fused = fit(experiment, working / "fused", f"{title} ({'+'.join(names)})", precision)
    model, history = fit_prior_fallback(*fused, examples.experiment)
    compared = tasks.load(experiment.export().task).compare and len(names) > 1
    singles = {name: experiment.changed(modalities=(name,)) for name in (names if compared else ())}
    baselines = {name: fit(single, working / name, f"{title} ({name})", precision) for name, single in singles.items()}
    return _Trained(model, history, baselines)


def _chosen(trained: _Trained, examples: Examples) -> tuple[_Trained, Examples]:
    """Return what ships where the recipe chooses it on the validation rows, and the examples of its modalities."""
    experiment = examples.experiment
    if experiment.recipe.table is None:
        return trained, examples
    unimodal = {name: model for name, (model, _) in trained.baselines.items()}
    choice = experiment.recipe.table.choose(experiment, trained.model, unimodal)
    trained = replace(trained, candidates=choice.candidates, chosen=choice.name)
    if choice.modalities == experiment.config.modalities:
        return replace(trained, model=choice.model), examples
    own = experiment.changed(modalities=choice.modalities)
    _, history = trained.baselines[choice.name]
    alone = _Trained(choice.model, history, {}, choice.candidates, choice.name, trained)
    return alone, Examples(*test_arrays(own), examples.names, own)


def _with_fused(baselines: Baselines, fused: _Trained, examples: Examples) -> Baselines:
    """Return `baselines` with the score of a fused model that does not ship, and its comparison with unimodal ones."""
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
        training=training,
        seed=config.seed,
        data=Data(**spec.data),
        parameters=model.count_params(),
        inputs=tuple(inputs),
        outputs=tuple(Tensor(name, (1, *x.shape[1:]), str(x.dtype)) for name, x in model.output.items()),
        labels=tuple(spec.labels),
        max_score_drop=spec.max_score_drop,
    )


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
    return replace(card, scores=scores, baselines=baselines, history=history)


def _artifact_scores(folder: Path, task: Task, examples: Examples) -> dict[str, dict]:
    some = examples.first(ARTIFACT_EXAMPLES)
    if task.quick is None:
        return {}
    return {file: {**task.quick(predictor(folder / file), some), "n": len(some)} for file in artifacts_in(folder)}


def _draw(folder: Path, task: Task, scores: Scores, baselines: Baselines, history: dict, labels: tuple) -> None:
    plots.learning_curve(history, folder / "learning_curve.png")
    for name, arguments in task.plots(scores, baselines, labels).items():
        getattr(plots, name)(*arguments, folder / f"{name}.png")


def _report(out: Path, card: Card, report: dict) -> None:
    for line in tasks.load(card.task).summary(card.scores, card.baselines):
        print(line)
    print(verification_table({**report, "path": str(out)}))
    for name, file in card.files.items():
        print(f"{out / name}  {file.bytes:,} bytes")
    if not has_onnx():
        print("model.onnx: not written; onnx is not installed: pip install 'mmzoo[onnx]'")
    print(f"{out / 'README.md'}  the card; {card.environment.wall_seconds:.0f} s in all")
