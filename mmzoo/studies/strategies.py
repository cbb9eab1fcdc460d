"""Compare pretraining strategies with training from scratch, at several fractions of the labels."""

import dataclasses
import functools
import itertools
import json
import logging
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo import recipes
from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.folder import make_folder, write_json
from mmzoo.data.arrays import test_arrays
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.export.convert import model_multiply_adds
from mmzoo.recipe import Phase
from mmzoo.reports import plots
from mmzoo.reports.readme import table
from mmzoo.studies.runs import answers, flags, format_seeds, mean_deviation, read_runs, trained

logger = logging.getLogger(__name__)
SCHEMES = {  # of pretraining: the recipe, and fields of its Config
    "components": ("masked_pretraining", {"targets": "values"}),  # unpaired: each encoder separately
    "masked": ("masked_pretraining", {}),
    "autoencoder": ("autoencoder_pretraining", {}),
    "contrastive": ("contrastive_pretraining", {}),
}
# how the pretrained model is trained; `linear` is a regression on the embeddings instead of a phase
WAYS = {"whole": "all", "probe": "head", "linear": "linear", "opened": "head first"}
STRATEGIES = {"scratch": ("", "all")}  # name -> scheme, and the way of training
TRAINING = 3  # multiply-adds of a training step in those of a forward pass: the two gradients cost as much each
SCRATCH = "scratch"
ENOUGH = 3  # minimum number of seeds of a verdict
COSTS = ("seconds", "multiply_adds", "pretraining_seconds", "pretraining_multiply_adds")
HEAD = ("labels", "strategy", "accuracy, %", "points over scratch", "seeds", "seconds", "10^12 multiply-adds")
ABOUT = (
    "Test accuracy, mean ± standard deviation over seeds; points over scratch are paired by seed. Seconds and "
    "multiply-adds are of pretraining, shared by all fractions of a seed, plus training with labels; other processes "
    "ran on the machine.\n\n"
    "`components`: each encoder predicts hidden parts of its own input. `masked`: one modality is hidden, and the "
    "other predicts its cluster. `autoencoder`: a product of experts reconstructs each modality from any subset. "
    "`contrastive`: pairs of one class have similar embeddings. `whole`: all layers are trained with labels; `probe`: "
    "fusion and head on frozen encoders; `linear`: logistic regression on the embeddings; `opened`: first as `probe`, "
    "then all layers, encoders at a lower rate. All take the same number of labeled steps, two epochs at least: with "
    "all labels they take more."
)
STRATEGIES |= {f"{scheme}_{way}": (scheme, how) for scheme in SCHEMES for way, how in WAYS.items()}


def compare_strategies(
    experiment: Experiment,
    shares: Sequence[float],
    seeds: Sequence[int],
    out: str | Path,
    pretraining_epochs: int = 1,
    strategies: Sequence[str] = tuple(STRATEGIES),
) -> dict:
    """Train the model of an experiment by each strategy, fraction of labels and seed; score the test split.

    Pretraining uses all training pairs without labels, once a seed. All strategies take the same number of labeled
    steps: the epochs of the config at its own fraction, two epochs at least. Finished runs are saved in `out/runs.json`
    and `out/pretrained`; a second call runs the missing ones.

    Returns:
        `{"recipe", "config", "runs": [...], "points": [...]}`: of each strategy and share the mean and the standard
        deviation over seeds of the accuracy in percent, and the means of seconds and multiply-adds of pretraining
        and of training.

    Raises:
        BadInputError: the recipe has no `label_share`, a strategy is unknown, or `out` holds other runs.
    """
    out = Path(out)
    _check(experiment, shares, seeds, strategies)
    settings = dataclasses.asdict(experiment.config) | {"data_dir": "", "seed": 0}
    about = {"recipe": experiment.recipe.name, "config": settings, "pretraining_epochs": pretraining_epochs}
    result = {**about, "runs": read_runs(out / "runs.json", about)}
    done = {(run["strategy"], run["share"], run["seed"]) for run in result["runs"]}
    make_folder(out, out)
    work = _Work(experiment.changed(seed=seeds[0]), pretraining_epochs, out)
    commit = environment().commit  # of each run: a comparison may be finished by a later version
    for seed, share, name in itertools.product(seeds, shares, strategies):
        if (name, share, seed) in done:
            continue
        scheme, how = STRATEGIES[name]
        before = work.pretrain(scheme, seed) if scheme else {}
        run = {"strategy": name, "share": share, "seed": seed, **work.train(how, share, seed, before)}
        result["runs"].append({**run, "commit": commit})
        write_json(out / "runs.json", result)
        logger.info(f"{name:<20} {share:>7.0%} seed {seed}: {run['accuracy']:.2f} %, {run['seconds']:.0f} s")
    result["points"] = points_of(result["runs"], [*STRATEGIES])
    write_json(out / "runs.json", result)
    plots.strategies(result["points"], out / "strategies.png")
    (out / "README.md").write_text(report(result), encoding="utf-8")
    return result


def _check(experiment: Experiment, shares: Sequence[float], seeds: Sequence[int], strategies: Sequence[str]) -> None:
    if not hasattr(experiment.config, "label_share"):
        raise BadInputError(f"`recipe` must have a `label_share`, got {experiment.recipe.name}")
    if unknown := [name for name in strategies if name not in STRATEGIES]:
        raise BadInputError(f"`strategies` must be of {', '.join(STRATEGIES)}, got {', '.join(unknown)}")
    if not shares or not all(0 < share <= 1 for share in shares):
        raise BadInputError(f"`shares` must be above 0 and 1 at most, got {shares}")
    if not seeds:
        raise BadInputError("`seeds` must be 1 or more, got 0")


class _Work:
    """Shared state of the runs of one comparison: budget, test splits, pretrained encoders and multiply-adds.

    Counts and lengths of epochs are of the first seed: they depend only on shapes and sizes.
    """

    def __init__(self, experiment: Experiment, pretraining_epochs: int, out: Path):
        self.experiment = experiment
        self.pretraining_epochs = pretraining_epochs
        self.out = out
        self.steps = functools.cache(self._steps)
        self.test = functools.lru_cache(maxsize=1)(self._test)
        self.counts = functools.cache(self._counts)
        self.forward: dict[str, int] = {}  # multiply-adds of an example, by recipe of pretraining

    def _steps(self, share: float) -> int:
        """Return the steps of an epoch with `share` of the labels."""
        return len(self.experiment.changed(label_share=share).dataset("train"))

    def _test(self, seed: int) -> tuple[dict, np.ndarray]:
        return test_arrays(self.experiment.changed(seed=seed))

    def pretrain(self, scheme: str, seed: int) -> dict:
        """Return `{"path", "pretraining_seconds", "pretraining_multiply_adds"}` of `scheme` for a seed."""
        folder = self.out / "pretrained" / f"{scheme}-{seed}"
        saved = folder / "cost.json"
        if saved.is_file():
            return json.loads(saved.read_text(encoding="utf-8"))
        name, options = SCHEMES[scheme]
        module, given = recipes.load(name), dataclasses.asdict(self.experiment.config)
        shared = {field.name for field in dataclasses.fields(module.Config)} & set(given)
        # modality_dropout has another meaning in pretraining
        values = {name: given[name] for name in shared - {"modality_dropout", "learning_rate", "init_from"}}
        config = module.Config(**values | options | {"epochs": self.pretraining_epochs, "seed": seed})
        pretraining = Experiment(module, config)
        began = time.monotonic()
        model = trained(pretraining, f"{scheme}, seed {seed}:")
        seconds = time.monotonic() - began
        if scheme not in self.forward:
            self.forward[scheme] = model_multiply_adds(model)
        folder.mkdir(parents=True, exist_ok=True)
        outputs = {name: model.get_layer(layer).output for name, layer in pretraining.export().outputs.items()}
        keras.Model(model.input, outputs).save(folder / "model.keras")
        examples = config.epochs * len(pretraining.dataset("train")) * config.batch_size
        cost = {"path": str(folder / "model.keras"), "pretraining_seconds": round(seconds, 1)}
        cost |= {"pretraining_multiply_adds": TRAINING * self.forward[scheme] * examples}
        write_json(saved, cost)
        return cost

    def train(self, how: str, share: float, seed: int, before: dict) -> dict:
        """Train with labels from the encoders of `before`; return the accuracy on the test split and the cost."""
        epochs = max(
            2, round(self.steps(self.experiment.config.label_share) * self.experiment.config.epochs / self.steps(share))
        )
        changed = {"label_share": share, "seed": seed, "epochs": epochs, "init_from": before.get("path", "")}
        experiment = self.experiment.changed(**changed)
        config = experiment.config
        costs = {key: before.get(key, 0) for key in ("pretraining_seconds", "pretraining_multiply_adds")}
        if how == "linear":
            return {**self.linear_probe(experiment), **costs}
        phases = phases_of(how, tuple(self.counts()[1]), config)
        recipe = dataclasses.replace(experiment.recipe, plan=lambda config: phases)
        began = time.monotonic()
        model = trained(Experiment(recipe, config), f"{how}, {share:.0%}, seed {seed}:")
        seconds = time.monotonic() - began
        inputs, labels = self.test(seed)
        return {
            "accuracy": round(100 * float(np.mean(answers(model, inputs).argmax(axis=1) == labels)), 3),
            "seconds": round(seconds, 1),
            "multiply_adds": self.cost(phases, self.steps(share) * config.batch_size),
            **costs,
        }

    def linear_probe(self, experiment: Experiment) -> dict:
        """Fit a logistic regression to the concatenated embeddings of the frozen encoders.

        It uses the batches of training, without modality dropout.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        encoders = {x.name: x for x in experiment.build().layers if isinstance(x, keras.Model)}

        def embed(inputs: dict) -> np.ndarray:
            given = {name: np.asarray(inputs[name.removesuffix("_encoder")]) for name in encoders}
            outputs = [model.predict(given[name], batch_size=500, verbose=0) for name, model in encoders.items()]
            return np.concatenate(outputs, axis=1)

        began = time.monotonic()
        known = []
        # batch by batch: all inputs of all epochs would be gigabytes
        for epoch in range(experiment.config.epochs):
            batches = experiment.changed(modality_dropout=0.0).dataset("train", epoch)
            known += [(embed(inputs), label) for inputs, label in batches.as_numpy_iterator()]
        embeddings, classes = (np.concatenate(part) for part in zip(*known, strict=True))
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(embeddings, classes)
        seconds = time.monotonic() - began
        inputs, labels = self.test(experiment.config.seed)
        return {
            "accuracy": round(100 * float(probe.score(embed(inputs), labels)), 3),
            "seconds": round(seconds, 1),
            "multiply_adds": sum(self.counts()[1].values()) * len(classes),
        }

    def _counts(self) -> tuple[int, dict[str, int]]:
        """Return the multiply-adds per example of the whole model and of each encoder."""
        model = self.experiment.build()
        encoders = {layer.name: layer for layer in model.layers if isinstance(layer, keras.Model)}
        return model_multiply_adds(model), {name: model_multiply_adds(encoder) for name, encoder in encoders.items()}

    def cost(self, phases: Sequence[Phase], examples: int) -> int:
        """Return the multiply-adds of training; frozen encoders have a forward pass only."""
        whole, encoders = self.counts()
        return sum(
            phase.epochs * examples * (TRAINING * whole - (TRAINING - 1) * sum(encoders[name] for name in phase.frozen))
            for phase in phases
        )


def phases_of(how: str, encoders: tuple[str, ...], config: Any) -> tuple[Phase, ...]:
    """Return the phases of a strategy: all layers, head only, or head first and then all at lower rates."""
    if how == "all":
        return (Phase("all", config.epochs, config.learning_rate),)
    if how == "head":
        return (Phase("head", config.epochs, config.learning_rate, frozen=encoders),)
    first = config.epochs // 2
    gentle = tuple((name, 0.3) for name in encoders)
    return (
        Phase("head", first, config.learning_rate, frozen=encoders),
        Phase("all", config.epochs - first, config.learning_rate, rates=gentle),
    )


def points_of(runs: Sequence[dict], order: Sequence[str]) -> list[dict]:
    """Return for each share and strategy, in `order`, means and deviations over the seeds of `runs`.

    Returns:
        `{"strategy", "share", "seeds", "accuracy": [mean, deviation], "gain": [mean, deviation]}` and the means of
        its costs; `gain`, in points over scratch, where a seed was trained from scratch too.
    """
    points = []
    groups = {(run["strategy"], run["share"]) for run in runs}
    for strategy, share in sorted(groups, key=lambda key: (key[1], order.index(key[0]))):
        here = [run for run in runs if (run["strategy"], run["share"]) == (strategy, share)]
        point = {"strategy": strategy, "share": share, "seeds": len(here)}
        point["accuracy"] = mean_deviation([run["accuracy"] for run in here])
        mine, scratch = (_accuracies(runs, name, share) for name in (strategy, SCRATCH))
        gains = [mine[seed] - scratch[seed] for seed in mine if seed in scratch]
        if gains and strategy != SCRATCH:
            point["gain"] = mean_deviation(gains)
        points.append(point | {key: statistics.mean(run[key] for run in here) for key in COSTS})
    return points


def report(result: dict) -> str:
    """Format the comparison as Markdown."""
    rows = []
    for p in result["points"]:
        gain = _spread(p["gain"], p["seeds"], "+") if "gain" in p else ""
        seconds = f"{p['pretraining_seconds']:.0f} + {p['seconds']:.0f}"
        work = f"{p['pretraining_multiply_adds'] / 1e12:.2f} + {p['multiply_adds'] / 1e12:.2f}"
        score = _spread(p["accuracy"], p["seeds"])
        rows.append([f"{p['share']:.0%}", p["strategy"], score, gain, p["seeds"], seconds, work])
    shares = sorted({p["share"] for p in result["points"]})
    command = (
        f"`mmzoo study strategies {result['recipe']} {flags(result['recipe'], result['config'])} "
        f"--pretraining-epochs {result['pretraining_epochs']} --seeds {format_seeds(result['runs'])} "
        f"--shares {','.join(f'{share:g}' for share in shares)} "
        f"--strategies {','.join(dict.fromkeys(p['strategy'] for p in result['points']))}`"
    )
    title = f"# Strategies of training {result['recipe']} on {result['config']['source']}"
    found = "\n".join(f"- {share:.0%} of the labels: {verdict(result, share)}" for share in shares)
    plot = "![Score by share of labels](strategies.png)"
    return "\n\n".join([title, ABOUT, command, found, table([*HEAD], rows), plot]) + "\n"


def verdict(result: dict, share: float) -> str:
    """Name the strategies above scratch by more than two deviations of the gain, and how the best one varies."""
    here = {p["strategy"]: p for p in result["points"] if p["share"] == share and p["seeds"] >= ENOUGH}
    gained = {name: p for name, p in here.items() if "gain" in p}
    if not gained:
        return f"no strategy was run on {ENOUGH} seeds."
    passed = [name for name, p in gained.items() if p["gain"][0] > 2 * p["gain"][1] > 0]
    best = max(gained, key=lambda name: gained[name]["gain"][0])
    mine, scratch = (_accuracies(result["runs"], name, share) for name in (best, SCRATCH))
    seeds = [seed for seed in mine if seed in scratch]
    gains = [mine[seed] - scratch[seed] for seed in seeds]
    right = mean_deviation([100 - accuracy for accuracy in scratch.values()])
    follows = _correlation([scratch[seed] for seed in seeds], gains)
    return (
        f"above scratch by more than two deviations of the gain: {', '.join(passed) or 'none'}. "
        f"Scratch lies between {min(scratch.values()):.1f} and {max(scratch.values()):.1f} %, {best} between "
        f"{min(mine.values()):.1f} and {max(mine.values()):.1f}; by seed it gains "
        f"{', '.join(f'{gain:+.1f}' for gain in gains)}, at a correlation of {follows:.2f} with scratch. "
        f"A model that is always right would gain {_spread(right, 2, '+')}."
    )


def _accuracies(runs: Sequence[dict], strategy: str, share: float) -> dict[int, float]:
    return {run["seed"]: run["accuracy"] for run in runs if (run["strategy"], run["share"]) == (strategy, share)}


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Return Pearson's correlation, 0 where one does not vary."""
    constant = len(set(a)) == 1 or len(set(b)) == 1
    return 0.0 if constant else statistics.correlation(a, b)


def _spread(value: Sequence[float], seeds: int, sign: str = "") -> str:
    """Return `mean ± deviation`; of one seed there is no deviation."""
    return f"{value[0]:{sign}.1f} ± {value[1]:.1f}" if seeds > 1 else f"{value[0]:{sign}.1f}"
