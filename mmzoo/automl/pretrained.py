"""Published pretrained encoders, named as `image=efficientnet_lite0`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmzoo.automl.options import Request
from mmzoo.automl.transfer.stage import open_epochs
from mmzoo.data.tables.rows import kind_of
from mmzoo.errors import BadInputError
from mmzoo.models.published.image_encoder import EFFICIENTNET_LITE0, image_side

AUTO = "auto"  # in place of a specification: chosen on the validation rows
OURS = (EFFICIENTNET_LITE0,)  # networks that are not of keras.applications
KINDS = ("image", "video")  # modalities with networks in keras.applications, applied to each frame of a video
PLAIN, RANDOM = "imagenet", "random"


def published_encoders(specs: Sequence[str], modalities: Sequence[str], option: str = "encoder") -> dict[str, dict]:
    """Parse encoder specifications such as `image=mobilenet_v3_small`.

    The left side is a modality, or a kind that selects all its modalities. The right side is `efficientnet_lite0` or a
    network of keras.applications, followed by the source of its weights: nothing (ImageNet), `:random`, or `:FILE`.
    ImageNet weights of efficientnet_lite0 come with the extra `pretrained`, others are downloaded. Pretrained weights
    are frozen, and the layers after them are trained.

    Returns:
        `{modality: arguments of published_encoder}`.

    Raises:
        BadInputError: the modality or the network is unknown, or the file is missing.
    """
    found, kinds = {}, KINDS if option == "encoder" else KINDS[:1]
    for spec in specs:
        name, _, network = spec.partition("=")
        selected = [modality for modality in modalities if name in (modality, kind_of(modality))]
        usable = [modality for modality in modalities if kind_of(modality) in kinds]
        if not set(selected) & set(usable):
            expected = (
                ", ".join(f"{modality}=NETWORK" for modality in usable)
                or f"a column of {' or '.join(f'{kind}s' for kind in kinds)}"
            )
            raise BadInputError(f"`{option}` must be {expected}, got {spec}")
        found |= dict.fromkeys(selected, _arguments(network, f"`{option}` {spec}"))
    return found


def _arguments(network: str, spec: str) -> dict:
    name, _, weights = network.partition(":")
    if weights not in ("", PLAIN, RANDOM):
        if not Path(weights).is_file():
            raise BadInputError(f"{spec}: {weights} is neither a file of weights nor 'random'")
        weights = str(Path(weights).absolute())
    options = {"weights": None if weights == RANDOM else weights or PLAIN, "trainable": weights == RANDOM}
    return {"handle": _handle(name, spec), **options}


def _handle(name: str, spec: str) -> str:
    """Return the name of the network, ignoring case and underscores of `name`."""
    import keras

    known = {*OURS, *(one for one in dir(keras.applications) if one[0].isupper())}
    found = [one for one in known if one.lower() == name.replace("_", "").lower()]
    if not found:
        shown = ", ".join(sorted(known))
        raise BadInputError(f"{spec}: {name or 'no name'} is none of {shown}")
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


def published_values(values: dict[str, Any], rows: int, request: Request) -> dict[str, Any]:
    """Return the values of a recipe that published networks add or change, for `rows` training rows.

    Images of EfficientNet-Lite0 have 128 pixels a side, smaller ones are enlarged. It is opened for `open_epochs`, with
    a budget for none.

    Raises:
        BadInputError: see `published_encoders`; or a modality has an encoder and a teacher.
    """
    modalities = [name for name, _ in values["inputs"]]
    encoders = published_encoders([spec for spec in request.encoder if spec != AUTO], modalities)
    teachers = published_encoders(request.teacher, modalities, "teacher")
    if both := sorted(set(encoders) & set(teachers)):
        raise BadInputError(f"`teacher` must be of a modality without `encoder`, got {', '.join(both)}")
    return {"teachers": teachers, **encoder_values(values, encoders, rows, request.budget)}


def encoder_values(values: dict[str, Any], encoders: dict[str, dict], rows: int, budget: str) -> dict[str, Any]:
    """Return the values of a recipe that these published encoders add or change, see `published_values`."""
    changed: dict[str, Any] = {"encoders": encoders}
    for name, one in encoders.items():
        side = {"image": "image_size", "video": "frame_size"}[kind_of(name)]
        changed[side] = image_side(one["handle"], changed.get(side, values[side]))
    if any(one["handle"] == EFFICIENTNET_LITE0 and not one["trainable"] for one in encoders.values()):
        changed["opened"] = 0 if budget else open_epochs(rows)
    return changed
