"""What `--init-from` gives a model: an encoder starts from the file only where both have it under the same name."""

from typing import Any

from mmzoo import BadInputError
from mmzoo.models.transfer import encoder_names, read_model


def tell_encoders(recipe: Any, config: Any) -> None:
    """Print which encoders of the model start from the file that `config` names, and which start afresh.

    Raises:
        BadInputError: not one of them is in the file.
    """
    path = getattr(config, "init_from", "")
    if not path:
        return
    ours, theirs = encoder_names(recipe.build(config)), encoder_names(read_model(path))
    taken, afresh = [n for n in ours if n in theirs], [n for n in ours if n not in theirs]
    if not taken:
        said = f"expected an encoder of this model, {' or '.join(ours)}. Received: {', '.join(theirs)}"
        raise BadInputError(f"--init-from: {path}: {said}")
    print(f"from {path}: {', '.join(taken)}{'; afresh: ' if afresh else ''}{', '.join(afresh)}", flush=True)
