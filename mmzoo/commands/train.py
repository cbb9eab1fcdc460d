"""The verb `train`: a recipe to a folder that holds the model, what it became, and what it is worth."""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from mmzoo import recipes
from mmzoo.artifacts.card import static_card
from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.folder import KERAS, artifacts_in, check_out, file_table, new_folder
from mmzoo.artifacts.golden import golden_examples
from mmzoo.artifacts.runtimes import output_predictor
from mmzoo.data.arrays import conditions, split_arrays, test_arrays
from mmzoo.data.presence import modalities_of
from mmzoo.export.convert import has_onnx
from mmzoo.export.writer import calibration_examples, export
from mmzoo.reports import plots
from mmzoo.reports.write import write_card
from mmzoo.tasks.anomaly import anomaly_table, compare_alone, finds_anomalies, score_anomalies
from mmzoo.tasks.classification import by_kind, class_line, evaluate_classes
from mmzoo.tasks.detection import box_table, detects, score_boxes
from mmzoo.tasks.multilabel import label_kind, label_lines, marks
from mmzoo.tasks.pretraining import objective_scores, reconstruction_rows, reconstruction_scores, reconstructs
from mmzoo.tasks.regression import NUMBERS, measures, number_lines
from mmzoo.tasks.retrieval import retrieval_table, retrieves, score_retrieval
from mmzoo.tasks.subsets import ARTIFACT_EXAMPLES, score_files, with_parameters
from mmzoo.tasks.transcription import keep_language, transcribes, transcript_scores, transcript_table
from mmzoo.training.loop import check_precision, fit
from mmzoo.training.options import PhaseOptions, tell_encoders, told_training, with_options
from mmzoo.training.prior_fallback import fit_prior_fallback
from mmzoo.training.resume import checkpoints, exclusive_run
from mmzoo.verification.table import table as verdicts
from mmzoo.verification.verify import verify


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
    with exclusive_run(out), checkpoints(out, run, resume) as working:
        # The test split is read first: a source that is not there stops the run before it has cost anything.
        inputs, labels = test_arrays(module, config)
        tell_encoders(module, config)
        trained = with_options(module, config, options)
        name = out.name if text else recipe
        title = f"{name} ({'+'.join(modalities_of(inputs))})"
        model, history = fit_prior_fallback(*fit(trained, config, working / "fused", title, precision), module, config)
        alone = modalities_of(inputs) if spec.labels or measures(spec.outputs) else ()
        baselines = _fit_baselines(trained, config, working, (name, precision), alone)
        with new_folder(out, working) as folder:
            exported = keras.Model(model.input, {k: model.get_layer(v).output for k, v in spec.outputs.items()})
            exported.save(folder / KERAS)
            card = static_card(recipe, module, config, exported, spec)
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


def _scores(folder: Path, module, config, examples: tuple, model: keras.Model, baselines: dict) -> dict:
    """Return the card's `scores`, and what is compared with them, of the model exported to `folder`."""
    spec, files, (inputs, labels) = module.export(config), artifacts_in(folder), examples
    if finds_anomalies(spec.outputs):
        normal = split_arrays(module, config, "validation")[0]
        told = score_anomalies(folder, files, examples, normal, spec.labels)
        return compare_alone(
            folder, told, examples, {name: output_predictor(spec, m) for name, (m, _) in baselines.items()}
        )
    if detects(spec.outputs):
        return {"scores": score_boxes(folder, files, inputs, labels, spec.labels)}
    if transcribes(spec.outputs):
        alone = {name: output_predictor(spec, m) for name, (m, _) in baselines.items()}
        keep_language(module, config, folder)
        return {"scores": transcript_scores(folder, files, conditions(module, config, examples), spec.labels, alone)}
    if retrieves(module):
        return {"scores": score_retrieval(folder, files, examples, module.references(config))}
    if measures(spec.outputs) or marks(spec.outputs):
        kind = NUMBERS if measures(spec.outputs) else label_kind(spec.labels)
        alone = {name: output_predictor(spec, m) for name, (m, _) in baselines.items()}
        return with_parameters(score_files(kind, folder, files, examples, ARTIFACT_EXAMPLES, alone), baselines)
    if spec.labels:
        scored = evaluate_classes(folder, inputs, labels, spec, {name: m for name, (m, _) in baselines.items()})
        answers = scored.pop("answers")
        scored["scores"] |= by_kind(module, config, answers, labels)
        return scored
    scored = objective_scores(model, module.objective(config), inputs, labels, config.batch_size)
    if reconstructs(module):
        scored |= reconstruction_scores(module, config, model, inputs, labels)
    return {"scores": scored}


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


def score_lines(card: dict) -> Iterator[str]:
    """Yield what the `card` of a model says of its test split, and of the gain of fusion."""
    scores = card["scores"]
    for name, value in scores.get("objective", {}).items():
        yield f"test {name} {value:.4f}"
    if "reconstruction" in scores:
        head, rows = reconstruction_rows(scores)
        for row in (head, *rows):
            yield f"test {row[0]:<32}{''.join(f'{cell:>18}' for cell in row[1:])}"
    if "map50" in scores:
        yield f"test {box_table(scores)}"
    if "retrieval" in scores:
        yield f"test: {retrieval_table(scores)}"
    if "anomalies" in scores:
        yield f"test\n{anomaly_table(scores)}"
    if "transcripts" in scores:
        yield f"test, in percent\n{transcript_table(scores)}"
    outputs = [entry["name"] for entry in card["outputs"]]
    if measures(outputs):
        yield number_lines(card)
    elif marks(outputs):
        yield label_lines(card)
    else:
        yield from class_line(card)
