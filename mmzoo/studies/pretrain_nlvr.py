"""Pretrain `visual_question_answering` for NLVR on synthetic scenes.

The image encoder first learns the objects of each box and their places. The sentence encoder and the reasoner then
learn whether sentences are true of scenes given as symbols, sixteen scenes a step: without images a step is cheap.
The two meet in the numbers of `mmzoo.data.sources.nlvr_synthetic.scenes.holds`.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import keras
from keras import layers, ops

from mmzoo.data.pipeline import evaluation_batches, training_batches
from mmzoo.data.sources import nlvr
from mmzoo.data.sources.nlvr_synthetic.dataset import nlvr_drawn
from mmzoo.data.sources.nlvr_synthetic.scenes import BOXES, HOLDS, PALETTE
from mmzoo.experiment import Experiment
from mmzoo.models.box_reasoning import box_encoder, reasoner, sentence_encoder
from mmzoo.recipe import Phase
from mmzoo.training.loop import fit

logger = logging.getLogger(__name__)
SHAPE = (nlvr.HEIGHT, nlvr.WIDTH, 3)


@dataclass(frozen=True)
class Settings:
    """`embed_dim` is the width of the sentence embedding; `looks` and `readings` are epochs of images and sentences."""

    embed_dim: int = 128
    looks: int = 6
    readings: int = 4
    batch_size: int = 64
    looking_rate: float = 3e-3
    reading_rate: float = 2e-3
    seed: int = 0


def pretrain(out: str | Path, settings: Settings = Settings()) -> Path:
    """Train on synthetic scenes; save encoders and reasoner to the `.keras` file `out`, and return it.

    Checkpoints are in folders next to it; an interrupted run is resumed.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    seeing, history = fit(Experiment(SEEING, settings), out.with_name(f"{out.stem}_seeing"), "objects of boxes")
    logger.info(f"boxes right: {history['val_boxes_right'][-1]:.4f}")
    reading, history = fit(Experiment(READING, settings), out.with_name(f"{out.stem}_reading"), "sentences")
    logger.info(f"validation sentences: {history['val_binary_accuracy'][-1]:.4f}")
    image, text = keras.Input(SHAPE, dtype="uint8", name="image"), reading.input["text"]
    reason = reasoner(1, (BOXES, HOLDS), settings.embed_dim)
    reason.set_weights(reading.get_layer("reasoner").get_weights())
    boxes = box_encoder(SHAPE, nlvr.COLUMNS, HOLDS)
    boxes.set_weights(seeing.get_weights())
    x = reason([boxes(image), reading.get_layer("text_encoder")(text)])
    keras.Model({"image": image, "text": text}, reading.get_layer("true")(x)).save(out)
    return out


def _pictures(split, settings, epoch=0):
    """Return batches of images `(B, 50, 200, 3)` uint8; labels are the objects by place, `(B, 7, 21, 110)`."""
    import tensorflow as tf

    data = nlvr_drawn(split, settings.seed)
    rows, places, palette = tf.constant(data.pictures), tf.constant(data.places), tf.constant(PALETTE)

    def make(index, seed):
        images = tf.gather(palette, tf.cast(tf.gather(rows, index), tf.int32))
        return images, tf.cast(tf.gather(places, index), tf.float32)

    return _batches(make, len(data.pictures), split, settings, epoch)


def _sentences(split, settings, epoch=0):
    """Return batches of `holds` `(B, 16, 3, 110)` and `text` `(B, 128)`; labels `(B, 16)`, 1 where it is true."""
    import tensorflow as tf

    data = nlvr_drawn(split, settings.seed)
    arrays = (data.holds, data.text, data.about, data.labels)
    holds, text, about, labels = (tf.constant(array) for array in arrays)

    def make(index, seed):
        scenes = tf.gather(holds, tf.gather(about, index))
        return {"holds": scenes, "text": tf.gather(text, index)}, tf.gather(labels, index)

    return _batches(make, len(data.text), split, settings, epoch)


def _batches(make, size, split, settings, epoch):
    if split == "train":
        return training_batches(make, size, settings.batch_size, settings.seed, epoch)
    return evaluation_batches(make, size, 250, settings.seed)


def _see(settings):
    return box_encoder(SHAPE, nlvr.COLUMNS, HOLDS, output="places")


def _read(settings):
    """Build the model from `{"holds", "text"}` to logits `(B, 16)`."""
    scenes = nlvr_drawn("validation", settings.seed).about.shape[1]
    holds = keras.Input((scenes, BOXES, HOLDS), name="holds")
    text = keras.Input((nlvr.LENGTH,), dtype="int32", name="text")
    question = sentence_encoder(nlvr.LENGTH, settings.embed_dim)(text)
    embedding = reasoner(scenes, (BOXES, HOLDS), settings.embed_dim)([holds, question])
    true = layers.Dense(1, name="true")(embedding)
    return keras.Model({"holds": holds, "text": text}, ops.reshape(true, (-1, scenes)))


def by_place(y_true, y_pred):
    """Return the binary cross-entropy of each place, summed over units: `(B, H, W)` of `(B, H, W, units)`."""
    losses = keras.losses.binary_crossentropy(y_true[..., None], y_pred[..., None], from_logits=True)
    return ops.sum(losses, axis=-1)


def boxes_right(y_true, y_pred):
    """Return 1 for boxes whose rounded sums are all right: `(B, 3)` of places `(B, H, 3 * W, units)`."""
    shape = (-1, y_true.shape[1], BOXES, y_true.shape[2] // BOXES, y_true.shape[3])
    held, predicted = (ops.sum(ops.reshape(x, shape), axis=(1, 3)) for x in (y_true, ops.sigmoid(y_pred)))
    return ops.cast(ops.all(ops.abs(held - predicted) < 0.5, axis=-1), "float32")


SEEING = SimpleNamespace(
    build=_see,
    dataset=_pictures,
    objective=lambda settings: {"loss": by_place, "metrics": [boxes_right]},
    plan=lambda settings: (Phase("pictures", settings.looks, settings.looking_rate),),
)
READING = SimpleNamespace(
    build=_read,
    dataset=_sentences,
    objective=lambda settings: {
        "loss": keras.losses.BinaryCrossentropy(from_logits=True),
        "metrics": [keras.metrics.BinaryAccuracy(threshold=0.0)],
    },
    plan=lambda settings: (Phase("sentences", settings.readings, settings.reading_rate, clip_norm=1.0),),
)
