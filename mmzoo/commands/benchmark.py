"""The verb `benchmark`: latency, and where asked for the front end and the input pipeline, kept in the cards."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmzoo.artifacts.card import Benchmark
from mmzoo.artifacts.folder import CARD, write_json
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.benchmark.measure import benchmark, log_mel_ratio
from mmzoo.errors import BadInputError
from mmzoo.reports.write import open_to_write, write_card


def run(
    paths: Sequence[str | ModelFolder],
    against: Sequence[str],
    *,
    runs: int = 1000,
    out: str = "",
    front_end: bool = False,
    training: bool = False,
    data_dir: str = "",
) -> dict:
    """Measure, print and return the figures; write them to `out` and into the cards of the folders in `paths`.

    Raises:
        BadInputError: as `benchmark`; or `training` is asked for without a folder.
    """
    folders = [open_to_write(path) for path in paths if Path(path).is_dir()]
    paths = [os.fspath(path) for path in paths]
    if training and not folders:
        raise BadInputError(f"training: expected a folder that `train` wrote. Received: {', '.join(paths)}")
    experiment = folders[0].experiment(data_dir) if training else None
    result = benchmark(paths, against, out=out or None, runs=runs)
    if front_end:
        result["front_end"] = log_mel_ratio()
        print(f"log-mel in the graph: {result['front_end']}")
    if experiment is not None:
        from mmzoo.benchmark.input_pipeline import data_wait

        result["training"] = data_wait(experiment)
        wait = result["training"]
        print(
            f"training step {wait['pipeline_ms']:.1f} ms with the pipeline, {wait['cached_ms']:.1f} ms on one kept "
            f"batch: {wait['share']:.1%} waiting for data"
        )
    for folder in folders:
        write_card(folder.path, replace(folder.card, benchmark=for_card(result, folder.path)))
        print(f"recorded in {folder.path / CARD}")
    if out:
        write_json(out, result)
        print(f"written to {out}")
    return result


def for_card(result: dict, folder: str | Path) -> Benchmark:
    """Return the figures of the models in `folder` and of the reference models, without paths."""
    files = {str(file.absolute()) for file in Path(folder).glob("*.tflite")}
    mine = [m for m in result["models"] if m["peer"] or m["path"] in files]
    models = tuple({key: value for key, value in m.items() if key != "path"} for m in mine)
    return Benchmark(**{**result, "models": models})
