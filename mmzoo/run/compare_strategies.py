"""The verb `compare-strategies`: which way of using unlabeled data pays, and from how many labels on."""

import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

from mmzoo import BadInputError, recipes
from mmzoo.plan import Phase
from mmzoo.run import plots
from mmzoo.run.card import environment
from mmzoo.run.convert import quiet, save_model, to_tflite
from mmzoo.run.evaluate import test_arrays
from mmzoo.run.fit import fit
from mmzoo.run.flatbuffer import write
from mmzoo.run.folder import make_folder, write_json
from mmzoo.run.multiply_adds import multiply_adds
from mmzoo.run.readme import table

STRATEGIES = {  # name -> the recipe whose encoders it starts from, and what is trained of them
    "scratch": ("", "all"),
    "components": ("masked_pretraining", "all"),
    "contrastive": ("contrastive_pretraining", "all"),
    "autoencoder": ("autoencoder_pretraining", "all"),
    "linear_probe": ("contrastive_pretraining", "head"),
    "frozen_then_open": ("contrastive_pretraining", "head first"),
}
TRAINING = 3  # multiply-adds of a training step in those of a forward pass: the two gradients cost as much each


def compare_strategies(
    recipe: str,
    config: Any,
    shares: Sequence[float],
    seeds: Sequence[int],
    out: str | Path,
    pretraining_epochs: int = 1,
    strategies: Sequence[str] = tuple(STRATEGIES),
) -> dict:
    """Train `recipe` by each of `strategies` with each share of its labels and each seed; score the test split.

    Pretraining sees all training pairs without labels, once for each seed. Every strategy takes the same number of
    steps with labels, those of `config` at the largest share. Finished runs are kept in `out/runs.json` and
    `out/pretrained`; called again, what is in there is not done again.

    Returns:
        `{"recipe", "config", "runs": [...], "points": [...]}`: of each strategy and share the mean and the standard
        deviation over seeds of the accuracy in percent, and the means of seconds and multiply-adds of pretraining
        and of training.

    Raises:
        BadInputError: the recipe has no `label_share`, a strategy is unknown, or `out` holds other runs.
    """
    module, out = recipes.load(recipe), Path(out)
    _check(recipe, config, shares, seeds, strategies)
    about = {"recipe": recipe, "config": {**dataclasses.asdict(config), "data_dir": "", "seed": 0}}
    about |= {"pretraining_epochs": pretraining_epochs}
    result = {**json.loads(json.dumps(about)), "commit": environment()["commit"], "runs": _finished(out, about)}
    done = {(run["strategy"], run["share"], run["seed"]) for run in result["runs"]}
    make_folder(out, out)
    for seed in seeds:
        for share in shares:
            mine = dataclasses.replace(config, seed=seed, label_share=share)
            for name in strategies:
                if (name, share, seed) in done:
                    continue
                scheme, trained = STRATEGIES[name]
                before = _pretrain(scheme, mine, pretraining_epochs, out) if scheme else {}
                run = {"strategy": name, "share": share, "seed": seed, **_train(module, mine, before, trained, config)}
                result["runs"].append(run)
                write_json(out / "runs.json", result)
                print(
                    f"{name:<20} {share:>7.0%} seed {seed}: {run['accuracy']:.2f} %, {run['seconds']:.0f} s", flush=True
                )
    result["points"] = _points(result["runs"])
    write_json(out / "runs.json", result)
    plots.strategies(result["points"], out / "strategies.png")
    (out / "README.md").write_text(report(result), encoding="utf-8")
    return result


def _check(recipe: str, config: Any, shares: Sequence[float], seeds: Sequence[int], strategies: Sequence[str]) -> None:
    if not hasattr(config, "label_share"):
        raise BadInputError(f"compare-strategies: expected a recipe with --label-share. Received: {recipe}")
    if unknown := [name for name in strategies if name not in STRATEGIES]:
        raise BadInputError(f"--strategies: expected some of {', '.join(STRATEGIES)}. Received: {', '.join(unknown)}")
    if not shares or not all(0 < share <= 1 for share in shares):
        raise BadInputError(f"--shares: expected numbers above 0, 1 at most. Received: {shares}")
    if not seeds:
        raise BadInputError("--seeds: expected 1 or more. Received: 0")


def _finished(out: Path, about: dict) -> list[dict]:
    path = out / "runs.json"
    if not path.is_file():
        return []
    before = json.loads(path.read_text(encoding="utf-8"))
    for key, value in json.loads(json.dumps(about)).items():
        if before[key] != value:
            raise BadInputError(f"{path}: expected runs of the same {key}. Received: {before[key]}")
    return before["runs"]


def _pretrain(scheme: str, config: Any, epochs: int, out: Path) -> dict:
    """Return `{"path", "pretraining_seconds", "pretraining_multiply_adds"}` of `scheme` for the seed of `config`."""
    folder = out / "pretrained" / f"{scheme}-{config.seed}"
    told = folder / "cost.json"
    if told.is_file():
        return json.loads(told.read_text(encoding="utf-8"))
    module = recipes.load(scheme)
    shared = {field.name for field in dataclasses.fields(module.Config)} & set(dataclasses.asdict(config))
    values = {name: getattr(config, name) for name in shared - {"epochs", "learning_rate", "init_from"}}
    mine = module.Config(**values, epochs=epochs)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as checkpoint:
        model, history = fit(module, mine, checkpoint, f"{scheme}, seed {config.seed}:")
    seconds = time.monotonic() - began
    examples = len(module.dataset("train", mine)) * mine.batch_size
    folder.mkdir(parents=True, exist_ok=True)
    outputs = {name: model.get_layer(layer).output for name, layer in module.export(mine).outputs.items()}
    keras.Model(model.input, outputs).save(folder / "model.keras")
    cost = {"path": str(folder / "model.keras"), "pretraining_seconds": round(seconds, 1)}
    cost |= {"pretraining_multiply_adds": TRAINING * _forward(model) * examples}
    cost |= {"history": {name: values[-1] for name, values in history.items()}}
    write_json(told, cost)
    return cost


def _train(module: Any, config: Any, before: dict, trained: str, budget: Any) -> dict:
    """Train with labels from the encoders of `before` and return the accuracy on the test split and the cost."""
    config = dataclasses.replace(config, init_from=before.get("path", ""))
    steps = _steps(module, dataclasses.replace(budget, seed=config.seed))
    each = _steps(module, dataclasses.replace(config, epochs=1))
    config = dataclasses.replace(config, epochs=max(2, round(steps / each)))
    names = [layer.name for layer in module.build(config).layers if isinstance(layer, keras.Model)]
    phases = _phases(trained, tuple(names), config)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as checkpoint:
        recipe = SimpleNamespace(**{**vars(module), "plan": lambda config: phases})
        model, _ = fit(recipe, config, checkpoint, f"{trained}, {config.label_share:.0%}, seed {config.seed}:")
    seconds = time.monotonic() - began
    inputs, labels = test_arrays(module, config)
    answers = model.predict({name: inputs[name] for name in model.input}, batch_size=500, verbose=0)
    return {
        "accuracy": round(100 * float(np.mean(answers.argmax(axis=1) == labels)), 3),
        "seconds": round(seconds, 1),
        "multiply_adds": _cost(model, phases, each * config.batch_size),
        **{key: before.get(key, 0) for key in ("pretraining_seconds", "pretraining_multiply_adds")},
    }


def _steps(module: Any, config: Any) -> int:
    return len(module.dataset("train", config))


def _phases(trained: str, encoders: tuple[str, ...], config: Any) -> tuple[Phase, ...]:
    """Return the phases of a strategy: all at once, the head alone, or the head first and then all, gently."""
    if trained == "all":
        return (Phase("all", config.epochs, config.learning_rate),)
    if trained == "head":
        return (Phase("head", config.epochs, config.learning_rate, frozen=encoders),)
    first = config.epochs // 2
    gentle = tuple((name, 0.3) for name in encoders)
    return (
        Phase("head", first, config.learning_rate, frozen=encoders),
        Phase("all", config.epochs - first, config.learning_rate, rates=gentle),
    )


def _cost(model: keras.Model, phases: tuple[Phase, ...], examples: int) -> int:
    """Return the multiply-adds of training: frozen encoders go forward alone, all else has two gradients too."""
    whole = _forward(model)
    encoders = {layer.name: _forward(layer) for layer in model.layers if isinstance(layer, keras.Model)}
    return sum(
        phase.epochs * examples * (TRAINING * whole - (TRAINING - 1) * sum(encoders[name] for name in phase.frozen))
        for phase in phases
    )


def _forward(model: keras.Model) -> int:
    """Return the multiply-adds of one example through `model`, counted on its exported graph."""
    inputs = model.input if isinstance(model.input, dict) else {x.name: x for x in model.inputs}
    with tempfile.TemporaryDirectory() as folder, quiet():
        save_model(Path(folder) / "saved", keras.Model(inputs, {"y": model.output}), batch=1)
        write(to_tflite(Path(folder) / "saved", "float32"), Path(folder) / "model.tflite")
        return multiply_adds(Path(folder) / "model.tflite")[0]


def _points(runs: Sequence[dict]) -> list[dict]:
    points = []
    for strategy, share in sorted(
        {(r["strategy"], r["share"]) for r in runs}, key=lambda k: (k[1], [*STRATEGIES].index(k[0]))
    ):
        here = [run for run in runs if (run["strategy"], run["share"]) == (strategy, share)]
        series = [run["accuracy"] for run in here]
        deviation = statistics.stdev(series) if here[1:] else 0.0
        point = {"strategy": strategy, "share": share, "seeds": len(here)}
        point |= {"accuracy": [round(statistics.mean(series), 2), round(deviation, 2)]}
        scratch = {
            run["seed"]: run["accuracy"] for run in runs if run["strategy"] == "scratch" and run["share"] == share
        }
        gains = [run["accuracy"] - scratch[run["seed"]] for run in here if run["seed"] in scratch]
        if gains and strategy != "scratch":
            point["gain"] = [round(statistics.mean(gains), 2), round(statistics.stdev(gains) if gains[1:] else 0.0, 2)]
        for key in ("seconds", "multiply_adds", "pretraining_seconds", "pretraining_multiply_adds"):
            point[key] = statistics.mean(run[key] for run in here)
        points.append(point)
    return points


def report(result: dict) -> str:
    """Return the comparison as Markdown."""
    rows = []
    for p in result["points"]:
        gain = f"{p['gain'][0]:+.1f} ± {p['gain'][1]:.1f}" if "gain" in p else ""
        seconds = f"{p['pretraining_seconds']:.0f} + {p['seconds']:.0f}"
        work = f"{p['pretraining_multiply_adds'] / 1e12:.2f} + {p['multiply_adds'] / 1e12:.2f}"
        score = f"{p['accuracy'][0]:.1f} ± {p['accuracy'][1]:.1f}"
        rows.append([f"{p['share']:.0%}", p["strategy"], score, gain, p["seeds"], seconds, work])
    head = ["labels", "strategy", "accuracy, %", "points over scratch", "seeds", "seconds", "10^12 multiply-adds"]
    said = (
        f"# Strategies of training {result['recipe']} on {result['config']['source']}\n\nTest accuracy, mean ± "
        "standard deviation over seeds; the points over scratch are paired by seed. Seconds and multiply-adds are of "
        "pretraining, shared by all shares of a seed, plus those of training with labels.\n\n"
    )
    return f"{said}{table(head, rows)}\n\n![Score by share of labels](strategies.png)\n"
