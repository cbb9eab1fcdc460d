"""Measure what contrastive pretraining adds to `sound_events` on ESC-10.

The encoder first learns without labels: of each clip, two views at other speeds and places are matched among the views
of the batch. SimCLR, Chen et al. 2020, section 2.1; for audio, Saeed et al. 2021 (COLA). Scores are of the validation
fold; test folds are not used.
"""

import dataclasses
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
from keras import layers, ops

from mmzoo import recipes
from mmzoo.artifacts.folder import write_json
from mmzoo.blocks.normalize import unit_norm
from mmzoo.experiment import Experiment
from mmzoo.losses.contrastive import nt_xent
from mmzoo.metrics.batch_retrieval import strangers
from mmzoo.recipe import Phase
from mmzoo.recipes import sound_events
from mmzoo.training.loop import fit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """Settings of the pretraining; `config` names the clips and the width of the encoder."""

    config: sound_events.Config = field(default_factory=lambda: sound_events.Config(source="esc10"))
    epochs: int = 10
    passes: int = 4
    batch_size: int = 60
    learning_rate: float = 2e-3
    temperature: float = 0.2
    projection: int = 64

    @property
    def seed(self):
        return self.config.seed


def pretrain(out: str | Path, settings: Settings = Settings()) -> Path:
    """Pretrain on the training clips of `settings.config`; save a model with its `audio_encoder` to `out`; return it.

    Checkpoints are in a folder next to it; an interrupted run is resumed.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    model, history = fit(Experiment(VIEWS, settings), out.with_name(f"{out.stem}_views"), "views of clips")
    logger.info(f"strangers nearer than the other view: {history['val_strangers'][-1]:.4f}")
    model.save(out)
    return out


def _pairs(split, settings, epoch=0):
    """Return batches of `first` and `second` `(B, T)`, two views of a clip; labels number the clips."""
    from mmzoo.data.batches.clips import paired_sounds

    data = sound_events.load(split, settings.config)
    if split == "train":
        return paired_sounds(data, settings.batch_size, settings.seed, epoch, settings.passes)
    return paired_sounds(data, min(settings.batch_size, len(data.clips)), settings.seed, 0, 1)


def _views_model(settings):
    """Build the model from two views to their unit projections `(B, 2, projection)`."""
    encoder = sound_events.build(settings.config).get_layer("audio_encoder")
    views = {name: keras.Input(encoder.input.shape[1:], name=name) for name in ("first", "second")}
    hidden = layers.Dense(2 * settings.projection, activation="relu", name="projection_hidden")
    project = layers.Dense(settings.projection, name="projection")
    return keras.Model(views, ops.stack([unit_norm(project(hidden(encoder(x)))) for x in views.values()], axis=1))


VIEWS = SimpleNamespace(
    build=_views_model,
    dataset=_pairs,
    objective=lambda settings: {"loss": nt_xent(settings.temperature), "metrics": [strangers]},
    plan=lambda settings: (Phase("pairs", settings.epochs, settings.learning_rate),),
)


def compare(folds: Sequence[int], settings: Settings = Settings()) -> dict[str, list[float]]:
    """Return the validation accuracy of each of `folds` from scratch and from an encoder pretrained on its clips."""
    found, recipe = {"scratch": [], "pretrained": []}, recipes.load("sound_events")
    for fold in folds:
        config = dataclasses.replace(settings.config, fold=fold)
        with tempfile.TemporaryDirectory() as place:
            encoder = pretrain(f"{place}/encoder.keras", dataclasses.replace(settings, config=config))
            starts = {"scratch": config, "pretrained": dataclasses.replace(config, init_from=str(encoder))}
            for name, start in starts.items():
                _, history = fit(Experiment(recipe, start), f"{place}/{name}", f"fold {fold}, {name}")
                found[name].append(float(history["val_accuracy"][-1]))
        scratch, pretrained = found["scratch"][-1], found["pretrained"][-1]
        logger.info(f"fold {fold}: {scratch:.4f} from scratch, {pretrained:.4f} pretrained")
    return found


def measure(out: str | Path, folds: Sequence[int]) -> dict[str, float]:
    """Compare on `folds` and write the accuracies to the JSON file `out`; return their means.

    Raises:
        BadInputError: there is no such fold, or no data.
    """
    found = compare(folds)
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    write_json(out, {"folds": list(folds), "validation_accuracy": found, "mean": mean})
    return mean
