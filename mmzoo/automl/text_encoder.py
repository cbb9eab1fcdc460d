"""Choice of the encoder of a table's texts."""

import logging
from collections.abc import Sequence

from mmzoo.automl.budget import bytes_of
from mmzoo.automl.options import Request
from mmzoo.data.tables.rows import kind_of
from mmzoo.device.text_hash import SIZE
from mmzoo.encoders.text_hash import RANK
from mmzoo.errors import expect

logger = logging.getLogger(__name__)
HASH, CONV = "hash", "conv"
MOST_TEXTS = 4  # text columns that are a modality each
SHARE = 0.8  # of the largest size of the model, that the tables of hashed texts may take


def text_encoder(request: Request, inputs: Sequence[tuple[str, tuple]]) -> str:
    """Return the encoder of the texts of `inputs`: the requested one, else `hash`, or `conv` for a small `size`.

    Raises:
        BadInputError: the requested encoder is unknown.
    """
    if request.text_encoder:
        expect("text_encoder", request.text_encoder in (HASH, CONV), f"{HASH} or {CONV}", request.text_encoder)
        return request.text_encoder
    count = sum(kind_of(modality) == "text" for modality, _ in inputs)
    tables = 4 * SIZE * RANK * count
    if not count or not request.size or tables <= SHARE * bytes_of(request.size):
        return HASH
    logger.info(f"texts: {CONV} encoder, as the tables of {HASH} take {tables / 1e6:.1f} MB of the size {request.size}")
    return CONV
