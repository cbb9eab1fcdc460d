"""The first stage of a table's model with frozen published encoders: the same model on their cached features."""

import dataclasses
import functools
from typing import Any

from mmzoo.automl.transfer.features import frozen_networks, on_features
from mmzoo.data.tables.batches import SMALLEST_EPOCH, Examples
from mmzoo.models.published.image_encoder import EFFICIENTNET_LITE0, adopt_weights
from mmzoo.recipe import Phase, Stage
from mmzoo.training.loop import has_accelerator

OPEN_RATE = 0.1  # of the learning rate of the first stage
OPEN_IMAGES = 12_288  # images that an opened network is trained on, in all epochs together


def open_epochs(rows: int) -> int:
    """Return the epochs in which a network is opened for a table of `rows` training rows: 0 without an accelerator.

    Two CPU cores take about ten times as long for a training step as for the features of its images.
    """
    return max(1, OPEN_IMAGES // max(SMALLEST_EPOCH, rows)) if has_accelerator() else 0


def feature_stage(recipe: Any, config: Any) -> Stage | None:
    """Return the first stage of a `TableRecipe` at a config, or None.

    There is none without a frozen published image encoder, and none with `init_from`, whose encoders take images.

    A frozen network gives an image the same features in every epoch: they are computed once. The encoders of the other
    modalities, the fusion and the heads are trained on them as they are on images.
    """
    networks = {} if config.init_from else frozen_networks(recipe, config)
    if not networks:
        return None
    counts = {name: network.output.shape[1] for name, network in networks.items()}

    @functools.cache
    def examples(split: str) -> Examples:
        return on_features(recipe.examples(split, config), networks)

    return Stage(
        dataset=lambda split, config, epoch=0: recipe.batches(examples(split), split, config, epoch),
        build=lambda config: recipe.model(config, counts),
        whole=lambda model: adopt_weights(recipe.model(config), model),
        opened=lambda model: adopt_weights(_trained_with_the_rest(recipe).model(config), model),
        later=lambda config: _opening(recipe, config, tuple(networks)),
    )


def _trained_with_the_rest(recipe: Any) -> Any:
    """Return the recipe with trainable networks, of those that need no moving averages."""
    opened = {
        name: given | {"trainable": given["trainable"] or given["handle"] == EFFICIENTNET_LITE0}
        for name, given in recipe.encoders.items()
    }
    return dataclasses.replace(recipe, encoders=opened)


def _opening(recipe: Any, config: Any, frozen: tuple[str, ...]) -> tuple[Phase, ...]:
    """Return the phase that trains the networks with the rest of the model at a tenth of its learning rate."""
    if not config.opened or not any(recipe.encoders[name]["handle"] == EFFICIENTNET_LITE0 for name in frozen):
        return ()
    *_, phase = recipe.plan(config)
    rate = OPEN_RATE * phase.learning_rate
    return (dataclasses.replace(phase, name="opened", epochs=config.opened, learning_rate=rate, ema=0.9),)
