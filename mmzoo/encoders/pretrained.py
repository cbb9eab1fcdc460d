"""Pictures or token ids to an embedding by a published network: keras.applications, or a preset of keras-nlp."""

import importlib
import re

import keras
from keras import layers, ops

from mmzoo.blocks.attention import masked_mean
from mmzoo.errors import BadInputError

MOMENTUM = 0.9  # of averages in batch norms: at the 0.999 of some, a short training ends before they arrive


def pretrained(handle, shape, embed_dim, weights=None, trainable=False, padding_id=0, name="pretrained"):
    """Return a `keras.Model`: pictures or token ids to embeddings `(B, embed_dim)` by a published network.

    With a `shape` `(H, W, C)` it takes uint8 pictures `(B, H, W, C)` in 0..255, one channel or three, and scales them
    as the network wants; with `(L,)` int32 ids `(B, L)` of the network's own tokenizer, padded with `padding_id`. A
    Dense layer with ReLU makes the embedding. Nobody promises that a GPU delegate takes such a network.

    Args:
        handle: a name of `keras.applications` such as `MobileNetV3Small`, or what `from_preset` of keras-nlp takes:
            the name of a preset, `hf://...`, `kaggle://...`, or the path of a folder.
        weights: None for random ones, for which a name of `keras.applications` needs no network. Else `imagenet` or
            the path of a file for keras.applications, `preset` for a preset.
        trainable: whether the published network learns too, and not the Dense layer alone.

    Raises:
        BadInputError: an unknown handle or weights, or a network that does not take such a `shape`.
    """
    if len(shape) not in (1, 3) or (len(shape) == 3 and shape[-1] not in (1, 3)):
        raise BadInputError(f"pretrained expects a shape (L,), (H, W, 1) or (H, W, 3). Received: {shape=}")
    published = _application(handle, shape, weights) if _is_application(handle) else _preset(handle, weights)
    network, prepare = published
    network.trainable = trainable
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = min(layer.momentum, MOMENTUM)
    encode = _of_pictures if len(shape) == 3 else _of_tokens
    given, x = encode(network, prepare, shape, padding_id)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(given, x, name=name)


def _is_application(handle):
    return handle[:1].isupper() and callable(getattr(keras.applications, handle, None))


def _application(handle, shape, weights):
    """Return the network without its head, and the function that scales its input."""
    if len(shape) != 3:
        raise BadInputError(f"pretrained {handle} expects a shape (H, W, 1) or (H, W, 3). Received: {shape=}")
    builder = getattr(keras.applications, handle)
    try:
        network = builder(input_shape=(*shape[:2], 3), include_top=False, weights=weights, pooling="avg")
    except Exception as error:  # the network, the disk and Keras each have their own
        raise BadInputError(
            f"pretrained {handle}: expected {weights=} for {shape=}. Received: {_line(error)}"
        ) from None
    return network, importlib.import_module(builder.__module__).preprocess_input


def _preset(handle, weights):
    """Return the network of a preset of keras-nlp, and no function: its pictures are scaled to 0..1."""
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


def _of_pictures(network, prepare, shape, _):
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1.0 if prepare else 1 / 255, name="front_end")(image)
    if shape[-1] == 1:
        x = layers.Concatenate(name="color")([x, x, x])
    x = _apply(network, prepare(x) if prepare else x)
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
    return image, x


def _of_tokens(network, _, shape, padding_id):
    token_ids = keras.Input(shape, dtype="int32", name="token_ids")
    ids = layers.Identity(name="front_end")(token_ids)
    mask = ops.cast(ops.not_equal(ids, padding_id), "int32")
    offered = {"token_ids": ids, "padding_mask": mask, "segment_ids": ids * 0}
    wanted = network.input if isinstance(network.input, dict) else {}
    if not wanted or not set(wanted) <= set(offered):
        raise BadInputError(f"pretrained expects a network of token ids. Received: one of {network.input}")
    x = _apply(network, {name: offered[name] for name in wanted})
    return token_ids, x if len(x.shape) == 2 else masked_mean(x, ops.cast(mask, x.dtype))


def _apply(network, given):
    """Return what `network` makes of `given`: of several outputs that for each token."""
    try:
        x = network(given)
    except Exception as error:
        raise BadInputError(f"pretrained {network.name} expects another input. Received: {_line(error)}") from None
    return x["sequence_output"] if isinstance(x, dict) else x


def _line(error):
    plain = re.sub(r"\x1b\[\d*m", "", f"{type(error).__name__}: {error}")  # Keras writes in bold
    return " ".join(plain.split())[:300]


def example():
    """Return a MobileNetV3 of pictures of 96x96 pixels, with random weights."""
    return pretrained("MobileNetV3Small", (96, 96, 3), 64)
