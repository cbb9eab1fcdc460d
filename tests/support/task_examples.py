"""A few examples of two modalities, and predictors that look their predictions up."""

import numpy as np
from epochs import small_recipe

from mmzoo.experiment import Experiment
from mmzoo.tasks.task import Call, Examples

SUBSETS = {(1, 1): "image+audio", (1, 0): "image", (0, 1): "audio", (0, 0): "none"}
CALL = {"folder": "mine", "arguments": "image=image, audio=audio", "comment": "  # or image only", "files": ()}


def two(labels, names=(), recipe=None, config=None, **more) -> Examples:
    """Return an example for each of `labels`, with image and audio; `image` is the number of the example."""
    rows = np.arange(len(labels), dtype="float32")[:, None]
    inputs = {"image": rows, "audio": rows + 0.5, "present": np.ones((len(labels), 2), "float32")}
    return Examples(inputs, np.asarray(labels), names, Experiment(recipe or small_recipe(), config), **more)


def look_up(**outputs):
    """Return a predictor of `{output: predictions}`: `(N, ...)`, or `{subset: (N, ...)}` of each subset."""

    def predict(inputs):
        rows = inputs["image"][:, 0].astype(int)
        subset = SUBSETS[tuple(inputs["present"][0].astype(int))]
        given = {name: table[subset] if isinstance(table, dict) else table for name, table in outputs.items()}
        return {name: np.asarray(table)[rows] for name, table in given.items()}

    return predict


def usage(task, scores, **changes) -> str:
    """Return the lines of code that a README has of a model with `scores`."""
    return task.usage(Call(**{**CALL, "scores": scores, **changes}))


def cells(text, first) -> list[str]:
    """Return the cells of the row of a Markdown table that begins with `first`."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]
