"""Anomaly score of an image and its sound, from a logit of each synthetic anomaly."""

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.presence import split_present

NUM_MELS = 40


def scene_anomaly(encoders: dict[str, keras.Model], embed_dim: int) -> keras.Model:
    """Return a `keras.Model` of image and audio to logits and score, `(B, 4)`; of one modality `(B, 2)`.

    The score is minus the log-probability that no anomaly is present: the sum of the layer `parts`. A missing modality
    adds nothing to it. Inputs are `{modality: ..., "present": (B, 2)}`, without `present` for one modality.
    """
    inputs, embeddings = {}, {}
    for name, encoder in encoders.items():
        inputs[name] = keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=name)
        embeddings[name] = encoder(inputs[name])
    logits = [layers.Dense(1, name=f"{name}_logit")(x) for name, x in embeddings.items()]
    if len(logits) == 1:
        (logit,) = logits
        score = parts = layers.Identity(name="parts")(_minus_log_normal(logit))
    else:
        present = inputs["present"] = keras.Input((len(logits),), name="present")
        there = split_present(present, embeddings)
        there = ops.concatenate([present, there["image"] * there["audio"]], axis=-1)
        logit = ops.concatenate([*logits, _mismatch(embeddings, embed_dim)], axis=-1) * there
        parts = layers.Multiply(name="parts")([_minus_log_normal(logit), there])
        score = ops.sum(parts, axis=-1, keepdims=True)
    score = layers.Identity(name="anomaly_score")(score)
    return keras.Model(inputs, ops.concatenate([logit, score], axis=-1), name="anomaly_detection")


def _minus_log_normal(logit):
    """Return `-log(1 - sigmoid(logit))` in a form that is finite in float16."""
    return ops.relu(logit) + ops.log(1.0 + ops.exp(-ops.abs(logit)))


def _mismatch(embeddings, embed_dim):
    """Return the logit `(B, 1)` of image and sound from different scenes."""
    x, y = (layers.Dense(embed_dim, name=f"{name}_state")(e) for name, e in embeddings.items())
    joint = layers.Concatenate(name="compared")([x * y, layers.ReLU(name="either")(x + y)])
    joint = layers.Dense(embed_dim, activation="relu", name="mismatch_hidden")(joint)
    return layers.Dense(1, name="mismatch_logit")(joint)


def image_encoder(side: int, width: int, embed_dim: int) -> keras.Model:
    """Return a `keras.Model` of uint8 images `(B, side, side, 3)` to embeddings `(B, embed_dim)`."""
    image = keras.Input((side, side, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="front_end")(image)
    x = conv_norm(x, 2 * width, 5, strides=2, name="stem")
    x = conv_norm(x, 2 * width, strides=2, name="stage1")
    x = conv_norm(x, 2 * width, name="stage2")
    return keras.Model(image, _pooled(x, embed_dim), name="image_encoder")


def audio_encoder(samples: int, sample_rate: int, width: int, embed_dim: int) -> keras.Model:
    """Return a `keras.Model` of float32 waveforms `(B, samples)` in [-1, 1] to embeddings `(B, embed_dim)`.

    Log-mel frames of 40 ms every 20 ms are one image of time and frequency.
    """
    waveform = keras.Input((samples,), name="audio")
    x = LogMel(sample_rate, sample_rate // 25, sample_rate // 50, NUM_MELS, name="front_end")(waveform)
    x = layers.BatchNormalization(momentum=0.9, center=False, scale=False, name="mel_norm")(x)
    x = layers.Reshape((*x.shape[1:], 1), name="time_by_mel")(x)
    x = conv_norm(x, width, 5, strides=2, name="stem")
    x = conv_norm(x, 2 * width, strides=2, name="stage1")
    x = conv_norm(x, 2 * width, name="stage2")
    x = layers.AveragePooling2D(2, name="coarse")(x)
    return keras.Model(waveform, _pooled(x, embed_dim), name="audio_encoder")


def _pooled(x, embed_dim):
    """Return the embedding of a map `(B, H, W, C)`, from all its places and the maximum of each channel."""
    places, most = layers.Flatten(name="places")(x), layers.GlobalMaxPooling2D(name="most")(x)
    x = layers.Concatenate(name="pool")([places, most])
    return layers.Dense(embed_dim, activation="relu", name="embedding")(x)
