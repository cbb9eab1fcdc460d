"""The scores of a new model as lines to print, whatever it answers."""

from collections.abc import Iterator

from mmzoo.run.evaluate_anomaly import anomaly_table
from mmzoo.run.evaluate_boxes import box_table
from mmzoo.run.evaluate_labels import marks
from mmzoo.run.evaluate_numbers import measures
from mmzoo.run.evaluate_retrieval import retrieval_table
from mmzoo.run.evaluate_transcripts import transcript_table
from mmzoo.run.readme_labels import label_lines
from mmzoo.run.readme_numbers import number_lines
from mmzoo.run.readme_scores import reconstruction_rows


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
        yield from _classes(card)


def _classes(card: dict) -> Iterator[str]:
    for name, s in card["scores"].get("subsets", {}).items():
        alone = card.get("baselines", {}).get(name)
        beside = f"   a model of it alone {alone['accuracy']:.2%}" if alone else ""
        yield f"{name:<16} test accuracy {s['accuracy']:.2%}{beside}"
    if "fusion_gain" in card:
        g = card["fusion_gain"]
        interval = f"95 % interval {g['low']:+.2f} to {g['high']:+.2f}"
        yield f"fusion gain {g['points']:+.2f} points over {g['over']} alone ({interval})"
