"""Compare all fusions of a recipe and its unimodal models, trained alike."""

import dataclasses
import json
import logging
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from mmzoo import fusion
from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.folder import artifact, make_folder, write_json
from mmzoo.benchmark import timing
from mmzoo.data.arrays import test_arrays
from mmzoo.data.presence import by_pattern
from mmzoo.device.quiet import quiet
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.export.convert import save_model, to_tflite
from mmzoo.reports.readme import table
from mmzoo.studies.runs import answers, flags, format_seeds, mean_deviation, read_runs, trained
from mmzoo.tflite import flatbuffer

logger = logging.getLogger(__name__)
BASELINE = "concat"
RUNS = "runs.json"
TIMED = 400  # runs of each model, at least


def compare_fusions(experiment: Experiment, fusions: Sequence[str], seeds: Sequence[int], out: str | Path) -> dict:
    """Train each of `fusions` and each unimodal model for each seed; score the test split.

    All share encoders, head, data, order, augmentation and steps. Finished runs are saved in `out/runs.json`; a second
    call runs the missing ones.

    Returns:
        `{"recipe", "config", "runs", "points", "costs"}`: of each fusion and each unimodal model (`image alone`)
        the mean and standard deviation over seeds of the accuracy in percent, of a fusion also with each pattern of
        `present`, and the points over `concat`, paired by seed, with a 95 % interval; and of each fusion the
        parameters that are no encoder's and the time of the exported float32 model, one thread, as a ratio to concat.

    Raises:
        BadInputError: the recipe has no `fusion`, one of `fusions` is unknown, or `out` holds other runs.
    """
    out, config = Path(out), experiment.config
    _check(experiment, fusions, seeds)
    fusions = tuple(dict.fromkeys((BASELINE, *fusions)))
    settings = dataclasses.asdict(config) | {"data_dir": "", "seed": 0, "fusion": ""}
    about = {"recipe": experiment.recipe.name, "config": settings}
    result = {**about, "runs": read_runs(out / RUNS, about)}
    done = {(run["model"], run["seed"]) for run in result["runs"]}
    make_folder(out, out)
    commit = environment().commit  # of each run: a comparison may be finished by a later version
    for seed in seeds:
        wanted = {name: {"fusion": name} for name in fusions}
        wanted |= {f"{name} alone": {"modalities": (name,)} for name in config.modalities}
        test = None
        for name, change in wanted.items():
            if (name, seed) in done:
                continue
            test = test or test_arrays(experiment.changed(seed=seed))
            found = _run(experiment.changed(seed=seed, **change), test, name)
            run = {"model": name, "seed": seed, **found, "commit": commit}
            result["runs"].append(run)
            write_json(out / RUNS, result)
            logger.info(f"{name:<20} seed {seed}: {run['accuracy']['all']:.2f} %")
    result["points"] = _points(result["runs"])
    result["costs"] = _costs(experiment, fusions)
    write_json(out / RUNS, result)
    (out / "README.md").write_text(report([result]), encoding="utf-8")
    return result


def _check(experiment: Experiment, fusions: Sequence[str], seeds: Sequence[int]) -> None:
    if not hasattr(experiment.config, "fusion") or len(experiment.config.modalities) < 2:
        raise BadInputError(f"`recipe` must fuse modalities, got {experiment.recipe.name}")
    if unknown := [name for name in fusions if name not in fusion.names()]:
        raise BadInputError(f"`fusions` must be of {', '.join(fusion.names())}, got {', '.join(unknown)}")
    if not seeds:
        raise BadInputError("`seeds` must be 1 or more, got 0")


def _run(experiment: Experiment, test: tuple[dict, np.ndarray], name: str) -> dict:
    """Train the model; return its accuracy in percent for each modality subset."""
    (inputs, labels), config = test, experiment.config
    model = trained(experiment, f"{name}, seed {config.seed}:")

    def accuracy(given: dict[str, np.ndarray]) -> float:
        return round(100 * float(np.mean(answers(model, given).argmax(axis=1) == labels)), 3)

    scores = {"all": accuracy(inputs)}
    if len(config.modalities) > 1:
        _, *partial, _ = by_pattern(inputs, config.modalities)  # neither all nor nothing
        scores |= {pattern: accuracy(given) for pattern, given in partial}
    return {"accuracy": scores}


def _points(runs: Sequence[dict]) -> list[dict]:
    baseline = {run["seed"]: run["accuracy"]["all"] for run in runs if run["model"] == BASELINE}
    points = []
    for model in dict.fromkeys(run["model"] for run in runs):
        here = [run for run in runs if run["model"] == model]
        scores = {key: mean_deviation([run["accuracy"][key] for run in here]) for key in here[0]["accuracy"]}
        gains = [run["accuracy"]["all"] - baseline[run["seed"]] for run in here if run["seed"] in baseline]
        point = {"model": model, "seeds": len(here), "accuracy": scores}
        if model != BASELINE and len(gains) > 1:
            point["gain"] = [round(statistics.mean(gains), 2), *_interval(gains)]
        points.append(point)
    return points


def _interval(series: Sequence[float]) -> list[float]:
    """Return the two ends of Student's 95 % interval of the mean of `series`."""
    from scipy import stats

    if len(set(series)) == 1:
        return [round(series[0], 2)] * 2
    ends = stats.t.interval(0.95, len(series) - 1, statistics.mean(series), stats.sem(series))
    return [round(float(end), 2) for end in ends]


def _costs(experiment: Experiment, fusions: Sequence[str]) -> dict[str, dict]:
    """Return `{fusion: {"parameters", "latency"}}`: without encoders; median of the whole model, relative to concat."""
    costs, files = {}, []
    with tempfile.TemporaryDirectory() as folder, quiet():
        for name in fusions:
            model = experiment.changed(fusion=name).build()
            encoders = [layer for layer in model.layers if isinstance(layer, keras.Model)]
            costs[name] = {"parameters": model.count_params() - sum(x.count_params() for x in encoders)}
            save_model(Path(folder) / "saved", keras.Model(model.input, {"y": model.output}), batch=1)
            files.append(Path(folder) / f"{name}.tflite")
            flatbuffer.write(to_tflite(Path(folder) / "saved", "float32"), files[-1])
        times = timing.measure(files, 1, TIMED).times
    medians = {name: statistics.median(series) for name, series in zip(fusions, times, strict=True)}
    return {name: {**costs[name], "latency": round(medians[name] / medians[BASELINE], 2)} for name in fusions}


def report(results: Sequence[dict]) -> str:
    """Format `results` of `compare_fusions` as one Markdown table, with a verdict on concat."""
    found = "\n".join(f"- {_name(result)}: {_verdict(result['points'])} {_command(result)}" for result in results)
    rows, head = [], ["data", "model", "accuracy, %", "points over concat (95 %)"]
    for result in results:
        for point in sorted(result["points"], key=lambda point: -point["accuracy"]["all"][0]):
            cost = result["costs"].get(point["model"], {})
            gain = "{:+.1f} ({:+.1f} to {:+.1f})".format(*point["gain"]) if "gain" in point else ""
            rest = ", ".join(f"{key} {mean:.1f}" for key, (mean, _) in point["accuracy"].items() if key != "all")
            score = "{:.1f} ± {:.1f}".format(*point["accuracy"]["all"])
            row = [_name(result), point["model"], score, gain, rest, point["seeds"]]
            rows.append([*row, f"{cost['parameters']:,}" if cost else "", f"{cost['latency']:.2f}" if cost else ""])
    head += ["modality subset, %", "seeds", "parameters", "latency"]
    about = (
        "# Fusions compared\n\nTest accuracy, mean ± standard deviation over seeds. All have the same encoders, head, "
        "data and steps, and the settings of the recipe, which were chosen with one of them. Points over `concat` are "
        "paired by seed, with Student's 95 % interval, not corrected for the number of fusions. Parameters "
        "exclude the encoders. Latency is of the whole float32 model on one thread, relative to `concat` in the same "
        "run."
    )
    return f"{about}\n\n{found}\n\n{table(head, rows)}\n"


def _name(result: dict) -> str:
    return f"{result['recipe']} on {result['config']['source']}"


def _command(result: dict) -> str:
    given = flags(result["recipe"], result["config"])
    return f"`mmzoo study fusions {result['recipe']} {given} --seeds {format_seeds(result['runs'])}`"


def _verdict(points: Sequence[dict]) -> str:
    fused = [point for point in points if "gain" in point and not point["model"].endswith(" alone")]
    better = [point["model"] for point in fused if point["gain"][1] > 0]
    worse = [point["model"] for point in fused if point["gain"][2] < 0]
    beats = f"better than concat: {', '.join(better)}" if better else "nothing is better than concat"
    return f"{beats}; worse: {', '.join(worse) or 'none'}; no difference is shown for the others."


def write_table(path: str | Path, folders: Sequence[str | Path]) -> None:
    """Write one table of the comparisons in `folders` to the Markdown file at `path`.

    Raises:
        BadInputError: a folder has no comparison, or there is none.
    """
    if not folders:
        raise BadInputError("`folders` must be one or more, got none")
    results = [json.loads(artifact(folder, RUNS).read_text(encoding="utf-8")) for folder in folders]
    Path(path).write_text(report(results), encoding="utf-8")
