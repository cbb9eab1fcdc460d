"""The commands on a user's own table: `fit` and `predict`."""

from typing import Annotated, Literal

from cyclopts import Parameter

from mmzoo.automl.options import Request
from mmzoo.cli.parser import import_tensorflow

Switch = Annotated[bool, Parameter(negative="")]


def fit(
    table: str,
    /,
    *,
    target: str,
    out: str = "",
    request: Annotated[Request | None, Parameter(name="*", consume_multiple=True)] = None,
    resume: Switch = False,
) -> int:
    """Train a model on your own table.

    Parameters
    ----------
    table
        CSV, TSV, JSON Lines or Parquet file, or a folder with one folder of files per class. Cells are paths of images,
        audio and video files, or of time series (CSV, NPY, Parquet), texts, numbers, categories or dates.
    target
        Target column: class, labels (multi-label) or number (regression).
    out
        Output folder; by default TABLE_TARGET.
    resume
        Resume an interrupted run.
    """
    import_tensorflow()
    from mmzoo.artifacts.card import Card
    from mmzoo.automl.fit import fit_table

    return Card.read(fit_table(table, target, out, request, resume)).verification.exit_code


def predict(
    folder: str,
    table: str,
    /,
    *,
    out: str = "answers.csv",
    artifact: Literal["keras", "saved_model", "float32", "dynamic", "int8", "onnx"] = "keras",
    skip_bad: Switch = False,
    trust: Switch = False,
    raw: Switch = False,
) -> None:
    """Predict the target for the rows of a table.

    Parameters
    ----------
    folder
        Folder that `mmzoo fit` wrote.
    table
        Table with some or all of the columns of the training table.
    out
        CSV file to write: the table with the prediction and, of a class, its confidence.
    artifact
        File of the folder to run.
    skip_bad
        Leave the prediction empty where a file cannot be decoded.
    trust
        Run the recipe.py and any SavedModel of the folder: only where you know who wrote them.
    raw
        Write texts as they are. By default, texts that a spreadsheet would run as formulas begin with an apostrophe.
    """
    import_tensorflow()
    from mmzoo.automl.predictor import predict, write_predictions
    from mmzoo.automl.recipe import open_folder

    predicted = predict(open_folder(folder, trust), table, artifact=artifact, skip_bad=skip_bad)
    write_predictions(predicted, out, raw)
    print(f"{out}: {len(predicted)} rows")
