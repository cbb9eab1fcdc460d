"""The catalogue of parts: every encoder, fusion and head, built, exported and run as one example.

`mmzoo publish --parts` measures them and writes `parts.json`, which `mmzoo list --parts` prints.
"""

import ast
import importlib
import json
import math
import pkgutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.errors import BadInputError

FAMILIES = ("encoders", "fusion", "heads")
COSTS = Path(__file__).with_name("parts.json")
WITHOUT_COST = ("losses", "metrics")
FUSED = {"image": 64, "audio": 64, "text": 64}  # embeddings on which every fusion is measured
ANSWER = "embedding"  # the Dense layer behind a fusion in its example, which is no part of it


def names(families: Sequence[str] = FAMILIES) -> list[str]:
    """List the parts as `family/name`, in the order of the data's way through a model; nothing of ours is imported."""
    root = Path(__file__).parents[1]
    return [f"{family}/{info.name}" for family in families for info in pkgutil.iter_modules([str(root / family)])]


def example(part: str) -> Any:
    """Return the `keras.Model` on which `part` is measured: inputs by name, outputs as a dict.

    Encoders and heads bring it as a function `example()` of their module; every fusion is the function of its
    module's name, put between three embeddings `(B, 64)`, `present` and a Dense layer.
    """
    import keras

    family, name = part.split("/")
    module = importlib.import_module(f"mmzoo.{family}.{name}")
    if family != "fusion":
        model = module.example()
        outputs = model.output if isinstance(model.output, dict) else {"embedding": model.output}
        inputs = model.input if isinstance(model.input, dict) else {x.name: x for x in model.inputs}
        return keras.Model(inputs, outputs)
    inputs = {modality: keras.Input((width,), name=modality) for modality, width in FUSED.items()}
    present = keras.Input((len(FUSED),), name="present")
    joint = getattr(module, name)(inputs, present)
    return keras.Model({**inputs, "present": present}, {ANSWER: keras.layers.Dense(8, name=ANSWER)(joint)})


def draw(model: Any, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Draw `count` examples for the inputs of `model`, in the usual range of each type.

    uint8: 0 to 255; int32: byte ids of 3 to 258, padded with 0 behind a random length; `present` and
    `..._mask`: 0 or 1, never all missing; other float32: a normal law of deviation 0.3.
    """
    rng = np.random.default_rng(seed)
    drawn = {}
    for name, tensor in model.input.items():
        shape, dtype = (count, *tensor.shape[1:]), str(tensor.dtype)
        if dtype == "uint8":
            drawn[name] = rng.integers(0, 256, shape).astype(dtype)
        elif dtype == "int32":
            length = rng.integers(1, shape[-1] + 1, (*shape[:-1], 1))
            drawn[name] = (rng.integers(3, 259, shape) * (np.arange(shape[-1]) < length)).astype(dtype)
        elif name == "present" or name.endswith("_mask"):
            there = rng.random(shape) < 0.6
            there[..., 0] |= ~there.any(axis=-1)
            drawn[name] = there.astype(dtype)
        else:
            drawn[name] = rng.normal(0, 0.3, shape).astype(dtype)
    return drawn


def randomize(model: Any, seed: int = 0) -> None:
    """Give every weight and moving average a value that hides nothing: fresh ones are often 0 or 1.

    Matrices keep the scale of their inputs, so that many layers neither explode nor fade.
    """
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        fan_in = max(1, int(np.prod(weight.shape[:-1]))) if len(weight.shape) > 1 else 10
        value = rng.normal(0, min(0.3, fan_in**-0.5), weight.shape)
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value + ("gamma" in weight.path))


def measure(part: str) -> dict[str, Any]:
    """Export the example of `part` as float32, run it, and return its cost and the GPU accelerator's verdict.

    Returns:
        `inputs` as text; `parameters` and `multiply_adds` of the part itself; `bytes` of the file of its example; and
        `gpu`: `right`, `wrong`, `refused`, or `died`.

    Raises:
        BadInputError: no driver for the GPU accelerator.
    """
    import keras

    from mmzoo.device.quiet import quiet
    from mmzoo.export.convert import save_model, to_tflite
    from mmzoo.tflite import flatbuffer
    from mmzoo.tflite.multiply_adds import multiply_adds
    from mmzoo.verification.verify import verify

    keras.utils.set_random_seed(0)
    model = example(part)
    randomize(model)
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "model.tflite"
        save_model(Path(folder) / "saved", model, batch=1)
        flatbuffer.write(to_tflite(Path(folder) / "saved", "float32"), path)
        report = verify(path, seeds=1)
        if report["gpu"]["status"] != "executed":
            raise BadInputError(f"parts: expected a driver for the GPU accelerator. Received: {report['gpu']}")
        gpu = [row["status"] for row in report["checks"] if row["on"] == "gpu"]
        parameters, work = own_cost(part, model, multiply_adds(path)[0])
        return {
            "inputs": inputs_of(model),
            "parameters": parameters,
            "multiply_adds": work,
            "bytes": path.stat().st_size,
            "gpu": gpu[0],
        }


def own_cost(part: str, model: Any, work: int) -> tuple[int, int]:
    """Return parameters and multiply-adds of `part` in its example `model` of `work` multiply-adds.

    The Dense layer after a fusion is not counted.
    """
    if not part.startswith("fusion/"):
        return model.count_params(), work
    kernel, bias = model.get_layer(ANSWER).weights
    sizes = [math.prod(weight.shape) for weight in (kernel, bias)]
    return model.count_params() - sum(sizes), work - sizes[0]


def inputs_of(model: Any) -> str:
    """Return the inputs of an example as `name 28x28x1 uint8, ...`."""
    shown = {name: (x.shape[1:], str(x.dtype)) for name, x in model.input.items()}
    return ", ".join(f"{name} {'x'.join(map(str, shape))} {dtype}" for name, (shape, dtype) in shown.items())


def costs() -> dict[str, dict]:
    """Return what `measure` said of each part when the catalogue was last written."""
    return json.loads(COSTS.read_text(encoding="utf-8")) if COSTS.is_file() else {}


def table() -> str:
    """Return the catalogue as text: cost, example inputs and summary of each part.

    Losses and metrics cost nothing on the device and come last.
    """
    known = costs()
    lines = [f"{'part':<28} {'parameters':>10} {'k mul-adds':>10} {'kB':>7}  {'GPU':<8} what, on which inputs"]
    for part in names():
        row, what = known.get(part), _what(part)
        if row is None:
            lines.append(f"{part:<28} {'not measured':>38}  {what}")
            continue
        figures = f"{row['parameters']:>10,} {row['multiply_adds'] / 1e3:>10,.1f} {row['bytes'] / 1e3:>7.0f}"
        lines.append(f"{part:<28} {figures}  {row['gpu']:<8} {what} [{row['inputs']}]")
    others = [f"{part:<28} {_what(part)}" for part in names(WITHOUT_COST)]
    return "\n".join([*lines, "", *others])


def _what(part: str) -> str:
    """Return the first line of the docstring of `part`, which is not imported."""
    source = Path(__file__).parents[1] / f"{part}.py"
    return ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))).splitlines()[0]


def measure_parts(parts: Sequence[str] = ()) -> None:
    """Measure `parts`, by default all, and write them into the catalogue."""
    from tqdm.auto import tqdm

    if unknown := set(parts) - set(names()):
        raise BadInputError(f"`names` must be of {', '.join(names())}, got {', '.join(sorted(unknown))}")
    known = costs()
    for part in tqdm(parts or names(), unit="part"):
        known[part] = measure(part)
        ordered = {name: known[name] for name in names() if name in known}
        COSTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
