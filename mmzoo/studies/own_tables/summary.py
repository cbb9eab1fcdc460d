"""The results of the study as Markdown."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mmzoo.studies.own_tables.held import answers_path
from mmzoo.studies.own_tables.scores import difference, interval

PEERS = ("constant", "linear, ", "SVM, ", "boosted trees", "AutoGluon")
RANKED = "of models on validation rows"


def is_peer(model: str) -> bool:
    """Return whether the name of a model is a peer."""
    return model.startswith(PEERS)


def summary(runs: Sequence[dict], out: Path) -> str:
    """Return the tables of all runs; answers are read from `out`/answers."""
    finished = [run for run in runs if "error" not in run]
    tables = list(dict.fromkeys(run["table"] for run in runs))
    labels = list(dict.fromkeys(run["model"] for run in runs if not is_peer(run["model"])))
    parts = ["# Tables of one's own", ABOUT]
    for label in labels:
        parts += [f"## {label}: {_flags(runs, label)}", *_against_peers(finished, tables, label, out)]
        failed = [run for run in runs if run["model"] == label and "error" in run]
        parts += ["\n".join(f"- failed: {run['table']}, seed {run['seed']}: {run['error']}" for run in failed)]
        parts += [f"### Inside {label}", INSIDE, *_inside(finished, tables, label)]
    parts += ["## All models", _all_models(finished, tables), f"## Average rank {RANKED}", _ranks(finished, tables)]
    return "\n\n".join(part for part in parts if part) + "\n"


ABOUT = (
    "Every model has the same rows of training, validation and test. Strengths and settings of peers are chosen on "
    "validation rows. MAE in the unit of the target, other metrics in percent; brackets are 95 % intervals from 1000 "
    "bootstrap draws of test rows, of the mean over seeds."
)
INSIDE = (
    "The models that `fit` trains, by the primary metric of the task. `multimodal` is given where a unimodal model "
    "ships in its place."
)


def _flags(runs: Sequence[dict], label: str) -> str:
    flags = next(run["flags"] for run in runs if run["model"] == label)
    return f"`mmzoo fit {' '.join(flags)}`" if flags else "`mmzoo fit` with its defaults"


def _shown(value: float, metric: str) -> str:
    return f"{value:.3g}" if metric == "mae" else f"{100 * value:.1f}"


def _signed(value: float, metric: str) -> str:
    return f"{value:+.2g}" if metric == "mae" else f"{100 * value:+.1f}"


def _of(runs: Sequence[dict], table: str, model: str = "") -> list[dict]:
    return [run for run in runs if run["table"] == table and model in ("", run["model"])]


def _mean(runs: Sequence[dict], split: str) -> float:
    """Return the mean of the primary metric over runs."""
    return statistics.mean(run[split][run["metric"]] for run in runs)


def best(runs: Sequence[dict], split: str) -> dict:
    """Return the run with the best primary metric on a split."""
    return max(runs, key=lambda run: (-1 if run["metric"] == "mae" else 1) * run[split][run["metric"]])


def _answers(runs: Sequence[dict], out: Path) -> tuple[list[np.ndarray], np.ndarray]:
    files = [dict(np.load(answers_path(out / "answers" / run["table"], run["model"], run["seed"]))) for run in runs]
    return [file["test"] for file in files], files[0]["true_test"]


def _against_peers(runs: Sequence[dict], tables: Sequence[str], label: str, out: Path) -> list[str]:
    """Return the main table, and a line of wins and losses against the best peer on the test rows."""
    head = ("table", "kind", "rows", "metric", label, "± seeds", "interval", "chosen peer", "best peer", "difference")
    rows, won, lost = [], 0, 0
    for table in tables:
        own, peers = _of(runs, table, label), [run for run in _of(runs, table) if is_peer(run["model"])]
        if not own:
            continue
        about, metric = own[0], own[0]["metric"]
        values = [run["test"][metric] for run in own]
        given, truth = _answers(own, out)
        ends = interval(given, truth, about["task"], metric)
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        cells = [
            table,
            about["kind"],
            " / ".join(str(count) for count in about["rows"].values()),
            metric.replace("_", " "),
            _shown(statistics.mean(values), metric),
            _shown(spread, metric) if len(values) > 1 else "",
            f"[{_shown(ends[0], metric)}, {_shown(ends[1], metric)}]",
        ]
        if peers:
            chosen, top = best(peers, "validation"), best(peers, "test")
            gain, error = difference(given, _answers([top], out)[0], truth, about["task"], metric)
            won, lost = won + (gain >= 0), lost + (gain < -error)
            cells += [f"{_shown(run['test'][metric], metric)} {run['model']}" for run in (chosen, top)]
            cells.append(f"{_signed(gain, metric)} ± {_shown(error, metric)}")
        used = [statistics.mean(run[key] for run in own) for key in ("cpu_seconds", "wall_seconds", "bytes")]
        rows.append([*cells, *[""] * (len(head) - len(cells)), *(f"{value:,.0f}" for value in used)])
    line = f"At least the best peer on {won} of {len(rows)} tables; worse by more than a standard error on {lost}."
    return [_table((*head, "CPU s", "s", "bytes"), rows), line]


def _inside(runs: Sequence[dict], tables: Sequence[str], label: str) -> list[str]:
    head = ("table", "metric", "ships", "shipped", "multimodal", "plain average", "unimodal", "its linear models")
    rows = []
    for table in tables:
        own = _of(runs, table, label)
        if not own:
            continue
        inside, key = [run["inside"] for run in own], own[0]["inside"]["metric"]
        shown = _mean_shown(key)
        shipped = [run["test"].get(key) for run in own]
        names = [name for name in inside[0]["unimodal"] if all(name in one["unimodal"] for one in inside)]
        alone = ", ".join(f"{name} {shown([one['unimodal'][name] for one in inside])}" for name in names)
        lines = [n for n in inside[0]["linear"] if all(n in one["linear"] for one in inside)]
        linear = ", ".join(f"{name} {shown([one['linear'][name] for one in inside])}" for name in lines)
        modalities = "; ".join(dict.fromkeys("+".join(run["modalities"]) for run in own))
        several = (shown([one[name] for one in inside]) for name in ("replaced", "average"))
        rows.append([table, key.replace("_", " "), modalities, shown(shipped), *several, alone, linear])
    return [_table(head, rows)]


def _mean_shown(key: str) -> Callable[[Sequence[float | None]], str]:
    def shown(values: Sequence[float | None]) -> str:
        known = [value for value in values if value is not None]
        return _shown(statistics.mean(known), key) if known else ""

    return shown


def _all_models(runs: Sequence[dict], tables: Sequence[str]) -> str:
    models = list(dict.fromkeys(run["model"] for run in sorted(runs, key=lambda run: not is_peer(run["model"]))))
    rows = []
    for table in tables:
        cells = []
        for model in models:
            own = _of(runs, table, model)
            metric = own[0]["metric"] if own else ""
            pair = [_shown(_mean(own, split), metric) for split in ("validation", "test")] if own else []
            cells.append(" / ".join(pair))
        rows.append([table, _of(runs, table)[0]["metric"].replace("_", " ") if _of(runs, table) else "", *cells])
    return "Validation / test.\n\n" + _table(("table", "metric", *models), rows)


def _ranks(runs: Sequence[dict], tables: Sequence[str]) -> str:
    """Return the mean rank of the groups of models that every table has, from 1, and tables in which each is first."""
    labels = list(dict.fromkeys(run["model"] for run in runs if not is_peer(run["model"])))
    groups: dict[str, Callable[[str], bool]] = {
        "constant": lambda model: model == "constant",
        "linear models": lambda model: model.startswith("linear, "),
        "boosted trees": lambda model: model == "boosted trees",
        "best of all peers": is_peer,
    } | {label: (lambda model, label=label: model == label) for label in labels}
    groups = {name: own for name, own in groups.items() if any(own(run["model"]) for run in runs)}
    ranks: dict[str, list[float]] = {name: [] for name in groups}
    for table in tables:
        values = {}
        for name, member in groups.items():
            own = [run for run in _of(runs, table) if member(run["model"])]
            models = {run["model"] for run in own}
            if own:
                sign = -1 if own[0]["metric"] == "mae" else 1
                values[name] = max(sign * _mean(_of(own, table, model), "validation") for model in models)
        if len(values) == len(groups):
            for name, value in values.items():
                above = sum(other > value for other in values.values())
                same = sum(other == value for other in values.values())
                ranks[name].append(above + (same + 1) / 2)
    rows = [
        [name, f"{statistics.mean(own):.2f}", str(sum(rank < 2 for rank in own)), str(len(own))]
        for name, own in ranks.items()
        if own
    ]
    return _table(("models", "mean rank", "first", "tables"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
