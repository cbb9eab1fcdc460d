"""Published encoders of keras.applications, as `image=mobilenet_v3_small` names them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmzoo.data.tables.rows import kind_of
from mmzoo.errors import BadInputError

KINDS = ("image", "video")  # what keras.applications has networks of; of a video each frame
PLAIN, RANDOM = "imagenet", "random"


def published_encoders(said: Sequence[str], modalities: Sequence[str]) -> dict[str, dict]:
    """Return `{modality: arguments of encoders.pretrained}` of words as `image=mobilenet_v3_small`.

    In front of the `=` is a modality, or a kind of which all are meant. Behind it is a name of keras.applications, and
    where its weights come from: nothing (ImageNet, downloaded), `:random`, or `:FILE`. Weights that are trained already
    stay as they are, and what follows them learns.

    Raises:
        BadInputError: the modality or the network is not known, or there is no such file.
    """
    found = {}
    for words in said:
        name, _, network = words.partition("=")
        meant = [modality for modality in modalities if name in (modality, kind_of(modality))]
        usable = [modality for modality in modalities if kind_of(modality) in KINDS]
        if not set(meant) & set(usable):
            there = ", ".join(f"{modality}=NETWORK" for modality in usable) or "a column of pictures or videos"
            raise BadInputError(f"`encoder` must be {there}, got {words}")
        found |= dict.fromkeys(meant, _arguments(network, words))
    return found


def _arguments(network: str, words: str) -> dict:
    name, _, weights = network.partition(":")
    if weights not in ("", PLAIN, RANDOM):
        if not Path(weights).is_file():
            raise BadInputError(f"`encoder` {words}: {weights} is neither a file of weights nor 'random'")
        weights = str(Path(weights).absolute())
    learned = {"weights": None if weights == RANDOM else weights or PLAIN, "trainable": weights == RANDOM}
    return {"handle": _handle(name, words), **learned}


def _handle(name: str, words: str) -> str:
    """Return the name of keras.applications that is `name` but for capitals and underscores."""
    import keras

    known = {one for one in dir(keras.applications) if one[0].isupper()}
    found = [one for one in known if one.lower() == name.replace("_", "").lower()]
    if not found:
        shown = ", ".join(sorted(known))
        raise BadInputError(f"`encoder` {words}: {name or 'no name'} is not in keras.applications: {shown}")
    return found[0]


def check_beginning(module: Any) -> None:
    """Build the model of a recipe once, so that weights that cannot be had are told before anything is trained.

    Raises:
        BadInputError: they cannot be downloaded or read, or are those of another model.
    """
    try:
        module.build(module.Config())
    except BadInputError as error:
        hint = "the weights cannot be downloaded (:random and :FILE need no network)"
        if f"weights='{PLAIN}'" in str(error):
            raise BadInputError(f"`encoder`: {hint}: {error}") from None
        raise
