"""Visual reasoning over images of boxes: box encoder, sentence encoder, reasoner.

The same encoder is applied to every box. The question scales and shifts the box features (FiLM, Perez et al. 2018,
section 2.1) in several layers: counts become truth values. Maximum, minimum and mean over the boxes correspond to
"any box", "every box" and "how many boxes". All tensors have rank 4, as GPU delegates require.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import keras
from keras import layers, ops

from mmzoo.blocks.attention import masked_mean, transformer_block
from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.position import AddPosition, TokenEmbedding, padding_mask
from mmzoo.blocks.presence import replace_absent, split_present

SELDOM = -4.0  # initial logit of a cell: most cells are empty


def box_encoder(
    shape: tuple[int, int, int], columns: Sequence[tuple[int, int]], units: int, output: str = "boxes"
) -> keras.Model:
    """Build an encoder of images of boxes: `(B, H, W, 3) -> (B, 1, N, units)`.

    Images are uint8. `columns` are `(first, last + 1)` of each of N boxes, all of one width. One convolutional network
    encodes each box separately. Each of its cells, 8 pixels wide, has a sigmoid per feature; a box is the sum over its
    cells. Gray 128, the background between the boxes, is 0 like the padding, so that walls are the same on every side.

    `output="places"` gives the logits of the cells `(B, H / 8, N * W / 8, units)`, with the boxes side by side.
    `output="mean"` gives the mean over the boxes, `(B, units)`. The weights are the same.
    """
    box = keras.Input((shape[0], columns[0][1] - columns[0][0], 3), name="box")
    x = layers.Rescaling(1 / 128, -1.0, name="front_end")(box)
    x = conv_norm(x, 24, 5, strides=2, name="stem")
    x = conv_norm(x, 64, strides=2, name="stage1")
    x = conv_norm(x, 96, strides=2, name="stage2")
    x = conv_norm(x, 96, name="stage3")
    size = x.shape[1:3]
    x = AddPosition(name="where")(ops.reshape(x, (-1, size[0] * size[1], 96)))
    x = layers.Dense(128, activation="relu", name="mixed")(ops.reshape(x, (-1, *size, 96)))
    x = layers.Dense(units, bias_initializer=keras.initializers.Constant(SELDOM), name="places")(x)
    seen = keras.Model(box, x, name="one_box")
    image = keras.Input(shape, dtype="uint8", name="image")
    pixels = ops.cast(image, "float32")
    x = layers.Concatenate(axis=2, name="boxes")([seen(pixels[:, :, first:last]) for first, last in columns])
    if output != "places":
        x = layers.AveragePooling2D(size, name="holds")(ops.sigmoid(x)) * float(size[0] * size[1])
        x = layers.GlobalAveragePooling2D(name="pool")(x) if output == "mean" else x
    return keras.Model(image, x, name="image_encoder")


def sentence_encoder(length: int, embed_dim: int, units: int = 96, num_layers: int = 1) -> keras.Model:
    """Build a sentence encoder by convolutions and Transformer blocks.

    int32 token ids `(B, length)`, padded with 0 at the end, to embeddings `(B, embed_dim)`. Convolutions make one token
    of four bytes. Transformer blocks follow; the maximum and the mean over the text are concatenated.
    """
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    there = ops.expand_dims(padding_mask(token_ids), -1)
    x = TokenEmbedding(260, units // 3, name="front_end")(token_ids) * there
    x = layers.Conv1D(2 * units // 3, 5, strides=2, padding="same", activation="relu", name="pieces")(x)
    x = layers.Conv1D(units, 5, strides=2, padding="same", activation="relu", name="words")(x)
    # otherwise the positions, although small, would dominate it at first
    x = layers.LayerNormalization(name="words_norm")(x)
    there = layers.MaxPooling1D(4, name="there")(there)
    mask = ops.reshape(there, (-1, length // 4))
    x = AddPosition(name="positions")(x)
    for i in range(num_layers):
        x = transformer_block(x, mask=mask, name=f"block{i}")
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Concatenate(name="over_text")([masked_mean(x, mask), ops.max(x * there, axis=1)])
    return keras.Model(token_ids, layers.Dense(embed_dim, activation="relu", name="embedding")(x), name="text_encoder")


def reasoner(scenes: int, boxes: tuple[int, int], embed_dim: int, units: int = 128, counts: int = 16) -> keras.Model:
    """Build the reasoner over boxes and a question: `[holds, question] -> (B, S, 1, D)`.

    `holds` is `(B, S, N, units)` of S scenes with `boxes` `(N, units)`; `question` is `(B, D)`. In training many scenes
    share a question. The question gives each of `counts` sums a weight for each number of a box. Two layers judge each
    box by these sums; one judges all boxes.
    """
    holds, question = keras.Input((scenes, *boxes), name="holds"), keras.Input((embed_dim,), name="question")
    x = _counted(holds, question, counts)
    first = _asked(layers.Dense(units, name="judge1")(x), question, "asked1")
    x = _asked(layers.Dense(units, name="judge2")(first), question, "asked2")
    over = (1, boxes[0])
    pooled = [
        layers.MaxPooling2D(over, name="of_some")(x),
        layers.AveragePooling2D(over, name="of_how_many")(x),
        # not the maximum of -x: GPU delegates miscompute the maximum of negative numbers
        functools.reduce(ops.minimum, [x[:, :, i : i + 1] for i in range(boxes[0])]),
        layers.AveragePooling2D(over, name="in_all")(first),
    ]
    x = layers.Dense(units, name="judge3")(layers.Concatenate(name="over_boxes")(pooled))
    x = layers.Dense(embed_dim, activation="relu", name="told")(_asked(x, question, "asked3"))
    return keras.Model([holds, question], x, name="reasoner")


def _counted(holds: keras.KerasTensor, question: keras.KerasTensor, counts: int) -> keras.KerasTensor:
    """Sum box features with weights and an offset predicted from the question.

    Weights predicted from another input: hypernetworks, Ha et al. 2017, section 3. `holds` `(B, S, N, units)` and
    `question` `(B, D)` give `(B, S, N, 2 * counts)`: positive and negative parts separately.
    """
    scenes, boxes, width = holds.shape[1:]
    weights = ops.reshape(layers.Dense(width * counts, name="weights")(question), (-1, 1, width, counts))
    offset = ops.reshape(layers.Dense(counts, name="offset")(question), (-1, 1, 1, counts))
    sums = ops.matmul(ops.reshape(holds, (-1, 1, scenes * boxes, width)), weights)
    sums = ops.reshape(sums, (-1, scenes, boxes, counts)) + offset
    return layers.ReLU(name="counted")(layers.Concatenate(name="both_sides")([sums, -1.0 * sums]))


def _asked(x: keras.KerasTensor, question: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Scale and shift `x` `(B, S, N, D)` by `question` `(B, E)`, with ReLU."""
    width = x.shape[-1]
    scale, shift = (
        ops.reshape(layers.Dense(width, name=f"{name}_{role}")(question), (-1, 1, 1, width))
        for role in ("scale", "shift")
    )
    return layers.ReLU(name=name)(x * (1.0 + scale) + shift)


def reason(
    embeddings: Mapping[str, keras.KerasTensor],
    present: keras.KerasTensor,
    fuse: Callable[[dict[str, keras.KerasTensor], keras.KerasTensor], keras.KerasTensor],
) -> keras.KerasTensor:
    """Compute the joint embedding `(B, D)` of boxes and a question.

    Boxes are `(B, 1, N, units)`, the question `(B, D)`. `fuse` joins the output of the reasoner and the question. A
    learned vector replaces a missing modality.
    """
    holds, question = embeddings.values()
    there, width = split_present(present, embeddings), question.shape[-1]
    question = replace_absent(question, there["text"], "asked")
    holds = replace_absent(holds, there["image"], "seen")
    answered = reasoner(1, holds.shape[2:], width)([holds, question])
    return fuse({"image": ops.reshape(answered, (-1, width)), "text": question}, present)
