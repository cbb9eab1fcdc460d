"""The encoders of a table's modalities, each the small one of its kind that does well without tuning."""

import math
from functools import partial

import keras
from keras import layers

from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.log_mel_cnn import log_mel_cnn
from mmzoo.encoders.pretrained import pretrained
from mmzoo.encoders.tabular_mlp import tabular_mlp
from mmzoo.encoders.temporal_conv import temporal_conv
from mmzoo.encoders.text_conv import text_conv

CELLS = 6  # a side, of what the last stage sees of a picture, at most
MOST_CHANNELS = 96
TEXT_DROPOUT = 0.4  # of what convolutions find in a text: a table has few of them, as a rule


def table_encoders(shapes, sample_rate, embed_dim, width=1.0, figures=None, dropout=0.2, published=None):
    """Return `{modality: keras.Model}`, each to embeddings `(B, embed_dim)`.

    Args:
        shapes: `{modality: shape}` of one example: of `image` and `image_front` `(H, W, 3)`, of `audio` `(T,)`, of
            `video` `(T*H, H, 3)`, T square frames from top to bottom, of `text` `(L,)`, of `tabular` `(F,)`. A
            modality's kind is its name up to the first `_`.
        sample_rate: of sounds, in Hz.
        embed_dim: width of the embeddings.
        width: factor of the channels inside encoders of pictures, videos, sounds and texts.
        figures: mean and variance `(F,)` of the rows of `tabular`; without them they are not scaled.
        dropout: share of each embedding, and of what is inside the encoder of `tabular`, that training leaves out.
        published: `{modality: arguments}` of pictures and videos whose encoder is one of `encoders.pretrained`.

    Raises:
        ValueError: a modality is of another kind.
    """
    made, (mean, variance) = {}, figures or (None, None)
    tabular = partial(tabular_mlp, mean=mean, variance=variance, dropout=dropout)
    for name, shape in shapes.items():
        picture = partial(_picture_encoder, (published or {}).get(name))
        plain = _encoder(name, shape, sample_rate, embed_dim, width, picture, tabular)
        x = layers.Dropout(dropout, name="embedding_dropout")(plain.output)
        made[name] = keras.Model(plain.input, x, name=plain.name)
    return made


def _encoder(modality, shape, sample_rate, embed_dim, width, picture, tabular) -> keras.Model:
    """Return the encoder of a modality, those of pictures and rows as the functions `picture` and `tabular` make it."""
    name, kind = f"{modality}_encoder", modality.split("_")[0]
    if kind == "image":
        return picture(shape, embed_dim, width, name)
    if kind == "video":
        frame = picture((shape[1], *shape[1:]), embed_dim, width, f"{modality}_frame_encoder")
        return temporal_conv(shape[0] // shape[1], frame, embed_dim, [_wide(64, width)] * 2, name=name)
    if kind == "audio":
        return log_mel_cnn(shape[0], sample_rate, embed_dim, [_wide(64, width)] * 5, name=name)
    if kind == "text":
        return text_conv(shape[0], embed_dim, units=_wide(128, width), dropout=TEXT_DROPOUT, name=name)
    if kind == "tabular":
        return tabular(shape[0], embed_dim, name=name)
    raise ValueError(f"table_encoders expects image, audio, video, text and tabular. Received: {modality=}")


def _picture_encoder(published, shape, embed_dim, width, name) -> keras.Model:
    """Return an encoder of pictures: one that is `published`, or one that halves them until 3 to 6 cells are left."""
    if published:
        return pretrained(shape=shape, embed_dim=embed_dim, name=name, **published)
    halvings = max(2, math.ceil(math.log2(min(shape[:2]) / CELLS)))
    widths = [min(MOST_CHANNELS, 16 + 16 * ((i + 1) // 2)) for i in range(2 * halvings)]
    return light_cnn(shape, embed_dim, widths, name=name, width=width)


def _wide(units, width):
    return max(4, int(units * width / 4 + 0.5) * 4)
