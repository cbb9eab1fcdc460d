"""Fraction of a training step spent waiting for the input pipeline."""

import itertools
import time
from collections.abc import Iterator

import keras
import numpy as np

from mmzoo.experiment import Experiment
from mmzoo.training.loop import compile_phase

STEPS = 200
WARM_UP = 20


def data_wait(experiment: Experiment, steps: int = STEPS) -> dict[str, float]:
    """Time training steps with the input pipeline and with one cached batch.

    The two alternate in turns of 25 steps, so that other load on the machine affects both equally. The first five
    steps of a turn are not counted: they consume the prefetch buffer, which fills up between turns.

    Args:
        experiment: the recipe, and the config of its model and data.
        steps: number of timed steps of each kind.

    Returns:
        `pipeline_ms` and `cached_ms`, the median milliseconds of a step; `share`, the fraction of a pipeline step
        spent waiting for data, at least 0; and `steps`.
    """
    keras.utils.set_random_seed(experiment.config.seed)
    model = experiment.build()
    compile_phase(model, experiment.objective(), experiment.plan()[0], steps)
    batches = itertools.chain.from_iterable(experiment.dataset("train", epoch) for epoch in itertools.count())
    cached = next(batches)
    for _ in range(WARM_UP):
        model.train_on_batch(*cached)
    times: dict[str, list[float]] = {"pipeline": [], "cached": []}
    sources = {"pipeline": batches, "cached": itertools.repeat(cached)}
    while len(times["cached"]) < steps:
        for name, source in sources.items():
            times[name] += _turn(model, source)[5:]
    pipeline, cached_ms = (float(np.median(times[name][:steps])) * 1e3 for name in ("pipeline", "cached"))
    return {
        "pipeline_ms": pipeline,
        "cached_ms": cached_ms,
        "share": max(0.0, 1 - cached_ms / pipeline),
        "steps": steps,
    }


def _turn(model: keras.Model, source: Iterator) -> list[float]:
    seconds = []
    for _ in range(25):
        began = time.perf_counter()
        model.train_on_batch(*next(source))
        seconds.append(time.perf_counter() - began)
    return seconds
