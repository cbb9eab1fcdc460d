"""Encoders of a table's modalities: small networks without tuning."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers

from mmzoo.device.text_hash import SIZE
from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.log_mel_cnn import log_mel_cnn
from mmzoo.encoders.series_conv import series_conv
from mmzoo.encoders.tabular_mlp import tabular_mlp, tabular_piecewise
from mmzoo.encoders.temporal_conv import temporal_conv
from mmzoo.encoders.text_conv import text_conv
from mmzoo.encoders.text_hash import RANK, text_hash
from mmzoo.models.published.image_encoder import feature_encoder, published_encoder

CELLS = 6  # a side of the last feature map, at most
MOST_CHANNELS = 96
SERIES_WIDTHS = (32, 32, 64, 64)  # channels of the blocks
TEXT_DROPOUT = 0.4  # of the maxima of text convolutions: tables usually have few texts


def table_encoders(
    shapes: Mapping[str, tuple[int, ...]],
    sample_rate: int,
    embed_dim: int,
    width: float = 1.0,
    figures: tuple[np.ndarray, ...] | None = None,
    dropout: float = 0.2,
    options: Mapping[str, dict[str, Any]] | None = None,
) -> dict[str, keras.Model]:
    """Build `{modality: keras.Model}`, each to embeddings `(B, embed_dim)`.

    Several images of one shape share the encoder `image_encoder`: its weights learn from all of them.

    Args:
        shapes: `{modality: shape}` of one example: of `image` and `image_front` `(H, W, 3)`, or `(F,)` of features of a
            frozen network, of `audio` `(T,)`, of `video` `(T*H, H, 3)`, T square frames from top to bottom, of `series`
            `(T, C)` with a last channel as in `series_conv`, of `text` `(L,)`, of `tabular` `(F,)`. A modality's kind
            is its name up to the first `_`. A text of shape `(32768,)` is hashed counts.
        sample_rate: of audio, in Hz.
        embed_dim: width of the embeddings.
        width: factor of the channels inside the encoders.
        figures: mean and variance `(F,)` of the rows of `tabular`, and the edges of the bins of each feature, see
            `tabular_piecewise`; without them the rows are not scaled.
        dropout: dropout rate of each embedding, and inside the encoder of `tabular`.
        options: `{modality: arguments}`: of images and videos the arguments of `published_encoder`, of hashed texts
            `table`, the initial table `(32768, text_rank(width))`, of series `mean` and `variance` of each channel.

    Raises:
        ValueError: a modality is of another kind.
    """
    facts = {"audio": {"sample_rate": sample_rate}, "tabular": {"figures": figures, "dropout": dropout}}
    made, shared = {}, _shared_images(shapes, options or {})
    for name, shape in shapes.items():
        if name in shared[1:]:
            made[name] = made[shared[0]]
            continue
        kind = name.split("_")[0]
        if kind not in KINDS:
            raise ValueError(f"table_encoders expects {', '.join(KINDS)}. Received: modality={name!r}")
        given = {**(options or {}).get(name, {}), **facts.get(kind, {})}
        plain = KINDS[kind](given, shape, embed_dim, width, f"{'image' if name in shared else name}_encoder")
        x = layers.Dropout(dropout, name="embedding_dropout")(plain.output)
        made[name] = keras.Model(plain.input, x, name=plain.name)
    return made


def _shared_images(shapes: Mapping[str, tuple[int, ...]], published: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return the image modalities if they can share an encoder: there are several, of one shape and one network."""
    images = [name for name in shapes if name.split("_")[0] == "image"]
    kinds = {repr((shapes[name], published.get(name))) for name in images}
    return images if len(images) > 1 and len(kinds) == 1 else []


def _audio_encoder(
    given: dict[str, Any], shape: tuple[int, ...], embed_dim: int, width: float, name: str
) -> keras.Model:
    """Build a convolutional network over the log-mel spectrogram of a waveform."""
    return log_mel_cnn(shape[0], given["sample_rate"], embed_dim, [_wide(64, width)] * 5, name=name)


def _video_encoder(
    published: dict[str, Any], shape: tuple[int, ...], embed_dim: int, width: float, name: str
) -> keras.Model:
    """Build an image encoder of each frame, with convolutions over time."""
    frame = name.removesuffix("_encoder") + "_frame_encoder"
    encoder = _image_encoder(published, (shape[1], *shape[1:]), embed_dim, width, frame)
    return temporal_conv(shape[0] // shape[1], encoder, embed_dim, [_wide(64, width)] * 2, name=name)


def _series_encoder(
    figures: dict[str, Any], shape: tuple[int, ...], embed_dim: int, width: float, name: str
) -> keras.Model:
    """Build dilated convolutions over the steps of a series whose last channel says which are measured."""
    widths = [_wide(channels, width) for channels in SERIES_WIDTHS]
    return series_conv(shape, embed_dim, widths, name=name, measured=True, **figures)


def _tabular_encoder(
    given: dict[str, Any], shape: tuple[int, ...], embed_dim: int, width: float, name: str
) -> keras.Model:
    """Build an encoder of rows, with bins where a feature has edges."""
    mean, variance, edges = (*(given["figures"] or (None, None)), ())[:3]
    widths = [_wide(128, width)] * 2
    if any(map(len, edges)):
        figures = (mean, variance, edges)
        return tabular_piecewise(shape[0], embed_dim, figures, widths, dropout=given["dropout"], name=name)
    return tabular_mlp(shape[0], embed_dim, widths, mean, variance, dropout=given["dropout"], name=name)


def _image_encoder(
    published: dict[str, Any], shape: tuple[int, ...], embed_dim: int, width: float, name: str
) -> keras.Model:
    """Build an image encoder: with the arguments `published`, or a convolutional network.

    The network halves the image until 3 to 6 cells are left.
    """
    if len(shape) == 1:
        return feature_encoder(shape[0], embed_dim, name)
    if published:
        return published_encoder(shape=shape, embed_dim=embed_dim, name=name, **published)
    halvings = max(2, math.ceil(math.log2(min(shape[:2]) / CELLS)))
    widths = [min(MOST_CHANNELS, 16 + 16 * ((i + 1) // 2)) for i in range(2 * halvings)]
    return light_cnn(shape, embed_dim, widths, name=name, width=width)


def _text_encoder(
    options: dict[str, Any], shape: tuple[int, ...], embed_dim: int, width: float, name: str
) -> keras.Model:
    """Build a text encoder: of hashed counts with the arguments `options`, or convolutions over bytes."""
    if shape[0] == SIZE:
        return text_hash(embed_dim, text_rank(width), name=name, **options)
    return text_conv(shape[0], embed_dim, units=_wide(128, width), dropout=TEXT_DROPOUT, name=name)


def text_rank(width: float) -> int:
    """Return the rank of the tables of hashed texts at a width."""
    return _wide(RANK, width)


def _wide(units: int, width: float) -> int:
    return max(4, int(units * width / 4 + 0.5) * 4)


KINDS = {
    "image": _image_encoder,
    "audio": _audio_encoder,
    "video": _video_encoder,
    "series": _series_encoder,
    "text": _text_encoder,
    "tabular": _tabular_encoder,
}
