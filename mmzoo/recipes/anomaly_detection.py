"""Audio-visual anomaly detection, learned from normal scenes only.

Training makes synthetic anomalies of normal scenes: a patch pasted into the image (CutPaste, Li et al. 2021, section 2)
or into the sound, or the sound of another scene (Arandjelovic and Zisserman 2017, section 2). Each of the three has a
logit, and the score is minus the log-probability that none is present. A missing modality adds nothing to the score.
"""

from dataclasses import dataclass
from typing import Any

import keras

from mmzoo.data.batches.anomaly import KINDS, kinds_told
from mmzoo.data.sources import synthetic_machines
from mmzoo.errors import expect
from mmzoo.losses.anomaly import kind_accuracy, kind_loss
from mmzoo.models.scene_anomaly import audio_encoder, image_encoder, scene_anomaly
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export

MODALITIES = ("image", "audio")
SOURCES = {"sample": synthetic_machines}
SIDE, SAMPLES, RATE = synthetic_machines.IMAGE, synthetic_machines.SAMPLES, synthetic_machines.SAMPLE_RATE


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: image, audio, or both."""
    embed_dim: int = 64
    """Width of the embeddings, a multiple of 4."""
    width: int = 16
    """Channels of the first layers, a multiple of 4."""
    tampered: float = 0.75
    """Fraction of the training scenes with a synthetic anomaly, in (0, 1)."""

    def __post_init__(self):
        super().__post_init__()
        for name, value in (("width", self.width), ("embed_dim", self.embed_dim)):
            expect(name, value > 0 and value % 4 == 0, "a multiple of 4", value)
        expect("tampered", 0 < self.tampered < 1, "a share between 0 and 1", self.tampered)
        expect("batch_size", self.batch_size > 2, "3 or more, to paste from and swap with", self.batch_size)


TINY = Config(epochs=2, width=8, embed_dim=16, learning_rate=5e-3)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `image`, `audio`, `present`; kinds of anomalies.

    Shapes are `(B, H, W, 3)` uint8, `(B, T)` float32 in [-1, 1] and `(B, 2)`; kinds `(B,)` index `KINDS`. Scenes of
    training and validation are normal; training adds synthetic anomalies.
    """
    from mmzoo.data.batches.anomaly import evaluation_scenes, training_scenes

    data = SOURCES[config.source].sample(split, config.seed)
    if split != "train":
        return evaluation_scenes(data, config.modalities, config.seed)
    return training_scenes(data, config.modalities, config.batch_size, config.seed, epoch, config.tampered)


def build(config: Config = Config()) -> keras.Model:
    """Return the model to logits and score, `(B, 4)`, unimodal `(B, 2)`."""
    makers = {
        "image": lambda: image_encoder(SIDE, config.width, config.embed_dim),
        "audio": lambda: audio_encoder(SAMPLES, RATE, config.width, config.embed_dim),
    }
    model = scene_anomaly({name: makers[name]() for name in config.modalities}, config.embed_dim)
    return start_from(config.init_from, model, MODALITIES)


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return summed cross-entropies of the logits, and their accuracy."""
    kinds = kinds_told(config.modalities)
    return {"loss": kind_loss(kinds), "metrics": [kind_accuracy(kinds)]}


def export(config: Config = Config()) -> Export:
    """Export the score and its parts: of the image, of the sound, and of both."""
    units = {
        "image": "RGB, 0 to 255",
        "audio": f"waveform at {RATE} Hz, -1 to 1",
        "present": "1 there, 0 missing; order image, audio",
    }
    ranges = {"image": (0, 255), "audio": (-1.0, 1.0), "present": (0.0, 1.0)}
    given = (*config.modalities, "present")[: len(config.modalities) + (len(config.modalities) > 1)]
    return Export(
        task="anomaly",
        labels=KINDS,
        outputs={"anomaly_score": "anomaly_score", "parts": "parts"},
        units={name: units[name] for name in given},
        data=SOURCES[config.source].CARD,
        ranges={name: ranges[name] for name in given},
        max_score_drop=0.02,  # of AUC: 256 steps make small scores equal
    )
