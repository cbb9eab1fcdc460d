"""Location of the operators that the GPU accelerator refuses: index, output tensor, attributes and reason."""

import re
import tempfile
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.tflite.flatbuffer import write
from mmzoo.tflite.graph import Graph
from mmzoo.verification.accelerator import Answer, Driver, Job, execute
from mmzoo.verification.bisect import alone, first_refusal, named
from mmzoo.verification.gpu_rules import explain, refusals
from mmzoo.verification.inputs import TYPES

SHOWN = 3  # operators of one kind in a message
EXAMINED = 100  # operators compiled alone: a large model takes 10 to 30 seconds


def locate(model: schema.ModelT, job: Job, driver: Driver | None, answer: Answer) -> list[dict]:
    """Find the operators of `model` that the accelerator refuses.

    The accelerator's log names kinds of operators, and each operator of such a kind is compiled alone. Without names
    in the log, models cut after an operator are compiled until the first refused one is found.

    Args:
        model: the model.
        job: a few examples.
        driver: the Vulkan driver.
        answer: the refusal of the whole model.

    Returns:
        one `{"operator", "message", "index", "tensor", "attributes", "rule", "advice"}` for each operator; without
        the place where it was not found. Empty: no single operator is refused.
    """
    listed = refusals(answer.log)
    graph = Graph(model)
    kinds = {entry["operator"] for entry in listed}
    places = [k for k in range(len(graph.operators)) if graph.name(k) in kinds]
    found = _refused_alone(model, graph, places[:EXAMINED], job, driver)
    found += [named(graph, k) | _custom(graph.name(k)) for k in _flex(graph) if graph.name(k) not in kinds]
    return found + _listed_only(listed, found) if found else _by_cuts(model, job, driver, listed, answer)


def _listed_only(listed: list[dict], found: list[dict]) -> list[dict]:
    """Return the entries of the log whose operator is not in `found`."""
    kinds = {entry["operator"] for entry in found}
    return [entry for entry in listed if entry["operator"] not in kinds]


def _by_cuts(model: schema.ModelT, job: Job, driver: Driver | None, listed: list[dict], answer: Answer) -> list[dict]:
    """Find the first refused operator by cuts; the log's message for its kind comes before the error."""
    first = first_refusal(model, job, driver)
    if first["operator"] is None:
        return listed
    said = next((entry for entry in listed if entry["operator"] in ("", first["operator"])), {"message": answer.error})
    return [said | first, *_listed_only(listed, [said, first] if "operator" in said else [first])]


def _flex(graph: Graph) -> list[int]:
    return [k for k in range(len(graph.operators)) if graph.name(k).startswith("Flex")]


def _custom(name: str) -> dict:
    return {"operator": name, "message": "not in LiteRT", **explain("G13")}


def _refused_alone(
    model: schema.ModelT, graph: Graph, places: list[int], job: Job, driver: Driver | None
) -> list[dict]:
    """Compile each operator of `places` as a model, and return those that the log of its compilation names."""
    with tempfile.TemporaryDirectory(prefix="mmzoo-") as folder:
        jobs = []
        for k in places:
            part, path = alone(model, k), Path(folder) / f"{k}.tflite"
            write(part, path)
            jobs.append(Job(str(path), _zeros(part), "gpu", job.enforce_f32))
        answers = execute(jobs, driver) if jobs else []
    found = []
    for k, answer in zip(places, answers, strict=True):
        entry = next((e for e in refusals(answer.log) if e["operator"] == graph.name(k)), None)
        found += [named(graph, k) | entry] if entry else []
    return found


def _zeros(part: schema.ModelT) -> dict[str, np.ndarray]:
    """Return one example of zeros; only the compilation counts."""
    graph = Graph(part)
    tensors = {entry.name: int(entry.tensorIndex) for entry in part.signatureDefs[0].inputs}
    types = {name: TYPES.get(graph.graph.tensors[i].type) or np.float32 for name, i in tensors.items()}
    return {name: np.zeros((1, *graph.shape(i)), types[name]) for name, i in tensors.items()}


def described(found: list[dict]) -> str:
    """Format refused operators as one line, the first SHOWN of each kind and message."""
    groups: dict[tuple[str, str], list[dict]] = {}
    for entry in found:
        groups.setdefault((entry["operator"], _of_kind(entry)), []).append(entry)
    return "; ".join(_line(kind, message, entries) for (kind, message), entries in groups.items())


def _of_kind(entry: dict) -> str:
    """Return the message without the name of a tensor at its end."""
    return re.sub(r"(?<=\.) \S+$", "", entry["message"])


def _line(kind: str, message: str, entries: list[dict]) -> str:
    places = [place(entry) for entry in entries if "index" in entry]
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    where = f" ({' and '.join(places[:SHOWN])}{more})" if places else ""
    return f"{kind or 'an operator'}{where}: {message}"


def place(entry: dict) -> str:
    """Format the index, the output tensor and the attributes of an operator."""
    attributes = {name: value for name, value in entry["attributes"].items() if name != "inputs"}
    values = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in attributes.items()
    ]
    shapes = list(dict.fromkeys(map(str, entry["attributes"]["inputs"])))
    values += [f"input {' and '.join(shapes[:SHOWN])}"] if shapes else []
    values += [f"after {' and '.join(entry['after'][:SHOWN])}"] if entry.get("after") else []
    return ", ".join([f"operator {entry['index']}", f"output tensor {entry['tensor']!r}", *values])
