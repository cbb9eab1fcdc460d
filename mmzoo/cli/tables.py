"""The verbs over a table of one's own."""

from typing import Annotated, Literal

from cyclopts import Parameter

from mmzoo.automl.options import Request
from mmzoo.cli.recipes import import_tensorflow


def fit(
    table: str,
    *,
    target: str,
    out: str = "",
    request: Annotated[Request, Parameter(name="*")] = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Train a model on a table of your own: CSV, TSV, JSON Lines, Parquet, or a folder of class folders.

    Parameters
    ----------
    table
        Each row an example; cells are paths of pictures, sounds and videos, texts, numbers, categories, dates.
    target
        The column to tell: a class, several labels, or a number.
    out
        Folder to write; by default named after table and target, here.
    resume
        Go on with a run that was stopped.
    """
    import_tensorflow()
    from mmzoo.artifacts.card import Card
    from mmzoo.automl.fit import fit_table

    return Card.read(fit_table(table, target, out, request, resume)).verification.exit_code


def predict(
    folder: str,
    table: str,
    *,
    out: str = "answers.csv",
    artifact: Literal["keras", "saved_model", "float32", "dynamic", "int8", "onnx"] = "keras",
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Tell the target of the rows of a table by a model that `fit` trained.

    Parameters
    ----------
    folder
        What `fit` wrote.
    table
        A table with the same columns, or some of them.
    out
        CSV file to write: the table, the prediction and, of a class, its confidence.
    artifact
        Which of the folder's files answers.
    skip_bad
        Leave the prediction of rows empty whose files cannot be decoded.
    """
    import_tensorflow()
    from mmzoo.automl.predictor import predict, write_predictions
    from mmzoo.data.tables.read import read_table, root_of

    told = predict(folder, read_table(table), root_of(table), artifact, skip_bad)
    write_predictions(told, out)
    print(f"{out}: {len(told)} rows")
