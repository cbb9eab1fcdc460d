"""The verb `benchmark`: latency, and where asked for the front end and the input pipeline, kept in the cards."""

from collections.abc import Sequence
from pathlib import Path

from mmzoo.artifacts.folder import CARD, artifact, read_card, write_json
from mmzoo.benchmark.measure import benchmark, log_mel_ratio
from mmzoo.reports.write import write_card


def run(
    paths: Sequence[str],
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
    folders = [Path(path) for path in paths if Path(path).is_dir()]
    cards = {folder: read_card(folder) for folder in folders}
    result = benchmark(paths, against, out=out or None, runs=runs)
    if front_end:
        result["front_end"] = log_mel_ratio()
        print(f"log-mel in the graph: {result['front_end']}")
    if training:
        from mmzoo.artifacts.card import recipe_of
        from mmzoo.benchmark.input_pipeline import data_wait

        folder = folders[0] if folders else artifact(paths[0], CARD).parent
        result["training"] = data_wait(*recipe_of(folder, read_card(folder), data_dir))
        wait = result["training"]
        print(
            f"training step {wait['pipeline_ms']:.1f} ms with the pipeline, {wait['cached_ms']:.1f} ms on one kept "
            f"batch: {wait['share']:.1%} waiting for data"
        )
    for folder, card in cards.items():
        write_card(folder, {**card, "benchmark": for_card(result, folder)})
        print(f"recorded in {folder / CARD}")
    if out:
        write_json(out, result)
        print(f"written to {out}")
    return result


def for_card(result: dict, folder: str | Path) -> dict:
    """Return of what `benchmark` returned the part on the models in `folder` and the peers, without places."""
    files = {str(file.absolute()) for file in Path(folder).glob("*.tflite")}
    mine = [m for m in result["models"] if m["peer"] or m["path"] in files]
    return {**result, "models": [{key: value for key, value in m.items() if key != "path"} for m in mine]}
