"""Published pretrained encoders of keras.applications, named as `image=mobilenet_v3_small`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmzoo.data.tables.rows import kind_of
from mmzoo.errors import BadInputError

KINDS = ("image", "video")  # modalities with networks in keras.applications, applied to each frame of a video
PLAIN, RANDOM = "imagenet", "random"


def published_encoders(specs: Sequence[str], modalities: Sequence[str]) -> dict[str, dict]:
    """Parse encoder specifications such as `image=mobilenet_v3_small`.

    The left side is a modality, or a kind that selects all its modalities. The right side is a network of
    keras.applications, followed by the source of its weights: nothing (ImageNet, downloaded), `:random`, or `:FILE`.
    Pretrained weights are frozen, and the layers after them are trained.

    Returns:
        `{modality: arguments of encoders.pretrained}`.

    Raises:
        BadInputError: the modality or the network is unknown, or the file is missing.
    """
    found = {}
    for spec in specs:
        name, _, network = spec.partition("=")
        selected = [modality for modality in modalities if name in (modality, kind_of(modality))]
        usable = [modality for modality in modalities if kind_of(modality) in KINDS]
        if not set(selected) & set(usable):
            expected = ", ".join(f"{modality}=NETWORK" for modality in usable) or "a column of images or videos"
            raise BadInputError(f"`encoder` must be {expected}, got {spec}")
        found |= dict.fromkeys(selected, _arguments(network, spec))
    return found


def _arguments(network: str, spec: str) -> dict:
    name, _, weights = network.partition(":")
    if weights not in ("", PLAIN, RANDOM):
        if not Path(weights).is_file():
            raise BadInputError(f"`encoder` {spec}: {weights} is neither a file of weights nor 'random'")
        weights = str(Path(weights).absolute())
    options = {"weights": None if weights == RANDOM else weights or PLAIN, "trainable": weights == RANDOM}
    return {"handle": _handle(name, spec), **options}


def _handle(name: str, spec: str) -> str:
    """Return the name in keras.applications, ignoring case and underscores of `name`."""
    import keras

    known = {one for one in dir(keras.applications) if one[0].isupper()}
    found = [one for one in known if one.lower() == name.replace("_", "").lower()]
    if not found:
        shown = ", ".join(sorted(known))
        raise BadInputError(f"`encoder` {spec}: {name or 'no name'} is not in keras.applications: {shown}")
    return found[0]


def check_weights(module: Any) -> None:
    """Build the model of a recipe to detect missing weights before training.

    Raises:
        BadInputError: the weights cannot be downloaded or read, or belong to another model.
    """
    try:
        module.build(module.Config())
    except BadInputError as error:
        hint = "the weights cannot be downloaded (:random and :FILE need no network)"
        if f"weights='{PLAIN}'" in str(error):
            raise BadInputError(f"`encoder`: {hint}: {error}") from None
        raise
