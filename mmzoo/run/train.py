"""The verb `train`: a recipe to a folder that holds the model, what it became, and what it is worth."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import mmzoo
from mmzoo import recipes
from mmzoo.metrics.classification import scores
from mmzoo.run import plots
from mmzoo.run.card import environment, write_card
from mmzoo.run.convert import has_onnx
from mmzoo.run.evaluate import (
    ARTIFACTS,
    by_kind,
    compare,
    objective_scores,
    score_section,
    subset_scores,
)
from mmzoo.run.evaluate_anomaly import compare_alone, finds_anomalies, score_anomalies
from mmzoo.run.evaluate_boxes import detects, score_boxes
from mmzoo.run.evaluate_labels import label_kind, marks
from mmzoo.run.evaluate_numbers import NUMBERS, measures
from mmzoo.run.evaluate_reconstruction import reconstruction_scores, reconstructs
from mmzoo.run.evaluate_retrieval import retrieves, score_retrieval
from mmzoo.run.evaluate_subsets import score_files
from mmzoo.run.evaluate_transcripts import keep_language, transcribes, transcript_scores
from mmzoo.run.execute import Arrays, batch_size, predictor
from mmzoo.run.export import calibration_examples, export, file_table, golden_examples
from mmzoo.run.fit import check_precision, fit
from mmzoo.run.folder import KERAS, check_out, new_folder
from mmzoo.run.init_from import tell_encoders
from mmzoo.run.phase_options import PhaseOptions, told_training, with_options
from mmzoo.run.score_lines import score_lines
from mmzoo.run.settle import settle
from mmzoo.run.split import BASELINES, conditions, same_example, split_arrays, test_arrays
from mmzoo.run.verify import verify
from mmzoo.run.verify_table import table as verdicts
from mmzoo.run.working import alone_in, checkpoints

ARTIFACT_EXAMPLES = 10_000  # scored at most of each artifact; the subsets are scored on all, by Keras


def train(
    recipe: str,
    config: Any = None,
    *,
    out: str | Path = "",
    resume: bool = False,
    precision: str = "float32",
    options: PhaseOptions | None = None,
) -> Path:
    """Train `recipe` and its single-modality baselines, evaluate, export and verify them into the folder `out`.

    A recipe without labels (pretraining) has no baselines, and is scored by its own objective on the test split; a
    detector by the precision of its boxes, a recognizer by the errors of its transcripts, one that tells a number or
    several labels by these, an anomaly score by what it tells apart, and one whose pictures and texts find each other
    by what is found.

    Args:
        recipe: a name of `mmzoo list`, or the path of a recipe's file, which the folder gets a copy of.
        config: the recipe's `Config`; its defaults where None.
        out: the folder, by default the recipe's name here, or the folder of its file. It appears when everything is in
            it.
        resume: go on with a run into `out` that was stopped.
        precision: what layers compute in while they are trained; see `PRECISIONS`. What is exported is float32.
        options: what is other in the phases than the recipe has it.

    Returns:
        The folder.

    Raises:
        BadInputError: the recipe, the config, the source or the folder cannot be used.
    """
    began = time.monotonic()
    module = recipes.load(recipe)
    config, options = config or module.Config(), options or PhaseOptions()
    spec = module.export(config)
    check_precision(precision)
    out = check_out(out or _place(recipe))
    text = Path(recipe).read_bytes() if recipes.is_file(recipe) else b""  # before `out`, where it may lie, is replaced
    run = {"recipe": recipe, "config": dataclasses.asdict(config), "precision": precision, **options.told()}
    with alone_in(out), checkpoints(out, run, resume) as working:
        # The test split is read first: a source that is not there stops the run before it has cost anything.
        inputs, labels = test_arrays(module, config)
        tell_encoders(module, config)
        trained = with_options(module, config, options)
        name = out.name if text else recipe
        title = f"{name} ({'+'.join(_modalities(inputs))})"
        model, history = settle(*fit(trained, config, working / "fused", title, precision), module, config)
        alone = _modalities(inputs) if spec.labels or measures(spec.outputs) else ()
        baselines = _fit_baselines(trained, config, working, (name, precision), alone)
        with new_folder(out, working) as folder:
            exported = keras.Model(model.input, {k: model.get_layer(v).output for k, v in spec.outputs.items()})
            exported.save(folder / KERAS)
            card = _static_card(recipe, module, config, exported, spec)
            card |= told_training(precision, options)
            if text:
                (folder / Path(recipe).name).write_bytes(text)
                card |= {"recipe": Path(recipe).name, "name": out.name}
            print("exporting ...", flush=True)
            calibration = calibration_examples(module.dataset("train", config), exported.input)
            card |= export(exported, folder, spec, calibration, golden_examples(inputs, labels), card)
            print("evaluating ...", flush=True)
            card |= _scores(folder, module, config, (inputs, labels), model, baselines)
            card["history"] = {**history, "baselines": {name: h for name, (_, h) in baselines.items()}}
            _draw(folder, card)
            write_card(folder, card)
            print("verifying ...", flush=True)
            card["verify"] = verify(folder)
            card |= {"files": file_table(folder), **environment(), "wall_seconds": time.monotonic() - began}
            write_card(folder, card)
    _report(out, card)
    return out


def _modalities(inputs: dict[str, np.ndarray]) -> tuple[str, ...]:
    return tuple(name for name in inputs if name != "present")


def _place(recipe: str) -> Path:
    """Return the folder in which `recipe` leads if no other is said."""
    return Path(recipe).absolute().parent if recipes.is_file(recipe) else Path(recipe)


def _fit_baselines(
    module, config, working: Path, titled: tuple[str, str], modalities: tuple[str, ...]
) -> dict[str, tuple[keras.Model, dict]]:
    """Train a model of each modality alone, with the same encoder, head, epochs, optimizer and augmentation."""
    if len(modalities) < 2:
        return {}
    title, precision = titled
    alone = {name: dataclasses.replace(config, modalities=(name,)) for name in modalities}
    return {name: fit(module, own, working / name, f"{title} ({name})", precision) for name, own in alone.items()}


def _static_card(recipe: str, module, config, model: keras.Model, spec) -> dict:
    return {
        "mmzoo": mmzoo.__version__,
        "recipe": recipe,
        "task": module.__doc__.strip().splitlines()[0].rstrip("."),
        "config": _without_places(dataclasses.asdict(config)),
        "seed": config.seed,
        "data": spec.data,
        "parameters": model.count_params(),
        "inputs": [
            {
                "name": name,
                "shape": [1, *x.shape[1:]],
                "dtype": str(x.dtype),
                "unit": spec.units[name],
                "range": list(spec.ranges[name]),
            }
            for name, x in model.input.items()
        ],
        "outputs": [
            {"name": name, "shape": [1, *x.shape[1:]], "dtype": str(x.dtype)} for name, x in model.output.items()
        ],
        "labels": list(spec.labels),
        "max_score_drop": spec.max_score_drop,
    }


def _without_places(config: dict) -> dict:
    """Return `config` without where things lie on this machine: it goes into every artifact."""
    places = {"data_dir": "", "init_from": Path(config.get("init_from", "")).name}
    return {name: places.get(name, value) for name, value in config.items()}


def _scores(folder: Path, module, config, examples: tuple, model: keras.Model, baselines: dict) -> dict:
    """Return the card's `scores`, and what is compared with them, of the model exported to `folder`."""
    spec, files, (inputs, labels) = module.export(config), _artifacts(folder), examples
    if finds_anomalies(spec.outputs):
        normal = split_arrays(module, config, "validation")[0]
        told = score_anomalies(folder, files, examples, normal, spec.labels)
        return compare_alone(folder, told, examples, {name: _answering(spec, m) for name, (m, _) in baselines.items()})
    if detects(spec.outputs):
        return {"scores": score_boxes(folder, files, inputs, labels, spec.labels)}
    if transcribes(spec.outputs):
        alone = {name: _answering(spec, m) for name, (m, _) in baselines.items()}
        keep_language(module, config, folder)
        return {"scores": transcript_scores(folder, files, conditions(module, config, examples), spec.labels, alone)}
    if retrieves(module):
        return {"scores": score_retrieval(folder, files, examples, module.references(config))}
    if measures(spec.outputs) or marks(spec.outputs):
        kind = NUMBERS if measures(spec.outputs) else label_kind(spec.labels)
        alone = {name: _answering(spec, m) for name, (m, _) in baselines.items()}
        return _sized(score_files(kind, folder, files, examples, ARTIFACT_EXAMPLES, alone), baselines)
    if spec.labels:
        scored = _evaluate(folder, inputs, labels, spec, {name: m for name, (m, _) in baselines.items()})
        answers = scored.pop("answers")
        scored["scores"] |= by_kind(module, config, answers, labels)
        return scored
    scored = objective_scores(model, module.objective(config), inputs, labels, config.batch_size)
    if reconstructs(module):
        scored |= reconstruction_scores(module, config, model, inputs, labels)
    return {"scores": scored}


def _sized(found: dict, baselines: dict) -> dict:
    """Return what was `found`, with the parameters of each of `baselines`."""
    for name, (model, _) in baselines.items():
        found["baselines"][name]["parameters"] = model.count_params()
    return found


def _evaluate(folder: Path, inputs, labels: np.ndarray, spec, baselines: dict[str, keras.Model]) -> dict:
    """Score the Keras model with every subset, every other artifact with all present, and the gain of fusion."""
    names, modalities = spec.labels, _modalities(inputs)
    predict = predictor(folder / KERAS)
    report = {KERAS: subset_scores(predict, inputs, labels, modalities, names)}
    section = score_section(report, {}, len(labels))
    few, some = {name: x[:ARTIFACT_EXAMPLES] for name, x in inputs.items()}, labels[:ARTIFACT_EXAMPLES]
    for file in _artifacts(folder):
        full = scores(predictor(folder / file)(few)["probabilities"], some, names)
        section["artifacts"][file] = {"accuracy": full["accuracy"], "ece": full["ece"], "n": len(some)}
    fused = predict(inputs)["probabilities"]
    told = {"fused": fused.argmax(axis=1)}
    if not baselines:
        return {"scores": section, "answers": told}
    singles = {
        name: model.predict({name: inputs[name]}, batch_size=batch_size({name: inputs[name]}), verbose=0)
        for name, model in baselines.items()
    }
    compared = compare(fused, singles, labels, names, same_example(inputs))
    answers = {name: single.argmax(axis=1).astype(np.uint16) for name, single in singles.items()}
    np.savez_compressed(folder / BASELINES, **answers)
    for name, model in baselines.items():
        compared["baselines"][name]["parameters"] = model.count_params()
    return {"scores": section, "answers": told | answers, **compared}


def _answering(spec, model: keras.Model) -> Callable[[Arrays], Arrays]:
    """Return a function of inputs, more than `model` may take, to the outputs that are named in `spec`."""
    told = keras.Model(model.input, {name: model.get_layer(layer).output for name, layer in spec.outputs.items()})
    return lambda x: told.predict({key: x[key] for key in told.input}, batch_size=50, verbose=0)


def _artifacts(folder: Path) -> list[str]:
    return [name for name in ARTIFACTS.values() if (folder / name).exists()]


def _draw(folder: Path, card: dict) -> None:
    plots.learning_curve(card["history"], folder / "learning_curve.png")
    if "confusion" not in card["scores"]:
        return
    plots.confusion_matrix(card["scores"]["confusion"], card["labels"], folder / "confusion_matrix.png")
    plots.subset_scores(card["scores"]["subsets"], card.get("baselines", {}), folder / "subset_scores.png")


def _report(out: Path, card: dict) -> None:
    for line in score_lines(card):
        print(line)
    print(verdicts({**card["verify"], "path": str(out)}))
    for name, file in card["files"].items():
        print(f"{out / name}  {file['bytes']:,} bytes")
    if not has_onnx():
        print("model.onnx: not written; it needs pip install 'mmzoo[onnx]'")
    print(f"{out / 'README.md'}  the card; {card['wall_seconds']:.0f} s in all")
