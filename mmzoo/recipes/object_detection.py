"""Anchor-free object detection (CenterNet): boxes, classes and scores.

A small convolutional network predicts for each cell of 8x8 pixels whether the center of an object of each class lies in
it, and the box of that object (Zhou et al. 2019, section 4; sides as in FCOS, Tian et al. 2019, section 3.1). The host
picks the peaks of the maps with `mmzoo.device.detections`.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from mmzoo.data.batches.detection import Scenes
from mmzoo.data.sources import bccd, coco256, scattered_shapes
from mmzoo.errors import expect
from mmzoo.heads.detector import detector
from mmzoo.models.center_targets import center_giou, center_loss
from mmzoo.models.feature_pyramid import feature_pyramid
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export, Phase

MODALITIES = ("image",)
SOURCES = {"sample": scattered_shapes, "bccd": bccd, "coco256": coco256}
STRIDE = 8  # pixels of a cell


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    source: str = "sample"
    """Data source: sample (embedded, offline), bccd (blood cells) or coco256 (persons, bicycles, cars; 256 photos)."""
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: image."""
    embed_dim: int = 64
    """Channels of the feature map and of the head, a multiple of 4."""
    batch_size: int = 16
    learning_rate: float = 4e-3
    join_validation: bool = False
    """Train on the validation images too; their scores are then no estimate."""
    passes: int = 1
    """Passes over the training images per epoch."""

    def __post_init__(self):
        super().__post_init__()
        expect("embed_dim", self.embed_dim % 4 == 0, "a multiple of 4", self.embed_dim)


TINY = Config(epochs=2, embed_dim=16)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `image` `(B, H, W, 3)` uint8; objects `(B, K, 5)`.

    An object is left, top, right, bottom in pixels, and its class, -1 for none.
    """
    from mmzoo.data.batches.detection import evaluation_scenes, join, training_scenes

    data = _load(split, config)
    if split != "train":
        return evaluation_scenes(data, config.seed)
    if config.join_validation:
        data = join(data, _load("validation", config))
    return training_scenes(data, config.batch_size, config.seed, epoch, config.passes)


def _load(split: str, config: Config) -> Scenes:
    if config.source == "sample":
        return scattered_shapes.sample(split, config.seed)
    return getattr(SOURCES[config.source], config.source)(split, config.data_dir)


def build(config: Config = Config()) -> keras.Model:
    """Return the model to heatmaps and boxes, `(B, H / 8, W / 8, N + 4)`."""
    source = SOURCES[config.source]
    encoder = feature_pyramid((*source.IMAGE, 3), config.embed_dim)
    image = keras.Input(encoder.input.shape[1:], dtype="uint8", name="image")
    maps = detector(encoder(image), len(source.CLASSES), STRIDE, config.embed_dim)
    joined = layers.Concatenate(name="maps")([maps["heatmap"], maps["boxes"]])
    model = keras.Model({"image": image}, joined, name="object_detection")
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return focal loss of centers plus box losses; IoU at the centers."""
    source = SOURCES[config.source]
    shape = (source.IMAGE, STRIDE, len(source.CLASSES))
    return {"loss": center_loss(*shape), "metrics": [center_giou(*shape)]}


def plan(config: Config = Config()) -> tuple[Phase, ...]:
    """Return one phase of all weights."""
    return (Phase("train", config.epochs, config.learning_rate, clip_norm=10.0),)


def export(config: Config = Config()) -> Export:
    """Export the heat of each class and the box in pixels, of every cell."""
    return Export(
        task="detection",
        labels=SOURCES[config.source].CLASSES,
        outputs={"heatmap": "heatmap", "boxes": "boxes"},
        units={"image": "RGB, 0 to 255"},
        data=SOURCES[config.source].CARD,
        ranges={"image": (0, 255)},
    )
