"""Video at rank 4: frames stacked as a strip, `(B, T*H, W, C)`, and folded into the batch, `(B*T, H, W, C)`.

GPU delegates refuse tensors of rank 5, the input of the graph included. Of the forms of rank 4 that they take, the
strip is an array `(B, T, H, W, C)` as it lies in memory, and is cut into frames by one reshape; frames behind each
other in the channels take a slice each and a concatenation.
"""

import keras
import numpy as np
from keras import layers, ops

FRONT_END = "front_end"


def stack_frames(video):
    """Stack the frames of an array or tensor `(B, T, H, W, C)` from top to bottom: `(B, T*H, W, C)`.

    Raises:
        ValueError: `video` is not of rank 5.
    """
    if len(video.shape) != 5:
        raise ValueError(f"stack_frames expects a video (B, T, H, W, C). Received: {video.shape=}")
    _, steps, height, width, channels = video.shape
    reshape = np.reshape if isinstance(video, np.ndarray) else ops.reshape
    return reshape(video, (-1, steps * height, width, channels))


def fold_frames(strip, num_frames):
    """Cut a strip `(B, T*H, W, C)` into its `num_frames` frames, as pictures of the batch: `(B*T, H, W, C)`.

    Raises:
        ValueError: the height of the strip is not a multiple of `num_frames`.
    """
    _, height, width, channels = strip.shape
    if height % num_frames:
        raise ValueError(f"fold_frames expects a strip of num_frames frames. Received: {height=}, {num_frames=}")
    return ops.reshape(strip, (-1, height // num_frames, width, channels))


def over_time(x, num_frames, layer):
    """Apply `layer` to each point of pictures `(B*T, H, W, C)` through time: `(B*T', H, W, C')`.

    `layer` is a function of `(B, T, H*W, C)`, whose time is the first axis behind the batch.
    """
    _, height, width, channels = x.shape
    x = layer(ops.reshape(x, (-1, num_frames, height * width, channels)))
    return ops.reshape(x, (-1, height, width, x.shape[-1]))


def each_frame(strip, num_frames, image_encoder):
    """Apply a picture encoder to each frame of a strip `(B, T*H, W, C)` with the same weights: `(B, T, D)`.

    The layer `front_end` of `image_encoder` is applied to the strip, which is the same point by point, so that it
    is the first layer of the video encoder too.

    Raises:
        ValueError: the front end of `image_encoder` is no `Rescaling`.
    """
    front_end = next((layer for layer in image_encoder.layers if layer.name == FRONT_END), None)
    if not isinstance(front_end, layers.Rescaling):
        raise ValueError(f"each_frame expects an image_encoder whose front_end is a Rescaling. Received: {front_end}")
    x = layers.Rescaling(front_end.scale, front_end.offset, name=FRONT_END)(strip)
    rest = keras.Model(front_end.output, image_encoder.output, name=image_encoder.name)
    x = rest(fold_frames(x, num_frames))
    return ops.reshape(x, (-1, num_frames, x.shape[-1]))


def strip_input(num_frames, image_encoder):
    """Return the input `video` of `num_frames` pictures such as `image_encoder` takes: uint8 `(B, T*H, W, C)`."""
    _, height, width, channels = image_encoder.input.shape
    return keras.Input((num_frames * height, width, channels), dtype=image_encoder.input.dtype, name="video")
