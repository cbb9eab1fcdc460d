"""Heads and losses of masked pretraining of digits: clusters of the image, or values of masked parts."""

import math
from collections.abc import Callable

import keras
from keras import layers, ops

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.normalize import unit_norm
from mmzoo.losses.masked import masked_patches, masked_tokens
from mmzoo.models.digit_encoders import with_map
from mmzoo.models.patch_decoder import map_decoder, patch_decoder

PATCHES = {"image": (4, 4), "audio": (7, 40)}  # pixels; frames of 40 mel bands
COUNT = {"image": 49, "audio": 14}  # patches of an example
PROJECTION, TEMPERATURE = 64, 0.1  # of the head of clusters
Loss = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


def masked_prediction(encoders: dict[str, keras.Model], head: Callable) -> keras.Model:
    """Return a `keras.Model` of masked inputs to the outputs of `head`, concatenated along axis 1.

    `head` takes an input and its encoder: `cluster_head` or `value_head`.
    """
    inputs, outputs = {}, []
    for name, encoder in encoders.items():
        inputs[name] = keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=name)
        outputs.append(head(inputs[name], encoder))
    joined = ops.concatenate(outputs, axis=1) if len(outputs) > 1 else outputs[0]
    return keras.Model(inputs, joined, name="masked_pretraining")


def cluster_head(x: keras.KerasTensor, encoder: keras.Model, count: int) -> keras.KerasTensor:
    """Return logits `(B, 1, count)`: scaled cosines of a projection with a vector of each cluster.

    HuBERT, Hsu et al. 2021, section II-B. The projection is dropped after pretraining, so that the embedding does not
    fit the training clusters.
    """
    embedding = layers.Identity(name=f"{x.name}_embedding")(encoder(x))
    projected = layers.Dense(2 * PROJECTION, activation="relu", name=f"{x.name}_projection_hidden")(embedding)
    projected = unit_norm(layers.Dense(PROJECTION, name=f"{x.name}_projection")(projected))
    codes = {"use_bias": False, "kernel_constraint": "unit_norm", "name": f"{x.name}_cluster"}
    cosines = layers.Dense(count, **codes)(projected)
    return layers.Reshape((1, count))(cosines / TEMPERATURE)


def value_head(x: keras.KerasTensor, encoder: keras.Model, tokens: int) -> keras.KerasTensor:
    """Return flat predictions of all patches of an image or spectrogram, or logits of `tokens` of each byte."""
    if x.name == "text":
        embedding = layers.Identity(name="text_embedding")(encoder(x))
        return layers.Flatten(name="text_flat")(patch_decoder(embedding, x.shape[1], tokens, name="text_decoder"))
    features = with_map(encoder)(x)
    embedding = layers.Identity(name=f"{x.name}_embedding")(features["embedding"])
    width = math.prod(PATCHES[x.name])
    made = map_decoder(embedding, features["map"], COUNT[x.name], width, name=f"{x.name}_decoder")
    return layers.Flatten(name=f"{x.name}_flat")(made)


def cluster_loss(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Return the cross-entropy `(B,)` of clusters `(B,)` with the last modality's logits, of `(B, M, K)`.

    The first of two modalities is compared with the softmax of the last, without a gradient through the latter.
    """
    y_pred = ops.cast(y_pred, "float32")
    cluster = ops.reshape(ops.cast(y_true, "int32"), (-1,))
    loss = keras.losses.sparse_categorical_crossentropy(cluster, y_pred[:, -1], from_logits=True)
    if y_pred.shape[1] > 1:
        soft = ops.stop_gradient(ops.softmax(y_pred[:, -1]))
        loss = loss + keras.losses.categorical_crossentropy(soft, y_pred[:, 0], from_logits=True)
    return loss


def cluster_accuracy(modality: str, place: int) -> Loss:
    """Return the metric `image_accuracy` or `audio_accuracy` of the modality at `place` of the logits `(B, M, K)`."""

    def accuracy(y_true, y_pred):
        predicted = ops.argmax(y_pred[:, place], axis=-1)
        return ops.cast(ops.equal(predicted, ops.reshape(ops.cast(y_true, predicted.dtype), (-1,))), "float32")

    accuracy.__name__ = f"{modality}_accuracy"
    return accuracy


def value_errors(shapes: dict[str, tuple[int, ...]], sample_rate: int, tokens: int) -> list[Loss]:
    """Return for each modality the error `(B,)` of its masked parts, named `image_error` and so on.

    `shapes` are the inputs, in order. Labels are flat: of each modality its input, then its mask. The error of text is
    the cross-entropy of masked bytes, all others are mean squared errors.
    """
    errors, start, first = [], 0, 0
    for name, shape in shapes.items():
        count = COUNT.get(name, shape[0])
        width = math.prod(PATCHES[name]) if name in PATCHES else tokens
        target = _log_mel(shape[0], sample_rate) if name == "audio" else None
        inner = masked_patches(PATCHES[name], normalize=False, target=target) if name in PATCHES else masked_tokens
        errors.append(_error(name, inner, (start, shape), (first, count, width)))
        start, first = start + math.prod(shape) + count, first + count * width
    return errors


def _error(name, inner, given, made):
    (start, shape), (first, count, width) = given, made
    size = math.prod(shape)

    def error(y_true, y_pred):
        whole = ops.reshape(y_true[:, start : start + size], (-1, *shape))
        mask = y_true[:, start + size : start + size + count]
        guess = ops.reshape(y_pred[:, first : first + count * width], (-1, count, width))
        return inner(whole, ops.concatenate([guess, mask[..., None]], axis=-1))

    error.__name__ = f"{name}_error"
    return error


def _log_mel(samples, sample_rate):
    front_end = LogMel(sample_rate, sample_rate // 40, sample_rate // 100, PATCHES["audio"][1])
    front_end.build((None, samples))
    return lambda waveforms: front_end(waveforms) * 0.25 + 2.0  # about -1.5 to 2
