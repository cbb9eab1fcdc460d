"""What a comparison of strategies says: points over seeds, which scheme pays, and a table of it."""

import statistics
from collections.abc import Sequence

from mmzoo.run.readme import table
from mmzoo.run.runs import flags, mean_deviation, told_seeds

SCRATCH = "scratch"
ENOUGH = 3  # seeds from which on a verdict is told
COSTS = ("seconds", "multiply_adds", "pretraining_seconds", "pretraining_multiply_adds")
HEAD = ("labels", "strategy", "accuracy, %", "points over scratch", "seeds", "seconds", "10^12 multiply-adds")
SAID = (
    "Test accuracy, mean ± standard deviation over seeds; the points over scratch are paired by seed. Seconds and "
    "multiply-adds are of pretraining, shared by all shares of a seed, plus those of training with labels; seconds "
    "were taken beside other work.\n\n"
    "`components`: each encoder alone tells what is hidden of its own input. `masked`: a whole modality is hidden, and "
    "the other tells which cluster it is of. `autoencoder`: a product of experts tells each modality from any. "
    "`contrastive`: pairs of one class are near. `whole`: all is trained with labels; `probe`: fusion and head on "
    "frozen encoders; `linear`: a logistic regression on their embeddings; `opened`: first as `probe`, then all, the "
    "encoders at a lower rate. All take the same labeled steps, at least two epochs: with all labels they take more."
)


def points_of(runs: Sequence[dict], order: Sequence[str]) -> list[dict]:
    """Return for each share and strategy, in `order`, means and deviations over the seeds of `runs`.

    Returns:
        `{"strategy", "share", "seeds", "accuracy": [mean, deviation], "gain": [mean, deviation]}` and the means of
        what it cost; without `gain`, the points over scratch, where no seed was trained from scratch too.
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
    """Return the comparison as Markdown."""
    rows = []
    for p in result["points"]:
        gain = _spread(p["gain"], p["seeds"], "+") if "gain" in p else ""
        seconds = f"{p['pretraining_seconds']:.0f} + {p['seconds']:.0f}"
        work = f"{p['pretraining_multiply_adds'] / 1e12:.2f} + {p['multiply_adds'] / 1e12:.2f}"
        score = _spread(p["accuracy"], p["seeds"])
        rows.append([f"{p['share']:.0%}", p["strategy"], score, gain, p["seeds"], seconds, work])
    shares = sorted({p["share"] for p in result["points"]})
    command = (
        f"`mmzoo compare-strategies {result['recipe']} {flags(result['recipe'], result['config'])} "
        f"--pretraining-epochs {result['pretraining_epochs']} --seeds {told_seeds(result['runs'])} "
        f"--shares {','.join(f'{share:g}' for share in shares)} "
        f"--strategies {','.join(dict.fromkeys(p['strategy'] for p in result['points']))}`"
    )
    title = f"# Strategies of training {result['recipe']} on {result['config']['source']}"
    found = "\n".join(f"- {share:.0%} of the labels: {verdict(result, share)}" for share in shares)
    plot = "![Score by share of labels](strategies.png)"
    return "\n\n".join([title, SAID, command, found, table([*HEAD], rows), plot]) + "\n"


def verdict(result: dict, share: float) -> str:
    """Tell which strategies are above scratch by more than two deviations of the gain, and of the rest how they lie."""
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
