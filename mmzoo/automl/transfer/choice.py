"""The choice between the small image encoder and a published one, on the validation rows: `--encoder auto`."""

import logging
import math
import shutil
from pathlib import Path

import numpy as np

from mmzoo.artifacts.folder import TRAINED
from mmzoo.automl.budget import bytes_of, float_bytes
from mmzoo.automl.choice import FUSED
from mmzoo.automl.options import Request
from mmzoo.automl.targets import load
from mmzoo.automl.transfer.features import published_features
from mmzoo.automl.transfer.probe import answers_of, probe_answers, qualities_of, scaled_targets
from mmzoo.data.arrays import split_arrays
from mmzoo.data.tables.rows import kind_of
from mmzoo.experiment import Experiment
from mmzoo.models.published.image_encoder import EFFICIENTNET_LITE0, PLAIN
from mmzoo.models.published.weights import has_efficientnet_lite0
from mmzoo.training.progress import EpochTable
from mmzoo.training.stages import fit

logger = logging.getLogger(__name__)
LITE0 = {"handle": EFFICIENTNET_LITE0, "weights": PLAIN, "trainable": False}
LITE0_BYTES = 13_900_000  # of the float TFLite file of the encoder


def chosen_encoders(experiment: Experiment, request: Request, work: Path) -> dict[str, dict]:
    """Return `{modality: arguments of published_encoder}` of the image encoders that win on the validation rows.

    A model of the small encoder is trained for each image modality; a linear model is fitted on the features of
    EfficientNet-Lite0. The latter is chosen if its quality is higher by more than the standard error of the difference:
    at equal quality the small encoder has a twentieth of its bytes. The small one is kept without the extra
    `pretrained`, and where the limit `size` of the request excludes the other. Its training is kept in the folder
    `TRAINED` of `work`, from where `commands.train` takes it. Modalities with an encoder or a teacher are left as they
    are.
    """
    table, size = experiment.recipe.table, request.size
    images = [name for name in table.source.modalities if kind_of(name) == "image"]
    images = [name for name in images if name not in (*table.encoders, *table.teachers)]
    limit = bytes_of(size) if size else math.inf
    if not images:
        return {}
    if not has_efficientnet_lite0():
        logger.info("encoder auto: the small one; the extra pretrained, which has another, is not installed")
        return {}
    if float_bytes(experiment.build()) + LITE0_BYTES > limit:
        logger.info(f"encoder auto: the small one; EfficientNet-Lite0 is larger than {size}")
        return {}
    gains = np.concatenate([_gains(experiment, name, work) for name in images])
    error = gains.std() / math.sqrt(len(gains))
    wins = gains.mean() > error
    found = f"EfficientNet-Lite0 gains {gains.mean():+.4g} ± {error:.2g} on the validation rows"
    logger.info(f"encoder auto: {found}: {'it is used' if wins else 'the small one is kept'}")
    if wins or request.tune:  # another model, or another config
        shutil.rmtree(work / TRAINED)
    return {name: dict(LITE0) for name in images} if wins else {}


def _gains(experiment: Experiment, modality: str, work: Path) -> np.ndarray:
    """Return how much better the published network answers each validation row with an image than the small one."""
    recipe, own = experiment.recipe.table, experiment.changed(modalities=(modality,))
    splits = {split: recipe.examples(split, experiment.config) for split in ("train", "validation")}
    there = {s: one.rows.present[one.index, list(one.rows.arrays).index(modality)] for s, one in splits.items()}
    found = published_features(recipe, experiment.config, modality, LITE0)
    features = {split: np.asarray(found[one.index[there[split]]]) for split, one in splits.items()}
    targets = {split: scaled_targets(one.labels[there[split]], recipe) for split, one in splits.items()}
    kind, count = recipe.source.kind, answers_of(recipe)
    published, _ = probe_answers(features, targets, kind, count)
    folder = modality if len(experiment.config.modalities) > 1 else FUSED
    metric, title = load(recipe.source.kind).task.primary, f"the small encoder ({modality})"
    table = EpochTable(title, sum(phase.epochs for phase in own.plan()), metric.key, metric.show)
    model, _ = fit(own, work / TRAINED / folder, title, callbacks=[table])
    inputs, _ = split_arrays(own, "validation")
    small = scaled_targets(model.predict(inputs, verbose=0)[there["validation"]], recipe)
    truth = targets["validation"]
    return qualities_of(published["validation"], truth, kind) - qualities_of(small, truth, kind)
