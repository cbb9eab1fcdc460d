"""What share of a training step waits for data."""

import itertools
import time
from typing import Any

import keras
import numpy as np

from mmzoo.training.loop import compile_phase

STEPS = 200
WARM_UP = 20


def data_wait(recipe: Any, config: Any, steps: int = STEPS) -> dict[str, float]:
    """Time `steps` training steps fed by the pipeline of `recipe` and as many on one batch that is kept.

    The two take turns, twenty steps each, so that what else happens on the machine hits both alike; a pipeline
    that prefetches has its buffer full at the start of a turn, which the first five steps of a turn use up and
    which are not counted.

    Returns:
        `pipeline_ms` and `cached_ms`, the medians of a step, and `share`, the part of a step with the pipeline
        that is more than one without it, never below 0.
    """
    keras.utils.set_random_seed(config.seed)
    model = recipe.build(config)
    compile_phase(model, recipe.objective(config), recipe.plan(config)[0], steps)
    batches = itertools.chain.from_iterable(recipe.dataset("train", config, epoch) for epoch in itertools.count())
    cached = next(batches)
    for _ in range(WARM_UP):
        model.train_on_batch(*cached)
    times: dict[str, list[float]] = {"pipeline": [], "cached": []}
    sources = {"pipeline": batches, "cached": itertools.repeat(cached)}
    while len(times["cached"]) < steps:
        for name, source in sources.items():
            times[name] += _turn(model, source)[5:]
    pipeline, kept = (float(np.median(times[name][:steps])) * 1e3 for name in ("pipeline", "cached"))
    return {
        "pipeline_ms": pipeline,
        "cached_ms": kept,
        "share": max(0.0, 1 - kept / pipeline),
        "steps": steps,
    }


def _turn(model: keras.Model, source: Any) -> list[float]:
    seconds = []
    for _ in range(25):
        began = time.perf_counter()
        model.train_on_batch(*next(source))
        seconds.append(time.perf_counter() - began)
    return seconds
