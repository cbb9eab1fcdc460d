"""A linear model on fixed features, as a graph that ships: a candidate of `mmzoo.automl.choice`."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops
from scipy import sparse
from scipy.special import expit, softmax

from mmzoo.automl.linear_features import length
from mmzoo.automl.linear_fit import fits, products
from mmzoo.automl.targets import number
from mmzoo.automl.text_table import document_weights, factors, frequencies
from mmzoo.automl.transfer.features import frozen_networks, image_features, on_features
from mmzoo.blocks.hashed_text import SublinearFrequencies
from mmzoo.blocks.image_statistics import ImageStatistics
from mmzoo.blocks.piecewise_linear import PiecewiseLinear
from mmzoo.blocks.presence import split_present
from mmzoo.blocks.signal_statistics import BandStatistics, SeriesStatistics
from mmzoo.blocks.standardized import StandardizedFeatures, StandardizedValues
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import select_inputs
from mmzoo.data.tables.batches import Examples, as_inputs
from mmzoo.data.tables.features import edges, figures
from mmzoo.data.tables.rows import Rows, kind_of, series_of
from mmzoo.data.tables.text_counts import TextCounts
from mmzoo.device.text_hash import SIZE
from mmzoo.export.quantize import FRONT_END

if TYPE_CHECKING:
    from mmzoo.automl.linear_fit import Block

logger = logging.getLogger(__name__)
ROWS = 20_000  # training rows, at most, evenly spaced
BATCH = 64
SHORTEST_SIDE = 10  # pixels
MOST_RANK = 64  # of the table of a text: with as many classes at most it is exact


def linear_model(
    recipe: Any, modalities: tuple[str, ...], train: Examples, validation: tuple[Arrays, np.ndarray]
) -> keras.Model | None:
    """Fit a linear model to fixed features of the images, sounds, series, hashed texts and columns of `modalities`.

    Logistic or ridge regression; the regularization with the lowest validation loss is kept. The features of a missing
    modality are 0, for dense ones the mean of the training rows. Videos and bytes of texts have no features here.
    Images of a frozen published network have its features too (a linear probe: Kornblith et al. 2019, section 3), and
    where two image columns share it, the absolute differences of these.

    Returns:
        a model with the layers of `models.late_fusion`; `embedding` is in front of the softmax. None where no modality
        has features.
    """
    networks = {name: one for name, one in frozen_networks(recipe, recipe.config).items() if name in modalities}
    fronts = [
        *(_Front(name, _standardized(name, one), one) for name, one in networks.items()),
        *(_Front(name, front) for name in modalities if (front := _front(recipe, name))),
    ]
    texts = [modality for modality in modalities if isinstance(train.rows.arrays[modality], TextCounts)]
    if not fronts and not texts:
        return None
    kept = np.linspace(0, len(train.index) - 1, min(ROWS, len(train.index))).astype(int)
    rows, labels = train.index[kept], train.labels[kept]
    dense = _dense(fronts, train, rows, validation[0])
    if dense is None:
        return None
    blocks, others = ([*part] for part in dense)
    scales, buckets = [np.full(block.shape[1], 1 / length(block), "float32") for block in blocks], {}
    for name in texts:
        counts = train.rows.arrays[name].matrix(rows)
        used = buckets[name] = np.unique(counts.indices)  # the weights of all others would be 0
        blocks.append(frequencies(counts).astype("float32")[:, used])
        others.append(frequencies(sparse.csr_matrix(validation[0][name])).astype("float32")[:, used])
        weight = document_weights(counts).astype("float32")[used]
        scales.append(weight / length(blocks[-1].multiply(weight)))
    train_blocks, other_blocks = (list(map(_scaled, part, scales)) for part in (blocks, others))
    weights, biases = _fit(recipe, train_blocks, labels, other_blocks, validation[1])
    weights *= np.concatenate(scales)[:, None]
    return _graph(recipe, {name: validation[0][name] for name in modalities}, fronts, buckets, (weights, biases))


def logarithm(recipe: Any, train: Examples, validation: Examples) -> dict[str, Any]:
    """Return the values of a recipe whose target is a logarithm, or {} unless a linear model is clearly better so.

    It is tried where the training targets permit it, see `targets.number.candidate_scale`. Clearly means that the mean
    absolute error on the validation rows is lower by more than the standard error of the paired difference.
    """
    scale = number.candidate_scale(train.labels) if recipe.source.kind == "number" else ""
    if not scale or not len(validation.index):
        return {}
    modalities, values = recipe.config.modalities, number.scale_values(train.labels, scale)
    inputs = as_inputs(validation.rows, validation.index, modalities)
    rows = []
    for one in (recipe, replace(recipe, **values)):
        model = linear_model(one, modalities, train, (inputs, validation.labels))
        if model is None:
            return {}
        rows.append(np.abs(model.predict(inputs, batch_size=BATCH, verbose=0).reshape(-1) - validation.labels))
    gain = rows[0] - rows[1]
    better = gain.mean() > gain.std() / np.sqrt(len(gain))
    plain, found = (float(error.mean()) for error in rows)
    chosen = "a logarithmic scale, without an int8 file" if better else "a linear scale"
    errors = f"mean absolute error of a linear model {found:.4g} with a logarithm, {plain:.4g} without"
    logger.info(f"{recipe.source.target}: {chosen}; validation {errors}")
    return values if better else {}


@dataclass(frozen=True)
class _Front:
    """Fixed features of a modality: a model of one layer, `front_end`, behind the network if there is one."""

    modality: str
    model: keras.Model
    network: keras.Model | None = None


def _dense(
    fronts: Sequence[_Front], train: Examples, rows: np.ndarray, validation: Arrays
) -> tuple[list[np.ndarray], list[np.ndarray]] | None:
    """Return the features `(N, F)` of each front, of the training `rows` and of `validation`.

    The statistics of the fronts are fitted to the training rows; None if a modality is in none of them.
    """
    networks = {front.modality: front.network for front in fronts if front.network is not None}
    found = {name: image_features(validation[name], one, f"features of {name}") for name, one in networks.items()}
    published = on_features(train, networks).rows, {**validation, **found}
    blocks: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for front in fronts:
        name, layer = front.modality, front.model.get_layer(FRONT_END)
        table, given = published if front.network else (train.rows, validation)
        if isinstance(layer, StandardizedFeatures):
            there = rows[table.present[rows, list(table.arrays).index(name)]]
            if not len(there):
                return None
            layer.adapt(batch[name] for batch in _read(table, there, (name,)))
        blocks[0].append(_features(name, front.model, _read(table, rows, (name,))))
        blocks[1].append(_features(name, front.model, _batches(given, name)))
    if _pair(fronts):
        places = [list(train.rows.arrays).index(front.modality) for front in fronts[:2]]
        for found, there in zip(blocks, (train.rows.present[rows], validation["present"] > 0), strict=True):
            found.append(np.abs(found[0] - found[1]) * there[:, places].all(axis=1, keepdims=True))
    return blocks


def _pair(fronts: Sequence[_Front]) -> bool:
    """Return whether the first two fronts, and no others, are of one network: only their differences are features."""
    networks = [front.network for front in fronts if front.network is not None]
    return len(networks) == 2 and networks[0] is networks[1]


def _scaled(block: "Block", scale: np.ndarray) -> "Block":
    return block * scale if isinstance(block, np.ndarray) else block @ sparse.diags(scale)


def _read(rows: Rows, index: np.ndarray, modalities: tuple[str, ...]) -> Iterator[Arrays]:
    """Yield inputs of the rows `index`: a table's images and sounds are never all in memory."""
    for start in range(0, len(index), BATCH):
        yield as_inputs(rows, index[start : start + BATCH], modalities)


def _batches(inputs: Arrays, modality: str) -> Iterator[Arrays]:
    chosen = select_inputs(inputs, [modality, "present"])
    for start in range(0, len(chosen["present"]), BATCH):
        yield {name: x[start : start + BATCH] for name, x in chosen.items()}


def _standardized(modality: str, network: keras.Model) -> keras.Model:
    """Return the features of a published network, standardized, as a model of one layer, `front_end`."""
    x = keras.Input(network.output.shape[1:], name=modality)
    return keras.Model(x, StandardizedValues(name=FRONT_END)(x), name=f"{modality}_network_features")


def _front(recipe: Any, modality: str) -> keras.Model | None:
    """Return the features of a modality as a model of one layer, `front_end`."""
    kind, config = kind_of(modality), recipe.config
    shape, dtype = recipe.sizes().shapes((modality,), recipe.inputs)[modality], "float32"
    if kind == "image" and min(shape[:2]) >= SHORTEST_SIDE:
        layer, dtype = ImageStatistics(name=FRONT_END), "uint8"
    elif kind == "audio":
        layer = BandStatistics(config.sample_rate, config.sample_rate // 40, config.sample_rate // 100, name=FRONT_END)
    elif kind == "series":
        column = series_of(recipe.inputs)[modality]
        layer = SeriesStatistics(column.mean, column.deviation, name=FRONT_END)
    elif kind == "tabular":
        bins = [max(0, len(own) - 1) for own in edges(recipe.features)]
        layer = PiecewiseLinear(bins, name=FRONT_END)
    else:
        return None
    x = keras.Input(shape, dtype=dtype, name=modality)
    made = layer(x)
    if kind == "tabular":
        layer.set_figures(*figures(recipe.features), edges(recipe.features))
    return keras.Model(x, made, name=f"{modality}_features")


def _features(modality: str, front: keras.Model, batches: Iterable[Arrays]) -> np.ndarray:
    """Return the features `(N, F)` of batches of inputs of one modality, 0 where it is missing."""
    return np.concatenate([np.asarray(front(one[modality])) * one["present"] for one in batches]).astype("float32")


def _fit(
    recipe: Any, train: Sequence["Block"], labels: np.ndarray, rest: Sequence["Block"], truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights `(F, K)` and biases `(K,)` of the strength with the lowest validation loss."""
    kind, best, found = recipe.source.kind, np.inf, None
    if kind == "number":
        labels = number.scaled(recipe, labels)
    for weights, biases in fits(train, labels, kind, len(recipe.source.classes) or 1):
        raw = ACTIVATIONS[kind](products(rest, weights) + biases)
        loss = float(recipe.kind.row_losses(recipe, truth, raw).mean())
        if loss > best:
            break  # the weaker the regularization, the longer it takes
        best, found = loss, (weights, biases)
    return found


ACTIVATIONS = {"class": partial(softmax, axis=1), "number": np.asarray, "labels": expit}
LAYERS = {"class": "softmax", "number": "linear", "labels": "sigmoid"}


def _graph(
    recipe: Any,
    examples: Arrays,
    fronts: Sequence[_Front],
    buckets: Mapping[str, np.ndarray],
    fitted: tuple[np.ndarray, np.ndarray],
) -> keras.Model:
    """Build the model of the weights of dense features, then the weights of the used `buckets` of each text."""
    modalities, (weights, biases) = tuple(examples), fitted
    inputs = {name: keras.Input(x.shape[1:], dtype=x.dtype.name, name=name) for name, x in examples.items()}
    inputs["present"] = keras.Input((len(modalities),), name="present")
    there = split_present(inputs["present"], modalities)
    sizes = [len(used) for used in buckets.values()]
    own, *of_texts = np.split(weights, len(weights) - np.cumsum(sizes[::-1], dtype=int)[::-1])
    parts, joined = [], [own]
    for front in fronts:
        x = layers.Activation("linear", name="encoded")(front.model.output)
        encoder, given = keras.Model(front.model.input, x, name=front.model.name), inputs[front.modality]
        parts.append(encoder(front.network(given) if front.network else given) * there[front.modality])
    if _pair(fronts):
        both = there[fronts[0].modality] * there[fronts[1].modality]
        parts.append(ops.abs(parts[0] - parts[1]) * both)
    for (modality, used), values in zip(buckets.items(), of_texts, strict=True):
        found, mix = factors(values, MOST_RANK)
        table = np.zeros((SIZE, found.shape[1]), "float32")
        table[used] = found
        raw = keras.Input((SIZE,), dtype="uint8", name=modality)
        table_layer = layers.Dense(table.shape[1], use_bias=False, name="table")
        encoder = keras.Model(raw, table_layer(SublinearFrequencies(name=FRONT_END)(raw)), name=f"{modality}_features")
        table_layer.set_weights([table])
        parts.append(encoder(inputs[modality]) * there[modality])
        joined.append(mix)
    joint = layers.Concatenate(name="features")(parts) if len(parts) > 1 else parts[0]
    last = layers.Dense(len(biases), name="embedding")
    logits = last(joint)
    last.set_weights([np.concatenate(joined), biases])
    answer = layers.Activation(LAYERS[recipe.source.kind], name="linear_answer")(logits)
    answer = recipe.kind.wiring(recipe)["postprocess"]([answer, inputs["present"]])
    return keras.Model(inputs, answer, name="linear_model")
