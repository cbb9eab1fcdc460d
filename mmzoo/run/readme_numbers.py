"""The parts of a card's README that tell the scores of a model that tells a number, and how numbers are written."""

from mmzoo.run.readme_scores import gain_of, table

HEADS = {"mae": "mean absolute error", "rmse": "root mean squared error", "r2": "R²"}


def figure(value: float | None) -> str:
    """Return a number with four digits or so, "" for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def r2(value: float | None) -> str:
    """Return a coefficient of determination with four decimals, "" for None."""
    return "" if value is None else f"{value:.4f}"


def number_gain(gain: dict) -> str:
    """Return by how much joining modalities lowers the error, with its interval."""
    interval = f"95 % interval {_signed(gain['low'])} to {_signed(gain['high'])}"
    return f"mean absolute error {_signed(gain['mae'])} lower than {gain['over']} alone ({interval})"


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{figure(value)}"


def numbers(card: dict) -> str:
    """Return the errors by what is present, beside those of models of one modality and of the constant answer."""
    scores, baselines = card["scores"], card.get("baselines", {})
    head = f"## Score on the {scores['split']} split, {scores['n']:,} examples"
    rows = [
        [name, figure(s["mae"]), figure(s["rmse"]), r2(s["r2"]), figure(baselines.get(name, {}).get("mae"))]
        for name, s in scores["subsets"].items()
    ]
    lines = [head, table(["present", *HEADS.values(), "mean absolute error of a model of it alone"], rows)]
    if constant := card.get("constant"):
        lines.append(
            f"To tell {figure(constant['value'])}, the median of the training rows, of every row has a mean absolute "
            f"error of {figure(constant['mae'])}."
        )
    if average := card.get("average"):
        lines.append(f"Plain average of the answers of the single-modality models: {figure(average['mae'])}.")
    if sizes := [f"{name} {b['parameters']:,}" for name, b in baselines.items() if "parameters" in b]:
        lines.append(f"Parameters of the single-modality models: {', '.join(sizes)}.")
    if gain := card.get("fusion_gain"):
        lines.append(f"{gain_of(card)}: {number_gain(gain)}.")
    return "\n\n".join(lines)


def number_lines(card: dict) -> str:
    """Return the errors by what is present, and the gain of fusion, as lines to print."""
    lines = []
    for name, s in card["scores"]["subsets"].items():
        alone = card.get("baselines", {}).get(name)
        beside = f"   a model of it alone {figure(alone['mae'])}" if alone else ""
        lines.append(f"{name:<16} test mean absolute error {figure(s['mae'])}, R² {r2(s['r2'])}{beside}")
    if gain := card.get("fusion_gain"):
        lines.append(f"fusion gain: {number_gain(gain)}")
    return "\n".join(lines)
