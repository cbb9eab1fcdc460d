"""Encoders of pictures, speech and words of digits that know what was hidden: a whole modality, or parts of one.

Targets `clusters`: as in AV-HuBERT (Shi et al. 2022, section 3.2) what is predicted are numbers of clusters, and what
is hidden is a whole modality. k-means sorts the training pictures; speech tells the cluster of its picture, which it
does not see, and the picture tells what its speech, which it does not hear, would say, a distribution over the
clusters: in it is left of the picture what can be heard. No labels, but pairs of one class: that much supervision is
in the pairing.

Targets `values`: of a picture random squares are blackened and their pixels are predicted: a masked autoencoder (He et
al. 2022, section 3) whose convolutional encoder sees the black squares, too (SimMIM, Xie et al. 2022, section 3). Of
speech random spans are silenced and their log-mel energies are predicted (Audio-MAE, Huang et al. 2022, section 3), of
words the hidden bytes (BERT, Devlin et al. 2019, section 3.1). Only what was hidden counts. Nothing is paired: it is a
training for each modality in one graph.
"""

import dataclasses
import math
from dataclasses import dataclass

import keras
from keras import layers, ops

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.normalize import unit_norm
from mmzoo.data.decode.text import NUM_TOKENS
from mmzoo.data.sources.digit_facts import CARDS, RANGES, UNITS, check_options, expect, load, sizes_of
from mmzoo.data.sources.digit_words import LENGTH, typed_words
from mmzoo.data.sources.digits import CLIP, COMPONENTS, IMAGE, SAMPLE_RATE, SNR_DB
from mmzoo.losses.masked import masked_patches, masked_tokens
from mmzoo.models.digit_encoders import digit_encoders, with_map
from mmzoo.models.patch_decoder import map_decoder, patch_decoder
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase

MODALITIES = ("image", "audio", "text")
TARGETS = ("clusters", "values")
PATCHES = {"image": (4, 4), "audio": (7, 40)}  # pixels; frames of 40 mel bands
COUNT = {"image": 49, "audio": 14, "text": LENGTH}  # patches of an example, or its bytes
INPUT = {"image": (IMAGE, IMAGE, 1), "audio": (CLIP,), "text": (LENGTH,)}
SIZES = {name: math.prod(shape) for name, shape in INPUT.items()}
WIDTHS = {name: math.prod(shape) for name, shape in PATCHES.items()} | {"text": NUM_TOKENS}  # of what is told of each
SPELLINGS = 64  # of each word
PROJECTION, TEMPERATURE = 64, 0.1  # of telling clusters


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline), mnist_fsdd, or mnist_fsdd_hard (few components, noisy speech)."""
    data_dir: str = ""
    """Where archives and prepared data lie; else MMZOO_DATA_DIR, else they are downloaded."""
    modalities: tuple[str, ...] = ("image", "audio")
    """What is pretrained: image, audio, or both; of values also text (the digit's word)."""
    embed_dim: int = 64
    """Width of the embeddings."""
    targets: str = "clusters"
    """clusters (of the picture, told by speech, and what it told by the picture) or values of what was hidden."""
    clusters: int = 64
    """How many clusters of pictures there are."""
    hidden: float = 0.5
    """Share of each picture and clip that is hidden, where its values are the target."""
    components: int = COMPONENTS
    """Principal components left of a picture of mnist_fsdd_hard."""
    snr_db: float = SNR_DB
    """Signal-to-noise ratio of the speech of mnist_fsdd_hard."""
    epochs: int = 6
    """Times through the training pictures."""
    batch_size: int = 128
    """Examples in a step."""
    learning_rate: float = 2e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders we start from."""
    seed: int = 0
    """Of weights, order, augmentation, and of what is hidden."""

    def __post_init__(self):
        expect("targets", self.targets in TARGETS, f"one of {', '.join(TARGETS)}", self.targets)
        expect("clusters", self.clusters > 1, "2 or more", self.clusters)
        check_options(dataclasses.asdict(self), MODALITIES[:2] if self.targets == "clusters" else MODALITIES)


TINY = Config(epochs=2, batch_size=64, embed_dim=16, clusters=32)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `image` `(B, 28, 28, 1)` uint8, `audio` `(B, 8000)` float32, `text` `(B, 8)` int32, parts hidden.

    `y` is the cluster `(B,)` int32 of the whole picture, or all there was of each modality and what was hidden, flat.
    """
    from mmzoo.data.batches.views import hide
    from mmzoo.data.sources.digit_pairs import evaluation_pairs, training_pairs

    bank = load(config.source, split, config.data_dir, config.seed, config.components, config.snr_db)
    clusters = config.targets == "clusters"
    # who hears alone tells the cluster of a picture, too
    seen = MODALITIES[:2] if clusters else tuple(name for name in config.modalities if name != "text")
    shares = dict.fromkeys(MODALITIES, 0.0 if clusters else config.hidden)
    words = typed_words(SPELLINGS, [config.seed, len(split)]) if "text" in config.modalities else None
    if split != "train":
        return _aim(hide(evaluation_pairs(bank, seen, config.seed), shares, config.seed, words=words), config)
    epochs = range(first_epoch, config.epochs)
    batches = training_pairs(bank, seen, config.batch_size, config.seed, epochs, dropout=0.0)
    first_step = len(batches) // max(1, len(epochs)) * first_epoch
    return _aim(hide(batches, shares, config.seed, first_step, words), config)


def _aim(batches, config):
    """Put the cluster of the picture, where that is the target, in place of all there was."""
    from mmzoo.data.sources.digit_clusters import nearest, picture_clusters

    if config.targets == "values":
        return batches
    bank = (config.source, config.data_dir, config.seed, config.components, config.snr_db)
    centers = picture_clusters(*bank, config.clusters)

    def change(inputs, there):
        return {name: inputs[name] for name in config.modalities}, nearest(there[:, : SIZES["image"]], centers)

    return batches.map(change, num_parallel_calls=2, deterministic=True).prefetch(2)


def build(config=Config()):
    """`{"image", ...}`, parts hidden, to logits of clusters `(B, M, clusters)` or patches of all, flat."""
    inputs, outputs = {}, []
    for name, encoder in digit_encoders(sizes_of(config.modalities), config.embed_dim).items():
        inputs[name] = keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=name)
        outputs.append((_tell_cluster if config.targets == "clusters" else _fill_in)(inputs[name], encoder, config))
    joined = ops.concatenate(outputs, axis=1) if len(outputs) > 1 else outputs[0]
    model = keras.Model(inputs, joined, name="masked_pretraining")
    if config.init_from:
        load_encoders(model, config.init_from, [f"{name}_encoder" for name in MODALITIES])
    return model


def _tell_cluster(x, encoder, config):
    """Cosines of a projection with a vector of each cluster, by a temperature: HuBERT, Hsu et al. 2021, section II-B.

    The projector is thrown away: without it, the embedding itself leans on what is told of the training examples.
    """
    embedding = layers.Identity(name=f"{x.name}_embedding")(encoder(x))
    projected = layers.Dense(2 * PROJECTION, activation="relu", name=f"{x.name}_projection_hidden")(embedding)
    projected = unit_norm(layers.Dense(PROJECTION, name=f"{x.name}_projection")(projected))
    codes = {"use_bias": False, "kernel_constraint": "unit_norm", "name": f"{x.name}_cluster"}
    cosines = layers.Dense(config.clusters, **codes)(projected)
    return layers.Reshape((1, config.clusters))(cosines / TEMPERATURE)


def _fill_in(x, encoder, config):
    if x.name == "text":
        embedding = layers.Identity(name="text_embedding")(encoder(x))
        return layers.Flatten(name="text_flat")(patch_decoder(embedding, LENGTH, NUM_TOKENS, name="text_decoder"))
    seen = with_map(encoder)(x)
    embedding = layers.Identity(name=f"{x.name}_embedding")(seen["embedding"])
    made = map_decoder(embedding, seen["map"], COUNT[x.name], WIDTHS[x.name], name=f"{x.name}_decoder")
    return layers.Flatten(name=f"{x.name}_flat")(made)


def objective(config=Config()):
    """The cross-entropy of the clusters, or the mean squared error of what was hidden, summed over the modalities.

    Beside it how often each modality tells the cluster, or its error.
    """
    if config.targets == "clusters":
        return {"loss": tell_clusters, "metrics": [_right(name, config.modalities) for name in config.modalities]}
    errors = [_error(name, config.modalities) for name in config.modalities]

    def loss(y_true, y_pred):
        return sum(error(y_true, y_pred) for error in errors)

    return {"loss": loss, "metrics": errors}


def tell_clusters(y_true, y_pred):
    """Cross-entropy `(B,)` of clusters `(B,)` with the last modality's of the logits `(B, M, K)`; the first tells it.

    Where there are two, the first modality is to tell what the last says, whose distribution is held for given.
    """
    y_pred = ops.cast(y_pred, "float32")
    told = ops.reshape(ops.cast(y_true, "int32"), (-1,))
    loss = keras.losses.sparse_categorical_crossentropy(told, y_pred[:, -1], from_logits=True)
    if y_pred.shape[1] > 1:
        said = ops.stop_gradient(ops.softmax(y_pred[:, -1]))
        loss = loss + keras.losses.categorical_crossentropy(said, y_pred[:, 0], from_logits=True)
    return loss


def _right(name, modalities):
    """Return the function of `y_true`, `y_pred` to whether `(B,)` a modality tells the cluster: `image_accuracy`."""

    def accuracy(y_true, y_pred):
        told = ops.argmax(y_pred[:, modalities.index(name)], axis=-1)
        return ops.cast(ops.equal(told, ops.reshape(ops.cast(y_true, told.dtype), (-1,))), "float32")

    accuracy.__name__ = f"{name}_accuracy"
    return accuracy


def _error(name, modalities):
    """Return the function of flat `y_true`, `y_pred` to the error `(B,)` of a modality, called `image_error` or so.

    Of text it is the cross-entropy of the hidden bytes.
    """
    before, size, count, width = modalities[: modalities.index(name)], SIZES[name], COUNT[name], WIDTHS[name]
    start, first = sum(SIZES[m] + COUNT[m] for m in before), sum(COUNT[m] * WIDTHS[m] for m in before)
    if name == "text":
        inner = masked_tokens
    else:
        inner = masked_patches(PATCHES[name], normalize=False, target=_log_mel() if name == "audio" else None)

    def error(y_true, y_pred):
        there = ops.reshape(y_true[:, start : start + size], (-1, *INPUT[name]))
        mask = y_true[:, start + size : start + size + count]
        guess = ops.reshape(y_pred[:, first : first + count * width], (-1, count, width))
        return inner(there, ops.concatenate([guess, mask[..., None]], axis=-1))

    error.__name__ = f"{name}_error"
    return error


def _log_mel():
    front_end = LogMel(SAMPLE_RATE, SAMPLE_RATE // 40, SAMPLE_RATE // 100, PATCHES["audio"][1])
    front_end.build((None, CLIP))
    return lambda waveforms: front_end(waveforms) * 0.25 + 2.0  # about -1.5 to 2


def plan(config=Config()):
    """One phase."""
    return (Phase("fill_in", config.epochs, config.learning_rate),)


def export(config=Config()):
    """The embedding of each modality, as float32 and dynamic int8."""
    units = UNITS | {"text": f"{UNITS['text']}; {NUM_TOKENS - 1} for a hidden byte"}
    ranges = RANGES | {"text": (0, NUM_TOKENS - 1)}
    return Export(
        task="pretraining",
        labels=(),
        outputs={f"{name}_embedding": f"{name}_embedding" for name in config.modalities},
        units={name: units[name] for name in config.modalities},
        data=CARDS[config.source],
        ranges={name: ranges[name] for name in config.modalities},
        precisions=("float32", "dynamic"),
    )
