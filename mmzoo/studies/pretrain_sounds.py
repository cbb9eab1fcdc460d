"""What `sound_events` gains where its encoder first learns, without labels, to know a clip again.

Two views of a clip, played at other speeds from other places, are to be found among those of the batch: SimCLR, Chen
et al. 2020, section 2.1; of sounds, Saeed et al. 2021 (COLA). `python -m mmzoo.studies.pretrain_sounds RESULT.json`
measures on the validation fold of each of the five of ESC-10 what that adds, and never looks at a test fold.
"""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
from keras import layers, ops

from mmzoo.artifacts.folder import write_json
from mmzoo.blocks.normalize import unit_norm
from mmzoo.errors import BadInputError
from mmzoo.losses.contrastive import nt_xent
from mmzoo.models.batch_retrieval import strangers
from mmzoo.recipe import Phase
from mmzoo.recipes import sound_events
from mmzoo.training.loop import fit


@dataclass(frozen=True)
class Settings:
    """`config` says of which clips, and how wide the encoder is; `temperature` is that of the loss."""

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
    """Train on the training clips of `settings.config`; save a model whose `audio_encoder` has learned to `out`.

    What was done is kept in a folder beside it, and a run that was stopped goes on. Returns `out`.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    model, history = fit(KNOWING, settings, out.with_name(f"{out.stem}_knowing"), "clips known again")
    print(f"strangers taken for the other view: {history['val_strangers'][-1]:.4f}", flush=True)
    model.save(out)
    return out


def _pairs(split, settings, epoch=0):
    """Batches of `first` and `second` `(B, T)`, two views of a clip; labels are the numbers of the clips."""
    from mmzoo.data.batches.clips import paired_sounds

    data = sound_events.load(split, settings.config)
    if split == "train":
        return paired_sounds(data, settings.batch_size, settings.seed, epoch, settings.passes)
    return paired_sounds(data, min(settings.batch_size, len(data.clips)), settings.seed, 0, 1)


def _knowing(settings):
    """Return the model of two views to their projections `(B, 2, projection)`, of length 1."""
    encoder = sound_events.build(settings.config).get_layer("audio_encoder")
    views = {name: keras.Input(encoder.input.shape[1:], name=name) for name in ("first", "second")}
    hidden = layers.Dense(2 * settings.projection, activation="relu", name="projection_hidden")
    project = layers.Dense(settings.projection, name="projection")
    return keras.Model(views, ops.stack([unit_norm(project(hidden(encoder(x)))) for x in views.values()], axis=1))


KNOWING = SimpleNamespace(
    build=_knowing,
    dataset=_pairs,
    objective=lambda settings: {"loss": nt_xent(settings.temperature), "metrics": [strangers]},
    plan=lambda settings: (Phase("pairs", settings.epochs, settings.learning_rate),),
)


def compare(folds: Sequence[int], settings: Settings = Settings()) -> dict[str, list[float]]:
    """Return the validation accuracy of each of `folds` from scratch and from an encoder pretrained on its clips."""
    found = {"scratch": [], "pretrained": []}
    for fold in folds:
        config = dataclasses.replace(settings.config, fold=fold)
        with tempfile.TemporaryDirectory() as place:
            known = pretrain(f"{place}/known.keras", dataclasses.replace(settings, config=config))
            starts = {"scratch": config, "pretrained": dataclasses.replace(config, init_from=str(known))}
            for name, start in starts.items():
                _, history = fit(sound_events, start, f"{place}/{name}", f"fold {fold}, {name}")
                found[name].append(float(history["val_accuracy"][-1]))
        print(
            f"fold {fold}: {found['scratch'][-1]:.4f} from scratch, {found['pretrained'][-1]:.4f} pretrained",
            flush=True,
        )
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Compare on the folds that are asked for and write what was found to a file. Return 0, or 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m mmzoo.studies.pretrain_sounds", description="What pretraining adds on ESC-10."
    )
    parser.add_argument("out", help="where to write what was found, as JSON")
    parser.add_argument("--folds", type=int, nargs="+", choices=sound_events.FOLDS, default=[*sound_events.FOLDS])
    given = parser.parse_args(argv)
    try:
        found = compare(given.folds)
    except BadInputError as error:
        print(error, file=sys.stderr)
        return 2
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    write_json(given.out, {"folds": given.folds, "validation_accuracy": found, "mean": mean})
    print(mean)
    return 0


if __name__ == "__main__":
    sys.exit(main())
