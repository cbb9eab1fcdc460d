"""Image-text retrieval in one embedding space: images by text, text by images, images by images.

Two encoders, each with a linear projection, are trained by InfoNCE (CLIP, Radford et al. 2021, section 2.3) or SigLIP
(Zhai et al. 2023, section 3.2). The host searches with `mmzoo.device.index`. The embedding of a missing modality is
zeros.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from mmzoo.data.batches.image_text import Described
from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.sources import captioned_shapes, icons
from mmzoo.encoders.text_conv import text_conv
from mmzoo.errors import expect
from mmzoo.losses.contrastive import info_nce, siglip
from mmzoo.metrics.batch_retrieval import found
from mmzoo.metrics.retrieval import tfidf_similarity
from mmzoo.models.image_text import image_encoder, image_text
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export

MODALITIES = ("image", "text")
CARDS = {"sample": captioned_shapes.CARD, **icons.CARDS}
OBJECTIVES = {"infonce": info_nce, "siglip": siglip}


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=CARDS, modalities=MODALITIES, fewest=2):
    source: str = "sample"
    """Data source: sample (embedded, offline), lucide (line icons) or fxemoji (color pictograms)."""
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: image and text."""
    embed_dim: int = 64
    """Width of the embeddings, a multiple of 4."""
    batch_size: int = 128
    width: int = 16
    """Channels of the first layers of the image encoder, a multiple of 4."""
    units: int = 32
    """Filters of each window width of the text encoder."""
    objective: str = "infonce"
    """Contrastive loss: infonce or siglip."""
    temperature: float = 0.1
    """Softmax temperature; lower values weigh the most similar negatives more."""
    dropout: float = 0.0
    """Dropout rate of the embeddings, in [0, 1)."""
    passes: int = 2
    """Passes over the training images per epoch."""

    def __post_init__(self):
        super().__post_init__()
        expect("objective", self.objective in OBJECTIVES, f"one of {', '.join(OBJECTIVES)}", self.objective)
        for name, value in (("embed_dim", self.embed_dim), ("width", self.width)):
            expect(name, value > 0 and value % 4 == 0, "a multiple of 4", value)
        expect("batch_size", self.batch_size > 1, "2 or more, to compare", self.batch_size)


TINY = Config(epochs=2, passes=1, batch_size=64, embed_dim=16, width=8, units=16)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `image`, `text`, `present`; ids of the images.

    Shapes are `(B, H, W, 3)` uint8, `(B, 64)` int32 and `(B, 2)`.
    """
    from mmzoo.data.batches.image_text import evaluation_pictures, training_pictures

    data = _load(split, config)
    if split != "train":
        return evaluation_pictures(data, config.seed)
    return training_pictures(data, config.batch_size, config.seed, epoch, config.passes)


def _load(split: str, config: Config) -> Described:
    if config.source == "sample":
        return captioned_shapes.sample(split, config.seed)
    return getattr(icons, config.source)(split, config.data_dir)


def build(config: Config = Config()) -> keras.Model:
    """Return the model to embeddings `(B, 2, embed_dim)`, of length 1 or 0."""
    source = captioned_shapes if config.source == "sample" else icons
    encoders = {
        "image": image_encoder(source.IMAGE, config.width, 2 * config.embed_dim),
        "text": text_conv(source.LENGTH, 2 * config.embed_dim, units=config.units, name="text_encoder"),
    }
    model = image_text(encoders, config.embed_dim, config.dropout)
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return the contrastive loss, and the recall at 1 in the batch."""
    return {"loss": OBJECTIVES[config.objective](config.temperature), "metrics": [found]}


def export(config: Config = Config()) -> Export:
    """Export the embedding of each modality, zeros where it is missing."""
    present = "1 there, 0 missing; order image, text"
    return Export(
        task="retrieval",
        labels=(),
        outputs={f"{name}_embedding": f"{name}_embedding" for name in MODALITIES},
        units={"image": "RGB, 0 to 255", "text": "UTF-8 bytes + 3, then zeros", "present": present},
        data=CARDS[config.source],
        ranges={"image": (0, 255), "text": (0, 258), "present": (0.0, 1.0)},
        precisions=("float32", "dynamic"),
    )


def references(config: Config = Config()) -> dict[str, np.ndarray]:
    """Return similarities `(N, N)` of test texts and images by TF-IDF on tags.

    Tags are colors (sample), tags of an icon (lucide), or name and category of a pictogram (fxemoji).
    """
    data, known = _load("test", config), _load("train", config)
    queries, seen = ([decode_bytes(ids) for ids in part.text[:, 0]] for part in (data, known))
    return {"TF-IDF on tags": tfidf_similarity(queries, data.tags, [*known.tags, *seen])}
