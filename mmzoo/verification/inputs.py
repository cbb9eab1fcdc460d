"""Test inputs of a model: golden examples, random values from declared ranges, every pattern of `present`."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.data.arrays import Arrays
from mmzoo.tflite.graph import Graph, input_names

PRESENT = "present"
IDS = 100  # exclusive upper bound of random ids without an embedding table
PER_SEED = 4  # random examples per seed, each from another distribution
PATTERN_GOLDEN = 4  # golden examples repeated with every pattern of `present`
TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.FLOAT64: np.float64,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.BOOL: np.bool_,
}
_GPU_TYPES = (np.float32, np.int32, np.uint8, np.int8)


@dataclass(frozen=True)
class Spec:
    """Describe one input of a `.tflite`.

    `shape` includes the batch. Values are in [low, high]; None means a normal distribution.
    """

    name: str
    shape: tuple[int, ...]
    dtype: type | None  # None for types without a NumPy equivalent (strings)
    low: float | None = None
    high: float | None = None
    dynamic: bool = False

    @property
    def on_gpu(self) -> bool:
        """Return whether the GPU accelerator supports the input's type."""
        return self.dtype in _GPU_TYPES


@dataclass(frozen=True)
class Examples:
    """Hold K examples: `inputs` `{name: (K, *shape)}`, `origin` and `present`.

    `present` is the pattern of each example, or ''.
    """

    inputs: Arrays
    origin: tuple[str, ...]
    present: tuple[str, ...]

    def pick(self, rows: list[int]) -> Arrays:
        """Return the inputs of `rows`."""
        return {name: array[rows] for name, array in self.inputs.items()}

    def only(self, rows: list[int]) -> "Examples":
        """Return the examples `rows`."""
        return Examples(self.pick(rows), tuple(self.origin[k] for k in rows), tuple(self.present[k] for k in rows))


def input_specs(model: schema.ModelT, card: dict) -> list[Spec]:
    """Describe the inputs of `model`.

    Ranges come from `card`, else from types and the sizes of embedding tables.
    """
    graph = Graph(model)
    ranges = {i["name"]: i["range"] for i in card.get("inputs", []) if i.get("range")}
    specs = []
    for tensor, name in input_names(model).items():
        entry = graph.graph.tensors[tensor]
        signature = entry.shapeSignature
        dynamic = signature is not None and any(int(size) < 0 for size in signature)
        spec = Spec(name, graph.shape(tensor), TYPES.get(entry.type), dynamic=dynamic)
        low, high = ranges.get(name) or _range(graph, tensor, spec)
        specs.append(replace(spec, low=low, high=high))
    return specs


def _range(graph: Graph, tensor: int, spec: Spec) -> tuple[float | None, float | None]:
    if spec.dtype in (np.uint8, np.int8, np.int16):
        info = np.iinfo(spec.dtype)
        return info.min, info.max
    if spec.dtype in (np.int32, np.int64):
        return 0, _rows(graph, tensor) - 1
    if spec.dtype is np.bool_ or spec.name == PRESENT:
        return 0, 1
    return None, None


def _rows(graph: Graph, tensor: int) -> int:
    """Return the row count of the smallest table indexed by `tensor`."""
    found, seen, queue = [], {tensor}, [tensor]
    while queue:
        current = queue.pop()
        for k in graph.used_by.get(current, []):
            inputs = graph.inputs(k)
            if graph.name(k) == "GATHER" and inputs[1] == current:
                found.append(graph.shape(inputs[0])[graph.operators[k].builtinOptions.axis])
            elif graph.name(k) == "EMBEDDING_LOOKUP" and inputs[0] == current:
                found.append(graph.shape(inputs[1])[0])
            elif graph.name(k) == "GATHER_ND" and inputs[1] == current:
                found.append(graph.shape(inputs[0])[0])
            for out in map(int, graph.operators[k].outputs):
                kind = graph.graph.tensors[out].type
                if kind in (schema.TensorType.INT32, schema.TensorType.INT64) and out not in seen:
                    seen.add(out)
                    queue.append(out)
    return min(found, default=IDS)


def random_examples(specs: list[Spec], seeds: int) -> Examples:
    """Draw PER_SEED examples per seed, each with every pattern of `present`."""
    parts = [_random(spec, seeds) for spec in specs]
    inputs = {spec.name: part for spec, part in zip(specs, parts, strict=True)}
    origin = [f"random, seed {seed}, {number}" for seed in range(seeds) for number in range(PER_SEED)]
    return every_pattern(Examples(inputs, tuple(origin), ("",) * len(origin)))


def _random(spec: Spec, seeds: int) -> np.ndarray:
    """Draw random values `(seeds * PER_SEED, *shape)`.

    Values of one seed cover the full range, small values, one constant, and extremes only.
    """
    rows = []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, *spec.name.encode()])
        if np.issubdtype(spec.dtype, np.floating) and spec.low is None:
            rows += [rng.normal(size=spec.shape), rng.normal(size=spec.shape) * 0.1]
            rows += [rng.uniform(size=spec.shape), rng.normal(size=spec.shape) * 3]
            continue
        low, high = spec.low, spec.high
        quiet = np.clip(rng.normal(size=spec.shape) * (high - low) / 200, low, high)
        flat = np.full(spec.shape, rng.uniform(low, high))
        extremes = np.where(rng.random(spec.shape) < 0.5, low, high)
        rows += [rng.uniform(low, high, spec.shape), quiet, flat, extremes]
        if not np.issubdtype(spec.dtype, np.floating):
            # an image may be constant, but a text of one repeated id would hide errors in token order
            rows[-4:] = [rng.integers(low, high, spec.shape, endpoint=True), *_integers(rng, spec, rows[-3:])]
    return np.stack(rows).astype(spec.dtype)


def _integers(rng: np.random.Generator, spec: Spec, rows: list[np.ndarray]) -> list[np.ndarray]:
    if spec.dtype in (np.int32, np.int64):
        return [rng.integers(spec.low, spec.high, spec.shape, endpoint=True) for _ in rows]
    return [np.rint(row) for row in rows]


def every_pattern(examples: Examples) -> Examples:
    """Repeat each example with all 2^M patterns of `present`, including none present."""
    if PRESENT not in examples.inputs:
        return examples
    shape = examples.inputs[PRESENT].shape
    patterns = np.array(list(itertools.product((1, 0), repeat=shape[-1])), np.float32)
    inputs = {n: np.repeat(a, len(patterns), axis=0) for n, a in examples.inputs.items()}
    inputs[PRESENT] = np.tile(patterns, (shape[0], 1)).reshape(-1, *shape[1:])
    origin = tuple(o for o in examples.origin for _ in patterns)
    return Examples(inputs, origin, tuple(map(_pattern, inputs[PRESENT])))


def _pattern(row: np.ndarray) -> str:
    return "".join(str(int(value)) for value in row.reshape(-1))


def golden_examples(golden: Arrays, specs: list[Spec]) -> Examples:
    """Return golden examples, the first also with every `present` pattern.

    PATTERN_GOLDEN examples get every pattern.
    """
    inputs = {spec.name: golden[spec.name][:, None] for spec in specs}
    count = len(next(iter(inputs.values())))
    origin = tuple(f"golden {number}" for number in range(count))
    present = tuple(map(_pattern, inputs[PRESENT])) if PRESENT in inputs else ("",) * count
    whole = Examples(inputs, origin, present)
    first = list(range(min(count, PATTERN_GOLDEN)))
    if PRESENT not in inputs:
        return whole
    return join(whole, every_pattern(whole.only(first)))


def join(first: Examples, second: Examples) -> Examples:
    """Concatenate two sets of examples."""
    inputs = {name: np.concatenate([array, second.inputs[name]]) for name, array in first.inputs.items()}
    return Examples(inputs, first.origin + second.origin, first.present + second.present)
