"""Features of a frozen network, computed once per image of a table and kept beside the decoded images."""

import dataclasses
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm.auto import tqdm

from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.rows import kind_of, release_pages
from mmzoo.export.convert import quiet, save_model, to_tflite
from mmzoo.models.published.image_encoder import feature_network, image_side, published_encoder
from mmzoo.tflite import flatbuffer
from mmzoo.training.loop import has_accelerator

BATCH = 32  # images


def image_features(images: np.ndarray, network: keras.Model, title: str) -> np.ndarray:
    """Compute the features `(N, F)` float32 of images `(N, H, W, C)` uint8, or read them from the cache.

    `network` maps a batch of images to features. Features of a file's array are kept in its folder, under a digest of
    the weights.
    """
    place = getattr(images, "filename", None)
    if place is None:
        return np.concatenate([*_batches(images, extractor(network), title)])
    file = Path(place).with_name(f"{Path(place).stem}.{_digest(network)}.npy")
    if not file.is_file():
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        shape = (len(images), network.output.shape[1])
        try:
            found = np.lib.format.open_memmap(temporary, "w+", np.float32, shape)
            start = 0
            for batch in _batches(images, extractor(network), title):
                found[start : start + len(batch)] = batch
                start += len(batch)
            found.flush()
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    return np.load(file, mmap_mode="r")


def frozen_networks(recipe: Any, config: Any) -> dict[str, keras.Model]:
    """Return `{modality: network}` of images to features, of the frozen published encoders of a `TableRecipe`.

    Modalities with the same network have one model.
    """
    found, known = {}, {}
    for name, given in recipe.encoders.items():
        if name in config.modalities and kind_of(name) == "image" and not given["trainable"]:
            shape = recipe.sizes(config).shapes([name], recipe.inputs)[name]
            key = repr((shape, given))
            if key not in known:
                known[key] = _network(name, shape, tuple(given.items()))
            found[name] = known[key]
    return found


@functools.lru_cache(maxsize=4)
def _network(name: str, shape: tuple[int, ...], given: tuple[tuple[str, Any], ...]) -> keras.Model:
    return feature_network(published_encoder(shape=shape, embed_dim=1, name=f"{name}_published", **dict(given)))


def on_features(examples: Examples, networks: Mapping[str, keras.Model]) -> Examples:
    """Return `examples` with features in place of the images of these modalities."""
    if not networks:
        return examples
    arrays = dict(examples.rows.arrays)
    for name, network in networks.items():
        arrays[name] = image_features(arrays[name], network, f"features of {name}")
    return dataclasses.replace(examples, rows=dataclasses.replace(examples.rows, arrays=arrays))


def published_features(recipe: Any, config: Any, modality: str, given: Mapping[str, Any]) -> np.ndarray:
    """Return the features `(N, F)` of all rows of a table, of images of the size that a published network wants.

    `recipe` is the `TableRecipe`, `given` the arguments of `published_encoder`.
    """
    own = dataclasses.replace(config, image_size=image_side(given["handle"], config.image_size))
    alone = tuple((name, columns) for name, columns in recipe.source.inputs if name == modality)
    source = dataclasses.replace(recipe.source, inputs=alone)
    images = dataclasses.replace(recipe, source=source).examples("train", own).rows.arrays[modality]
    network = _network(modality, images.shape[1:], tuple(given.items()))
    return image_features(images, network, f"features of {modality}")


def _batches(images: np.ndarray, extract: Callable[[np.ndarray], np.ndarray], title: str) -> Iterator[np.ndarray]:
    seconds = 0.5 if sys.stderr.isatty() else 15  # a log file needs fewer updates
    with tqdm(total=len(images), desc=title, unit="image", mininterval=seconds) as bar:
        for start in range(0, len(images), BATCH):
            batch = np.asarray(images[start : start + BATCH])
            release_pages(images)
            yield extract(batch)
            bar.update(len(batch))


def extractor(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of images `(B, H, W, C)` to the features `(B, F)` of `network`.

    Without an accelerator LiteRT computes them: depthwise convolutions take TensorFlow 2 to 3 times the time.
    """
    if has_accelerator():
        return lambda images: np.asarray(network(images, training=False), np.float32)
    return _on_litert(network)


@functools.lru_cache(maxsize=2)
def _on_litert(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder, quiet():
        model = keras.Model({"image": network.input}, {"features": network.output})
        save_model(f"{folder}/saved", model, batch=1)
        flatbuffer.write(to_tflite(f"{folder}/saved", "float32"), Path(folder) / "model.tflite")
        interpreter = Interpreter(f"{folder}/model.tflite", num_threads=os.cpu_count())
        interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()

    def extract(images: np.ndarray) -> np.ndarray:
        found = np.empty((len(images), *made["shape"][1:]), np.float32)
        for row, image in zip(found, images, strict=True):
            interpreter.set_tensor(given["index"], image[None])
            interpreter.invoke()
            row[...] = interpreter.get_tensor(made["index"])[0]
        return found

    return extract


def _digest(network: keras.Model) -> str:
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(repr(weight.shape).encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]
