"""The commands on the folder of a trained model: `evaluate`, `export`, `verify`, `benchmark`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mmzoo.cli.parser import import_tensorflow

Switch = Annotated[bool, Parameter(negative="")]


def evaluate(
    folder: str,
    /,
    *,
    artifact: Literal["all", "keras", "saved_model", "float32", "dynamic", "int8", "onnx"] = "all",
    data_dir: str = "",
    limit: int = 0,
    trust: Switch = False,
) -> None:
    """Score the files of a model on the test split.

    Parameters
    ----------
    folder
        Folder that `mmzoo train` or `mmzoo fit` wrote.
    artifact
        File of the folder to score.
    data_dir
        Folder of the data; by default MMZOO_DATA_DIR.
    limit
        Maximum number of examples; 0 scores all. Limited scores are not recorded.
    trust
        Run the recipe.py and any SavedModel of the folder: only where you know who wrote them.
    """
    import_tensorflow()
    from mmzoo.automl.recipe import open_folder
    from mmzoo.commands.evaluate import evaluate

    evaluate(open_folder(folder, trust), artifact, data_dir, limit)


def export(folder: str, /, *, data_dir: str = "", trust: Switch = False) -> None:
    """Export model.keras of a folder again to all formats.

    Parameters
    ----------
    folder
        Folder that `mmzoo train` or `mmzoo fit` wrote.
    data_dir
        Folder of the data; by default MMZOO_DATA_DIR.
    trust
        Run the recipe.py of the folder: only where you know who wrote it.
    """
    import_tensorflow()
    from mmzoo.automl.recipe import open_folder
    from mmzoo.commands.export import export_folder

    export_folder(open_folder(folder, trust), data_dir)


def verify(path: str, /, *, require_gpu: Switch = False, seeds: int = 3, trust: Switch = False) -> int:
    """Execute exported files on CPU and GPU and compare their outputs.

    The verdict on a folder is recorded in its card. Exit code 0: right; 1: wrong numbers; 3: not GPU-resident, or the
    accelerator died; 4: the GPU check is required and could not be executed.

    Parameters
    ----------
    path
        Folder of a trained model, or a .tflite file.
    require_gpu
        Fail without a Vulkan driver, as MMZOO_REQUIRE_GPU_CHECK=1 does.
    seeds
        Number of sets of random inputs.
    trust
        Execute any SavedModel of the folder: only where you know who wrote it.
    """
    import_tensorflow()
    from mmzoo.commands.verify import check, record
    from mmzoo.verification.table import table
    from mmzoo.verification.verify import verify

    check(path)
    report = verify(path, require_gpu=require_gpu, seeds=seeds, trust=trust)
    print(table(report))
    record(path, report)
    return report["exit_code"]


def benchmark(
    *paths: str,
    against: str = "mobilenet_v3_small",
    runs: int = 1000,
    out: str = "",
    front_end: Switch = False,
    training: Switch = False,
    data_dir: str = "",
    trust: Switch = False,
) -> None:
    """Benchmark .tflite files on the CPU against reference models.

    Parameters
    ----------
    paths
        Folders of trained models, whose cards record the figures, or .tflite files.
    against
        Reference models or .tflite files, separated by commas.
    runs
        Timed runs of each model.
    out
        JSON file to write.
    front_end
        Also time the log-mel layer of the graph against tf.signal.
    training
        Also measure the share of a training step that waits for data, for the recipe of the first folder.
    data_dir
        Folder of the data; by default MMZOO_DATA_DIR.
    trust
        With --training: run the recipe.py of the folder, only where you know who wrote it.
    """
    import_tensorflow()
    from mmzoo.automl.recipe import open_folder
    from mmzoo.commands.benchmark import run

    paths = [open_folder(path, trust) if Path(path).is_dir() else path for path in paths]
    models = tuple(name for name in against.split(",") if name)
    run(paths, models, runs=runs, out=out, front_end=front_end, training=training, data_dir=data_dir)
