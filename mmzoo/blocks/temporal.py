"""Video at rank 4: strips of frames, and frames in the batch.

A strip is `(B, T*H, W, C)`; frames in the batch are `(B*T, H, W, C)`.

GPU delegates refuse tensors of rank 5, including graph inputs. They accept two forms of rank 4. The strip has the
memory layout of an array `(B, T, H, W, C)` and is cut into frames by one reshape. Frames stacked along the channels
would need one slice each and a concatenation.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops

FRONT_END = "front_end"


def stack_frames(video: np.ndarray | keras.KerasTensor) -> np.ndarray | keras.KerasTensor:
    """Stack video frames from top to bottom: `(B, T, H, W, C) -> (B, T*H, W, C)`.

    Raises:
        ValueError: `video` is not of rank 5.
    """
    if len(video.shape) != 5:
        raise ValueError(f"stack_frames expects a video (B, T, H, W, C). Received: {video.shape=}")
    _, steps, height, width, channels = video.shape
    reshape = np.reshape if isinstance(video, np.ndarray) else ops.reshape
    return reshape(video, (-1, steps * height, width, channels))


def fold_frames(strip: keras.KerasTensor, num_frames: int) -> keras.KerasTensor:
    """Fold a strip of frames into the batch: `(B, T*H, W, C) -> (B*T, H, W, C)`.

    Raises:
        ValueError: the height of the strip is not a multiple of `num_frames`.
    """
    _, height, width, channels = strip.shape
    if height % num_frames:
        raise ValueError(f"fold_frames expects a strip of num_frames frames. Received: {height=}, {num_frames=}")
    return ops.reshape(strip, (-1, height // num_frames, width, channels))


def over_time(
    x: keras.KerasTensor, num_frames: int, layer: Callable[[keras.KerasTensor], keras.KerasTensor]
) -> keras.KerasTensor:
    """Apply a layer along time at each pixel: `(B*T, H, W, C) -> (B*T', H, W, C')`.

    `layer` is a function of `(B, T, H*W, C)`; time is its first axis after the batch.
    """
    _, height, width, channels = x.shape
    x = layer(ops.reshape(x, (-1, num_frames, height * width, channels)))
    return ops.reshape(x, (-1, height, width, x.shape[-1]))


def each_frame(strip: keras.KerasTensor, num_frames: int, image_encoder: keras.Model) -> keras.KerasTensor:
    """Encode each frame of a strip with shared weights: `(B, T*H, W, C) -> (B, T, D)`.

    The layer `front_end` of `image_encoder` is applied to the whole strip. It works pointwise, so the result is the
    same, and it becomes the first layer of the video encoder.

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


def strip_input(num_frames: int, image_encoder: keras.Model) -> keras.KerasTensor:
    """Create the input `video` for strips of frames, uint8 `(B, T*H, W, C)`.

    A frame has the input shape of `image_encoder`.
    """
    _, height, width, channels = image_encoder.input.shape
    return keras.Input((num_frames * height, width, channels), dtype=image_encoder.input.dtype, name="video")
