"""Audio-visual speech recognizer: characters from a waveform and lip video, with its loss and accuracy."""

from collections.abc import Callable

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.presence import replace_absent, split_present
from mmzoo.blocks.temporal import each_frame, strip_input
from mmzoo.heads.ctc import ctc
from mmzoo.losses.ctc import ctc as ctc_loss

NUM_MELS = 40


def speech_recognizer(encoders: dict[str, keras.Model], characters: int, blocks: int, dropout: float) -> keras.Model:
    """Return a `keras.Model` of audio and video to log-probabilities `(B, S, 1 + characters)`, blank first.

    Encoders yield `(B, S, 1, D)`. Their features are added step by step, a missing modality is replaced by a learned
    vector, and `blocks` residual blocks convolve over time. Inputs are `{modality: ..., "present": (B, 2)}`, without
    `present` for one modality.
    """
    inputs = {name: keras.Input(e.input.shape[1:], dtype=e.input.dtype, name=name) for name, e in encoders.items()}
    frames = {name: encoder(inputs[name]) for name, encoder in encoders.items()}
    if len(frames) > 1:
        inputs["present"] = keras.Input((len(frames),), name="present")
        there = split_present(inputs["present"], frames)
        frames = {name: replace_absent(x, there[name], name) for name, x in frames.items()}
        x = layers.Add(name="joint")([*frames.values()])
    else:
        (x,) = frames.values()
    steps, _, units = x.shape[1:]
    x = context_encoder(x.shape[1:], blocks)(x)
    x = layers.Dropout(dropout, name="dropout")(layers.Reshape((steps, units), name="in_time")(x))
    return keras.Model(inputs, ctc(x, characters), name="audio_visual_speech")


def audio_encoder(samples: int, sample_rate: int, steps: int, embed_dim: int) -> keras.Model:
    """Return a `keras.Model` of waveforms `(B, samples)` to `(B, steps, 1, embed_dim)`, one step for two frames.

    Log-mel frames are 25 ms every 10 ms.
    """
    audio = keras.Input((samples,), name="audio")
    x = LogMel(sample_rate, sample_rate // 40, sample_rate // 100, NUM_MELS, name="front_end")(audio)
    x = layers.Reshape((x.shape[1], 1, NUM_MELS), name="time_by_mel")(x)
    x = layers.BatchNormalization(momentum=0.9, name="mel_norm")(x)
    x = conv_norm(x, embed_dim, (5, 1), name="stage0")
    x = conv_norm(x, embed_dim, (5, 1), (2, 1), name="stage1")
    missing = steps - x.shape[1]  # the last frame of a log-mel ends where the sound does
    x = layers.ZeroPadding2D(((0, missing), (0, 0)), name="to_the_end")(x)
    return keras.Model(audio, conv_norm(x, embed_dim, (3, 1), activation=None, name="embedding"), name="audio_encoder")


def video_encoder(shape: tuple[int, int, int], steps: int, embed_dim: int) -> keras.Model:
    """Return a `keras.Model` of uint8 strips of lips `(B, T*H, W, 1)` to `(B, steps * T, 1, embed_dim)`.

    `shape` is `(T, H, W)`. Each frame is encoded by itself, then convolved with two neighbors on either side into
    `steps` steps. The scale of the last norm starts small (Goyal et al. 2017, section 5.1), so that a model that starts
    from a trained audio encoder keeps its accuracy; a zero scale would have no gradient behind a ReLU.
    """
    frames, height, width = shape
    lips = _lips_encoder((height, width, 1), embed_dim)
    video = strip_input(frames, lips)
    x = each_frame(video, frames, lips)
    x = ops.reshape(x, (-1, frames, 1, embed_dim))
    x = conv_norm(x, steps * embed_dim, (5, 1), name="steps")
    x = ops.reshape(x, (-1, steps * frames, 1, embed_dim))
    x = layers.Conv2D(embed_dim, (5, 1), padding="same", use_bias=False, name="embedding")(x)
    little = keras.initializers.Constant(0.1)
    x = layers.BatchNormalization(momentum=0.9, gamma_initializer=little, name="embedding_norm")(x)
    return keras.Model(video, x, name="video_encoder")


def _lips_encoder(shape, embed_dim):
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, -1.0, name="front_end")(image)
    x = conv_norm(x, max(4, embed_dim // 4), 5, 4, name="patches")
    x = conv_norm(x, max(4, embed_dim // 2), strides=2, name="parts")
    x = layers.Dense(embed_dim, name="places")(layers.Flatten(name="flat")(x))
    return keras.Model(image, x, name="lips_encoder")


def context_encoder(shape: tuple[int, ...], blocks: int) -> keras.Model:
    """Return a `keras.Model` of steps `(B, S, 1, D)` to the same shape, by `blocks` residual blocks over time."""
    steps = keras.Input(shape, name="steps")
    x = layers.ReLU(name="told")(steps)
    for i in range(blocks):
        y = conv_norm(x, shape[-1], (5, 1), name=f"time{i}")
        y = conv_norm(y, shape[-1], (5, 1), activation=None, name=f"time{i}_more")
        x = layers.ReLU(name=f"time{i}_out")(layers.Add(name=f"time{i}_add")([x, y]))
    return keras.Model(steps, x, name="context_encoder")


def guided_ctc(places: int) -> Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]:
    """Return the loss `(B,)` of labels `(B, places + T)` and log-probabilities `(B, T, N)`.

    Labels are `places` characters, then a frame-level target of each of the T steps, 0 where it is unknown. The loss is
    CTC (Graves et al. 2006) plus the cross-entropy of the known targets. Without targets a video-only model
    predicts only blanks.
    """

    def loss(y_true, y_pred):
        labels, guide = y_true[:, :places], y_true[:, places:]
        value = ctc_loss(labels, y_pred)
        if guide.shape[1]:
            value -= ops.sum(ops.one_hot(guide, 1 + y_pred.shape[2])[..., 1:] * y_pred, axis=(1, 2))
        return value

    return loss


def sentence_accuracy(places: int) -> Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]:
    """Return the metric `sentence_accuracy`, 1 where the best path spells the label: `(B,)`; labels as `guided_ctc`."""

    def sentence_accuracy(y_true, y_pred):
        y_true = y_true[:, :places]
        steps, length = y_pred.shape[1], y_true.shape[1]
        path = ops.argmax(y_pred, axis=-1)
        before = ops.pad(path[:, :-1], ((0, 0), (1, 0)))
        first = ops.cast(ops.logical_and(path > 0, ops.not_equal(path, before)), "int32")
        place = ops.where(first > 0, ops.cumsum(first, axis=1) - 1, steps)
        # one-hot rows put each letter in its place; those behind the last place of a label count as too many
        spelled = ops.einsum("btl,bt->bl", ops.one_hot(place, steps), ops.cast(path, "float32"))
        wanted = ops.pad(ops.cast(y_true, "float32"), ((0, 0), (0, steps - length)))
        return ops.cast(ops.all(ops.equal(spelled, wanted), axis=1), "float32")

    return sentence_accuracy
