"""Bisection of a model to the first operator that the GPU accelerator refuses or whose output differs."""

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from mmzoo.tflite.flatbuffer import write
from mmzoo.tflite.graph import Graph, input_names
from mmzoo.verification.accelerator import Answer, Driver, Job, execute
from mmzoo.verification.gpu_rules import broken, explain
from mmzoo.verification.parity import float_weights

READABLE = (
    schema.TensorType.FLOAT32,
    schema.TensorType.INT32,
    schema.TensorType.UINT8,
    schema.TensorType.INT8,
)
CUT = "cut"  # the only output of a cut model
Differs = Callable[[Answer, Answer], bool]


def cut(model: schema.ModelT, tensor: int) -> schema.ModelT:
    """Return the part of `model` that computes `tensor`, its only output.

    A second output would change how the accelerator fuses operators, and could itself cause an error.
    """
    model = copy.deepcopy(model)
    graph = Graph(model)
    keep, wanted = set(), [tensor]
    while wanted:
        k = graph.made_by.get(wanted.pop())
        if k is not None and k not in keep:
            keep.add(k)
            wanted += graph.inputs(k)
    used = {i for k in keep for i in graph.inputs(k)}
    names = {i: name for i, name in input_names(model).items() if i in used}
    return _with_ends(model, keep, names, {tensor: CUT})


def alone(model: schema.ModelT, k: int) -> schema.ModelT:
    """Return operator `k` as a model, with the operators that compute its inputs from constants.

    Its inputs and outputs are named by their indices.
    """
    model = copy.deepcopy(model)
    graph = Graph(model)
    keep = {k} | {j for j in graph.sources(k) if all(graph.constant(i) for i in graph.inputs(j))}
    made = {out for out, maker in graph.made_by.items() if maker in keep}
    inputs = [i for j in sorted(keep) for i in graph.inputs(j) if not graph.constant(i) and i not in made]
    outputs = [int(i) for i in graph.operators[k].outputs]
    return _with_ends(model, keep, {i: str(i) for i in inputs}, {i: str(i) for i in outputs})


def _with_ends(model: schema.ModelT, keep: set[int], inputs: dict[int, str], outputs: dict[int, str]) -> schema.ModelT:
    """Keep the operators `keep` of `model`, in place, with the inputs and outputs `{tensor: name}`."""
    part = model.subgraphs[0]
    part.operators = [op for k, op in enumerate(part.operators) if k in keep]
    part.inputs, part.outputs = list(inputs), list(outputs)
    ends = [[schema.TensorMapT(name=name, tensorIndex=i) for i, name in side.items()] for side in (inputs, outputs)]
    model.signatureDefs = [schema.SignatureDefT(*ends, signatureKey="cut", subgraphIndex=0)]
    return model


class _Cuts:
    """Execute the cuts of one model, each once."""

    def __init__(self, model: schema.ModelT, job: Job, driver: Driver | None, differs: Differs) -> None:
        self.on_cpu = float_weights(model)
        self.graph, self.job, self.driver, self.differs = Graph(model), job, driver, differs
        self.known: dict[int, bool] = {}
        self.unexecuted = False  # whether the GPU gave no outputs for a cut

    def front(self, k: int) -> list[int]:
        """Return the tensors from operators 0..k to later operators or model outputs."""
        made = [t for t, maker in self.graph.made_by.items() if maker <= k]
        later = [t for t in made if any(user > k for user in self.graph.used_by.get(t, []))]
        ends = [t for t in made if t in self.graph.outputs and t not in later]
        return [t for t in (*later, *ends) if self.graph.graph.tensors[t].type in READABLE]

    def bad(self, k: int) -> bool:
        """Return whether any tensor of `front(k)` differs."""
        front = self.front(k)
        self.run([t for t in front if t not in self.known])
        return any(self.known[t] for t in front)

    def run(self, tensors: list[int]) -> None:
        """Compare the cut of each tensor on CPU and GPU."""
        with tempfile.TemporaryDirectory(prefix="mmzoo-") as folder:
            jobs = []
            for tensor in tensors:
                for on, whole in (("cpu", self.on_cpu), ("gpu", self.graph.model)):
                    model = cut(whole, tensor)
                    path = Path(folder) / f"{tensor}-{on}.tflite"
                    write(model, path)
                    feed = {name: self.job.inputs[name] for name in input_names(model).values()}
                    jobs.append(Job(str(path), feed, on, self.job.enforce_f32))
            answers = execute(jobs, self.driver) if jobs else []
        for tensor, cpu, gpu in zip(tensors, answers[::2], answers[1::2], strict=True):
            self.known[tensor] = bool(self.differs(cpu, gpu))
            self.unexecuted |= gpu.outputs is None


def first_difference(model: schema.ModelT, job: Job, driver: Driver | None, differs: Differs) -> dict:
    """Find the first operator whose GPU output differs, by bisection.

    Bisection assumes that an error persists in some tensor passed on to later operators.

    Args:
        model: the model.
        job: a few examples on which the whole model differs.
        driver: the Vulkan driver.
        differs: `differs(cpu, gpu)` compares the outputs of one cut.

    Returns:
        `{"operator", "tensor", "index", "attributes", "rule", "advice"}`. If no cut differs, `operator` is None and
        `said` explains that the error needs the whole graph.
    """
    cuts = _Cuts(model, job, driver, differs)
    k = _first(cuts)
    return _whole_graph(cuts) if k is None else {**named(cuts.graph, k), **explain(_rule(cuts.graph, k))}


def first_refusal(model: schema.ModelT, job: Job, driver: Driver | None, died: bool = False) -> dict:
    """Find the first operator whose cut the accelerator refuses or, with `died`, on which it crashes.

    Returns:
        as `first_difference`, without numbers compared; `after` lists the operators that feed the refused one.
    """
    cuts = _Cuts(model, job, driver, lambda cpu, gpu: gpu.died if died else gpu.outputs is None)
    k = _first(cuts)
    if k is None:
        state = "crashes" if died else "is refused"
        said = f"no model cut after one output {state}; only the whole graph {state}"
        return {"operator": None, "said": said}
    after = [f"{cuts.graph.name(j)} (operator {j})" for j in sorted(set(cuts.graph.sources(k)))]
    return {**named(cuts.graph, k), "after": after, **explain(_rule(cuts.graph, k))}


def _first(cuts: _Cuts) -> int | None:
    """Return the first operator with a bad tensor in its front, None if the outputs alone are good."""
    low, high = 0, len(cuts.graph.operators) - 1
    if high < 0 or not cuts.bad(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if cuts.bad(middle) else (middle + 1, high)
    return low


def named(graph: Graph, k: int) -> dict:
    """Return the name, first output tensor, index and attributes of operator `k`."""
    tensor = graph.graph.tensors[int(graph.operators[k].outputs[0])]
    return {"operator": graph.name(k), "tensor": tensor.name, "index": k, "attributes": graph.attributes(k)}


def _rule(graph: Graph, k: int) -> str | None:
    """Return the rule of operator `k` or operators fused with it."""
    near = [k, *graph.sources(k)]
    near += [j for source in near[1:] for j in graph.sources(source)]
    return next((rule for rule in (broken(graph, j) for j in near) if rule), None)


def _whole_graph(cuts: _Cuts) -> dict:
    """Return the finding for a graph that differs although no output does in a model cut after it."""
    graph, said = cuts.graph, "no output differs in a model cut after it; only the whole graph is wrong"
    if cuts.unexecuted:
        return {"operator": None, "said": "the accelerator refuses the models cut after an output: nothing to compare"}
    for k in range(len(graph.operators)):
        if broken(graph, k) == "G11":
            found = named(graph, k)
            said += f"; likely {found['operator']} {found['tensor']!r}, an output that is also consumed"
            return {"operator": None, "suspect": found, "said": said, **explain("G11")}
    return {"operator": None, "said": said}
