"""Temporal pooling of an image encoder over unordered video frames."""

import keras
from keras import layers, ops

from mmzoo.blocks.temporal import each_frame, strip_input
from mmzoo.encoders.light_cnn import light_cnn

POOLS = {"mean": ops.mean, "max": ops.max}


def frame_pool(
    num_frames: int, image_encoder: keras.Model, embed_dim: int, pool: str = "mean", name: str = "frame_pool"
) -> keras.Model:
    """Build a video encoder by pooling an image encoder over frames.

    Average consensus of temporal segment networks, Wang et al. 2016, section 3.1. uint8 strips of frames
    `(B, T*H, W, C)` in 0..255 to embeddings `(B, embed_dim)`. It is the baseline for motion-aware encoders.

    `blocks.temporal.stack_frames` makes strips of `(B, T, H, W, C)`. `image_encoder` takes uint8 images `(B, H, W, C)`.
    All frames share its weights, which may come from training on images only. `pool` is `mean` or `max`.

    Raises:
        ValueError: `pool` is neither `mean` nor `max`, or the front end of `image_encoder` is no `Rescaling`.
    """
    if pool not in POOLS:
        raise ValueError(f"frame_pool expects pool to be one of {', '.join(POOLS)}. Received: {pool=}")
    video = strip_input(num_frames, image_encoder)
    x = POOLS[pool](each_frame(video, num_frames, image_encoder), axis=1)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(video, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 8 color frames of 64x64 pixels."""
    return frame_pool(8, light_cnn((64, 64, 3), 64), 64)
