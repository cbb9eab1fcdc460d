"""Where things are in a picture, and which: a box, a class and a score for each.

A small convolutional network tells for each cell of 8x8 pixels how surely the center of a thing of each class lies in
it, and the box of that thing (CenterNet, Zhou et al. 2019, section 4; sides as in FCOS, Tian et al. 2019, section
3.1). The maps are the graph's outputs; peaks are picked on the host, by `mmzoo.device.detections`.
"""

import dataclasses
from dataclasses import dataclass

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.data.sources import bccd, coco256, scattered_shapes
from mmzoo.errors import expect
from mmzoo.heads.detector import detector
from mmzoo.losses.detection import detection, giou
from mmzoo.models.center_targets import center_targets
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase, check_shared

MODALITIES = ("image",)
SOURCES = {"sample": scattered_shapes, "bccd": bccd, "coco256": coco256}
STRIDE = 8  # pixels of a cell


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline), bccd (blood cells) or coco256 (persons, bicycles and cars in 256 photographs)."""
    data_dir: str = ""
    """Where archives and prepared data lie; else MMZOO_DATA_DIR, else they are downloaded."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: image."""
    embed_dim: int = 64
    """Channels of what is known of a cell, and of the head; a multiple of 4."""
    join_validation: bool = False
    """Train on the validation pictures too, once all is chosen: the scores on them say nothing any more."""
    passes: int = 1
    """Times through the training pictures in an epoch."""
    epochs: int = 12
    """Epochs of training."""
    batch_size: int = 16
    """Pictures in a step."""
    learning_rate: float = 4e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoder we start from."""
    seed: int = 0
    """Of weights, order, augmentation; of the sample also the pictures."""

    def __post_init__(self):
        check_shared(dataclasses.asdict(self), SOURCES, MODALITIES)
        expect("embed_dim", self.embed_dim % 4 == 0, "a multiple of 4", self.embed_dim)
        expect("passes", self.passes >= 1, "1 or more", self.passes)


TINY = Config(epochs=2, embed_dim=16)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `image` `(B, H, W, 3)` uint8; objects `(B, K, 5)`: left, top, right, bottom, class or -1 for none."""
    from mmzoo.data.batches.detection import evaluation_scenes, join, training_scenes

    data = _load(split, config)
    if split == "train" and config.join_validation:
        data = join(data, _load("validation", config))
    if split != "train":
        return evaluation_scenes(data, config.seed)
    epochs = range(first_epoch, config.epochs)
    return training_scenes(data, config.batch_size, config.seed, epochs, config.passes)


def _load(split, config):
    if config.source == "sample":
        return scattered_shapes.sample(split, config.seed)
    return getattr(SOURCES[config.source], config.source)(split, config.data_dir)


def build(config=Config()):
    """`{"image": (B, H, W, 3)}` to `(B, H / 8, W / 8, N + 4)`: of each cell the heat of N classes, and a box."""
    source = SOURCES[config.source]
    encoder = _image_encoder((*source.IMAGE, 3), config.embed_dim)
    image = keras.Input(encoder.input.shape[1:], dtype="uint8", name="image")
    maps = detector(encoder(image), len(source.CLASSES), STRIDE, config.embed_dim)
    told = layers.Concatenate(name="maps")([maps["heatmap"], maps["boxes"]])
    model = keras.Model({"image": image}, told, name="object_detection")
    if config.init_from:
        load_encoders(model, config.init_from, ["image_encoder"])
    return model


def _image_encoder(shape, units):
    """Return a `keras.Model`: uint8 pictures `(B, H, W, 3)` to what is at each place, `(B, H / 8, W / 8, units)`.

    What is seen around, in cells of twice the size, is added to what is seen in a cell (FPN, Lin et al. 2017, section
    3). The first layers are thin: there are most pixels.
    """
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="front_end")(image)
    x = conv_norm(x, max(4, units // 4), strides=2, name="stem")
    x = conv_norm(x, max(4, units // 2), strides=2, name="stage1")
    x = conv_norm(x, max(4, units // 2), name="stage2")
    x = conv_norm(x, units, strides=2, name="stage3")
    fine = conv_norm(x, units, name="stage4")
    x = conv_norm(fine, 2 * units, strides=2, name="stage5")
    x = conv_norm(x, 2 * units, name="stage6")
    x = conv_norm(x, 2 * units, name="stage7")
    x = conv_norm(x, units, 1, activation=None, name="coarse")
    x = layers.UpSampling2D(2, interpolation="bilinear", name="enlarge")(x)
    x = layers.Add(name="both")([fine, x])
    x = conv_norm(x, units, name="embedding")
    return keras.Model(image, x, name="image_encoder")


def objective(config=Config()):
    """Focal loss of centers with the generalized IoU and L1 of boxes; the mean IoU of boxes where a center is."""
    source = SOURCES[config.source]
    cells = tuple(side // STRIDE for side in source.IMAGE)
    cost = detection(max(source.IMAGE))

    def targets(y_true):
        return center_targets(y_true, cells, STRIDE, len(source.CLASSES))

    def loss(y_true, y_pred):
        return cost(targets(y_true), y_pred)

    def center_giou(y_true, y_pred):
        true = targets(y_true)
        center = ops.cast(ops.equal(ops.max(true[..., :-4], axis=-1), 1.0), "float32")
        found = giou(true[..., -4:], ops.cast(y_pred, "float32")[..., -4:])
        return ops.sum(center * found, axis=(1, 2)) / ops.maximum(ops.sum(center, axis=(1, 2)), 1.0)

    return {"loss": loss, "metrics": [center_giou]}


def plan(config=Config()):
    """One phase: everything is trained together."""
    return (Phase("train", config.epochs, config.learning_rate, clip_norm=10.0),)


CARDS = {
    "sample": {
        "name": "scattered shapes, drawn",
        "version": "1",
        "license": "Apache-2.0",
        "weights_license": "Apache-2.0",
    },
    "bccd": {
        "name": "BCCD, official split, two boxes of no area left out",
        "version": "d272fb1",
        "license": "MIT",
        "weights_license": "MIT",
    },
    "coco256": {
        "name": "persons, bicycles and cars in the first 128 pictures each of COCO's train2017 and val2017",
        "version": "6d6f7a0 of lightly-ai/coco128_yolo",
        "license": "annotations CC BY 4.0, pictures under Flickr's terms",
        "weights_license": "use only",
    },
}


def export(config=Config()):
    """The heat of each class and the box in pixels, of every cell, as float32, dynamic int8 and full int8."""
    return Export(
        task="detection",
        labels=SOURCES[config.source].CLASSES,
        outputs={"heatmap": "heatmap", "boxes": "boxes"},
        units={"image": "RGB, 0 to 255"},
        data=CARDS[config.source],
        ranges={"image": (0, 255)},
    )
