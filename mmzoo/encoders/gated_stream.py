"""LRCN: an image encoder on video frames and a GRU over them."""

import keras
from keras import layers

from mmzoo.blocks.temporal import each_frame, strip_input
from mmzoo.encoders.light_cnn import light_cnn


def gated_stream(
    num_frames: int, image_encoder: keras.Model, embed_dim: int, units: int = 64, name: str = "gated_stream"
) -> keras.Model:
    """Build a video encoder by a GRU over frame embeddings.

    Recurrence over frames: LRCN, Donahue et al. 2015, section 3; GRU: Cho et al. 2014, section 2.3. uint8 strips of
    frames `(B, T*H, W, C)` in 0..255 to embeddings `(B, embed_dim)`.

    `blocks.temporal.stack_frames` makes strips of `(B, T, H, W, C)`. `image_encoder` takes uint8 images `(B, H, W, C)`
    and is shared by all frames. A GRU reads its embeddings from the first frame to the last. The GRU is unrolled,
    because GPU delegates refuse loops. Its last state goes through a Dense layer with ReLU.

    Raises:
        ValueError: `units` is not a multiple of 4, or the front end of `image_encoder` is no `Rescaling`.
    """
    if units % 4:
        raise ValueError(f"gated_stream expects units in multiples of 4, which GPUs split right. Received: {units=}")
    video = strip_input(num_frames, image_encoder)
    x = layers.GRU(units, unroll=True, name="stream")(each_frame(video, num_frames, image_encoder))
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(video, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 8 color frames of 64x64 pixels."""
    return gated_stream(8, light_cnn((64, 64, 3), 64), 64)
