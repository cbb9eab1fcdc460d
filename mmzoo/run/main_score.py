"""The score by which models of one table are compared, and how it is read."""

from collections.abc import Mapping

# the first that a set of scores has: True of a share, of which more is better, False of an error in units of the target
MAIN = {"accuracy": True, "mae": False, "micro_f1": True}


def main_score(found: Mapping[str, object]) -> str:
    """Return the name of the score by which a set of scores is compared, one of `MAIN`."""
    return next(name for name in MAIN if name in found)


def told_score(name: str, value: float) -> str:
    """Return a main score as it is read, a share in percent."""
    return f"{100 * value:.2f} %" if MAIN[name] else f"{value:.4g}"


def told_deviation(name: str, value: float) -> str:
    """Return the standard deviation of a main score as it is read, that of a share in points."""
    return f"{100 * value:.2f}" if MAIN[name] else f"{value:.2g}"
