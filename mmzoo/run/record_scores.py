"""What `evaluate` prints of scores that are no accuracies, and how the card keeps them."""

from collections.abc import Sequence
from pathlib import Path

from mmzoo.run.card import write_card
from mmzoo.run.folder import CARD


def print_artifacts(files: Sequence[str], scores: dict, keys: Sequence[str], table: str) -> None:
    """Print `keys` of each of `files` in the card's `scores`, a line each, and then `table`."""
    for file in files:
        print(f"{file:<22}" + "  ".join(f"{key} {scores['artifacts'][file][key]:.4f}" for key in keys))
    print(f"\n{table}")


def keep_scores(folder: str | Path, card: dict, scores: dict, counted: str, keep: bool) -> None:
    """Record `scores` in the card with `keep`, and say so; `counted` is of what they are, as "20 pictures"."""
    if keep:
        write_card(folder, {**card, "scores": scores})
    where = Path(folder) / CARD
    said = f"recorded in {where} and README.md" if keep else f"(--limit): not recorded in {where}"
    print(f"\n{counted}: {said}")
