"""Published networks as encoders: keras.applications, or presets of keras-nlp."""

import importlib
import re
from collections.abc import Callable

import keras
from keras import layers, ops

from mmzoo.blocks.attention import masked_mean
from mmzoo.errors import BadInputError

MOMENTUM = 0.9  # of moving averages in batch norms: at 0.999 they do not converge in a short training


def pretrained(
    handle: str,
    shape: tuple[int, ...],
    embed_dim: int,
    weights: str | None = None,
    trainable: bool = False,
    padding_id: int = 0,
    name: str = "pretrained",
) -> keras.Model:
    """Build an encoder of images or token ids from a published network.

    With `shape` `(H, W, C)` the input is uint8 images `(B, H, W, C)` in 0..255, with one channel or three. They are
    scaled to the input range of the network. With `(L,)` the input is int32 ids `(B, L)` of the network's own
    tokenizer, padded with `padding_id`. A Dense layer with ReLU makes the embedding `(B, embed_dim)`. No GPU delegate
    is guaranteed to run such a network.

    Args:
        handle: a name of `keras.applications` such as `MobileNetV3Small`, or an argument of `from_preset` of keras-nlp:
            the name of a preset, `hf://...`, `kaggle://...`, or the path of a folder.
        weights: None for random weights; a name of `keras.applications` then needs no internet connection. Otherwise
            `imagenet` or the path of a file for keras.applications, `preset` for a preset.
        trainable: whether the published network is trained with the Dense layer.

    Raises:
        BadInputError: unknown handle or weights, or the network refuses `shape`.
    """
    if len(shape) not in (1, 3) or (len(shape) == 3 and shape[-1] not in (1, 3)):
        raise BadInputError(f"pretrained expects a shape (L,), (H, W, 1) or (H, W, 3). Received: {shape=}")
    published = _application(handle, shape, weights) if _is_application(handle) else _preset(handle, weights)
    network, prepare = published
    network.trainable = trainable
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = min(layer.momentum, MOMENTUM)
    encode = _encode_images if len(shape) == 3 else _encode_tokens
    given, x = encode(network, prepare, shape, padding_id)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(given, x, name=name)


def _is_application(handle: str) -> bool:
    return handle[:1].isupper() and callable(getattr(keras.applications, handle, None))


def _application(
    handle: str, shape: tuple[int, ...], weights: str | None
) -> tuple[keras.Model, Callable[[keras.KerasTensor], keras.KerasTensor]]:
    """Return the network without its head, and its input scaling function."""
    if len(shape) != 3:
        raise BadInputError(f"pretrained {handle} expects a shape (H, W, 1) or (H, W, 3). Received: {shape=}")
    builder = getattr(keras.applications, handle)
    try:
        network = builder(input_shape=(*shape[:2], 3), include_top=False, weights=weights, pooling="avg")
    except Exception as error:  # the internet, the disk and Keras raise different types
        raise BadInputError(
            f"pretrained {handle}: expected {weights=} for {shape=}. Received: {_line(error)}"
        ) from None
    return network, importlib.import_module(builder.__module__).preprocess_input


def _preset(handle: str, weights: str | None) -> tuple[keras.Model, None]:
    """Return the network of a keras-nlp preset, and None as scaling function.

    Its images are scaled to 0..1.
    """
    if weights not in (None, "preset"):
        raise BadInputError(f"pretrained {handle} expects weights to be None or 'preset'. Received: {weights=}")
    expected = f"pretrained {handle}: expected a name of keras.applications or a preset of keras-nlp"
    try:
        import keras_nlp
    except ImportError as error:
        raise BadInputError(f"{expected} (pip install 'mmzoo[text]'). Received: {_line(error)}") from None
    try:
        return keras_nlp.models.Backbone.from_preset(handle, load_weights=weights == "preset"), None
    except Exception as error:  # as above
        raise BadInputError(f"{expected}. Received: {_line(error)}") from None


def _encode_images(
    network: keras.Model,
    prepare: Callable[[keras.KerasTensor], keras.KerasTensor] | None,
    shape: tuple[int, ...],
    _: object,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1.0 if prepare else 1 / 255, name="front_end")(image)
    if shape[-1] == 1:
        x = layers.Concatenate(name="color")([x, x, x])
    x = _apply(network, prepare(x) if prepare else x)
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
    return image, x


def _encode_tokens(
    network: keras.Model, _: object, shape: tuple[int, ...], padding_id: int
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    token_ids = keras.Input(shape, dtype="int32", name="token_ids")
    ids = layers.Identity(name="front_end")(token_ids)
    mask = ops.cast(ops.not_equal(ids, padding_id), "int32")
    offered = {"token_ids": ids, "padding_mask": mask, "segment_ids": ids * 0}
    wanted = network.input if isinstance(network.input, dict) else {}
    if not wanted or not set(wanted) <= set(offered):
        raise BadInputError(f"pretrained expects a network of token ids. Received: one of {network.input}")
    x = _apply(network, {name: offered[name] for name in wanted})
    return token_ids, x if len(x.shape) == 2 else masked_mean(x, ops.cast(mask, x.dtype))


def _apply(network: keras.Model, given: keras.KerasTensor | dict[str, keras.KerasTensor]) -> keras.KerasTensor:
    """Apply `network` and return its output, `sequence_output` of several outputs."""
    try:
        x = network(given)
    except Exception as error:
        raise BadInputError(f"pretrained {network.name} expects another input. Received: {_line(error)}") from None
    return x["sequence_output"] if isinstance(x, dict) else x


def _line(error: Exception) -> str:
    plain = re.sub(r"\x1b\[\d*m", "", f"{type(error).__name__}: {error}")  # Keras writes in bold
    return " ".join(plain.split())[:300]


def example() -> keras.Model:
    """Return a MobileNetV3 for 96x96 color images, with random weights."""
    return pretrained("MobileNetV3Small", (96, 96, 3), 64)
