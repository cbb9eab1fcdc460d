"""Is a sentence true of a picture of boxes: what each box holds, what the sentence asks of it, and of all together.

What a box holds is told in numbers, alike for all boxes. The question scales and shifts them (FiLM, Perez et al. 2018,
section 2.1) in several layers: numbers that count become whether there are enough. Over the boxes the most, the least
and the mean are kept: of some box, of every box, of how many is it true. All of it is rank 4, as GPU delegates want.
"""

import functools

import keras
from keras import layers, ops

from mmzoo.blocks.attention import masked_mean, transformer_block
from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.position import AddPosition, TokenEmbedding, padding_mask
from mmzoo.blocks.presence import replace_absent, split_present

SELDOM = -4.0  # logit of what is told of a place, at first: most places are empty


def box_encoder(shape, columns, units, told="boxes"):
    """Return a `keras.Model`: uint8 pictures `(B, H, W, 3)` to what each of N boxes holds, `(B, 1, N, units)`.

    `columns` are `(first, last + 1)` of each box, all of one width. One convolutional network sees each by itself, and
    tells of each of its places, 8 pixels wide, by a sigmoid what is there; what the box holds is the sum. Gray 128, the
    ground between the boxes, is 0, as the padding is, so that walls look alike on every side.

    With `told="places"` the logits of the places `(B, H / 8, N * W / 8, units)`, the boxes side by side; with
    `told="mean"` the mean over the boxes, `(B, units)`. The weights are the same.
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
    if told != "places":
        x = layers.AveragePooling2D(size, name="holds")(ops.sigmoid(x)) * float(size[0] * size[1])
        x = layers.GlobalAveragePooling2D(name="pool")(x) if told == "mean" else x
    return keras.Model(image, x, name="image_encoder")


def sentence_encoder(length, embed_dim, units=96, num_layers=1):
    """Return a `keras.Model`: int32 token ids `(B, length)`, 0 behind the text, to embeddings `(B, embed_dim)`.

    Convolutions make one token of four bytes, and Transformer blocks tell them of one another; the most and the mean
    over the text are kept.
    """
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    there = ops.expand_dims(padding_mask(token_ids), -1)
    x = TokenEmbedding(260, units // 3, name="front_end")(token_ids) * there
    x = layers.Conv1D(2 * units // 3, 5, strides=2, padding="same", activation="relu", name="pieces")(x)
    x = layers.Conv1D(units, 5, strides=2, padding="same", activation="relu", name="words")(x)
    # else the positions, small as they are, would drown it at first
    x = layers.LayerNormalization(name="words_norm")(x)
    there = layers.MaxPooling1D(4, name="there")(there)
    mask = ops.reshape(there, (-1, length // 4))
    x = AddPosition(name="positions")(x)
    for i in range(num_layers):
        x = transformer_block(x, mask=mask, name=f"block{i}")
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Concatenate(name="over_text")([masked_mean(x, mask), ops.max(x * there, axis=1)])
    return keras.Model(token_ids, layers.Dense(embed_dim, activation="relu", name="embedding")(x), name="text_encoder")


def reasoner(scenes, boxes, embed_dim, units=128, counts=16):
    """Return a `keras.Model`: `[holds (B, S, N, units), question (B, D)]` to what is told of S scenes, `(B, S, 1, D)`.

    `boxes` is the shape `(N, units)`. In training many scenes share a question. The question names what is counted, a
    weight of each number that a box holds for each of `counts` sums; two layers judge each box by these, one all of
    them together.
    """
    holds, question = keras.Input((scenes, *boxes), name="holds"), keras.Input((embed_dim,), name="question")
    x = _counted(holds, question, counts)
    first = _asked(layers.Dense(units, name="judge1")(x), question, "asked1")
    x = _asked(layers.Dense(units, name="judge2")(first), question, "asked2")
    over = (1, boxes[0])
    told = [
        layers.MaxPooling2D(over, name="of_some")(x),
        layers.AveragePooling2D(over, name="of_how_many")(x),
        # not the most of -x: GPU delegates take the most of numbers below zero for another
        functools.reduce(ops.minimum, [x[:, :, i : i + 1] for i in range(boxes[0])]),
        layers.AveragePooling2D(over, name="in_all")(first),
    ]
    x = layers.Dense(units, name="judge3")(layers.Concatenate(name="over_boxes")(told))
    x = layers.Dense(embed_dim, activation="relu", name="told")(_asked(x, question, "asked3"))
    return keras.Model([holds, question], x, name="reasoner")


def _counted(holds, question, counts):
    """Return sums of what boxes hold `(B, S, N, units)` with weights and an offset that `question` `(B, D)` gives.

    Those above and those below zero apart: `(B, S, N, 2 * counts)`. Weights of a layer that come from another input are
    the hypernetworks of Ha et al. 2017, section 3.
    """
    scenes, boxes, width = holds.shape[1:]
    weights = ops.reshape(layers.Dense(width * counts, name="weights")(question), (-1, 1, width, counts))
    offset = ops.reshape(layers.Dense(counts, name="offset")(question), (-1, 1, 1, counts))
    sums = ops.matmul(ops.reshape(holds, (-1, 1, scenes * boxes, width)), weights)
    sums = ops.reshape(sums, (-1, scenes, boxes, counts)) + offset
    return layers.ReLU(name="counted")(layers.Concatenate(name="both_sides")([sums, -1.0 * sums]))


def _asked(x, question, name):
    """Scale and shift `x` `(B, S, N, D)` by what `question` `(B, E)` says, with ReLU."""
    width = x.shape[-1]
    scale, shift = (
        ops.reshape(layers.Dense(width, name=f"{name}_{role}")(question), (-1, 1, 1, width))
        for role in ("scale", "shift")
    )
    return layers.ReLU(name=name)(x * (1.0 + scale) + shift)


def reason(embeddings, present, fuse):
    """Return the joint embedding `(B, D)` of what boxes hold `(B, 1, N, units)` and a question `(B, D)`.

    `fuse` joins what is told of the boxes and the question. What is missing is a learned vector.
    """
    holds, question = embeddings.values()
    there, width = split_present(present, embeddings), question.shape[-1]
    question = replace_absent(question, there["text"], "asked")
    holds = replace_absent(holds, there["image"], "seen")
    told = reasoner(1, holds.shape[2:], width)([holds, question])
    return fuse({"image": ops.reshape(told, (-1, width)), "text": question}, present)
