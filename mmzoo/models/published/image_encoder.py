"""Image encoders by the name of a published network."""

import keras

from mmzoo.encoders.efficientnet_lite import efficientnet_lite0
from mmzoo.encoders.pretrained import pretrained
from mmzoo.models.published.weights import efficientnet_lite0_tensors

EFFICIENTNET_LITE0 = "EfficientNetLite0"
PLAIN = "imagenet"
LITE0_SIDE = 128  # pixels


def image_side(handle: str, measured: int) -> int:
    """Return the side of the images for a network, in pixels: small images are enlarged for EfficientNet-Lite0."""
    return max(LITE0_SIDE, measured) if handle == EFFICIENTNET_LITE0 else measured


def published_encoder(
    handle: str,
    shape: tuple[int, ...],
    embed_dim: int,
    weights: str | None = None,
    trainable: bool = False,
    name: str = "pretrained",
) -> keras.Model:
    """Build an encoder of uint8 images `(B, H, W, 3)` in 0..255 to embeddings `(B, embed_dim)`.

    The layer `embedding` maps the features of the network `(B, F)` to the embedding.

    Args:
        handle: `EfficientNetLite0`, or a name that `encoders.pretrained` knows.
        weights: None for random weights, `imagenet`, or the path of a file. The extra `pretrained` has the
            ImageNet weights of EfficientNetLite0.
        trainable: whether the network is trained with the layer `embedding`.

    Raises:
        BadInputError: unknown handle, weights that are not there, or a shape that the network refuses.
    """
    if handle != EFFICIENTNET_LITE0:
        return pretrained(handle, shape, embed_dim, weights, trainable, name=name)
    tensors = None if weights is None else efficientnet_lite0_tensors("" if weights == PLAIN else weights)
    return efficientnet_lite0(shape, embed_dim, tensors, trainable, name)


def feature_encoder(count: int, embed_dim: int, name: str) -> keras.Model:
    """Build the encoder of the features `(B, count)` of a frozen network: the layer `embedding` alone."""
    features = keras.Input((count,), name="features")
    x = keras.layers.Dense(embed_dim, activation="relu", name="embedding")(features)
    return keras.Model(features, x, name=name)


def feature_network(encoder: keras.Model) -> keras.Model:
    """Return the part of a published encoder before the layer `embedding`: images to features `(B, F)`."""
    return keras.Model(encoder.input, encoder.get_layer("embedding").input, name=f"{encoder.name}_features")


def adopt_weights(model: keras.Model, on_features: keras.Model) -> keras.Model:
    """Copy the weights of the model `on_features` into `model`, which has networks before them; return `model`.

    Layers have the same names in both. The networks keep their weights.
    """
    for layer in on_features.layers:
        ours = model.get_layer(layer.name)
        if isinstance(layer, keras.Model) and len(layer.weights) != len(ours.weights):
            for inner in layer.layers:
                if inner.weights:
                    ours.get_layer(inner.name).set_weights(inner.get_weights())
        elif layer.weights:
            ours.set_weights(layer.get_weights())
    return model
