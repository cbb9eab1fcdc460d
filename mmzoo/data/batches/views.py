"""Batches without labels: targets of pretraining.

Each function takes a `tf.data.Dataset` of `({modality: ..., "present": (B, M)}, label)`, as
`mmzoo.data.sources.digit_pairs` makes it, and drops the labels. Masks are a function of `(seed, step)`, where
`first_step` is the number of the first batch: a resumed run sees the masks of an uninterrupted run.
"""

import tensorflow as tf

from mmzoo.data.decode.text import NUM_TOKENS, PAD

HIDDEN = NUM_TOKENS - 1  # the id of a byte that is not to be seen
PATCH = 4  # pixels: side of the squares that are hidden
SPAN = 7  # frames that are hidden together
FRAME, HOP = 200, 80  # samples of a frame, and from one to the next, at 8 kHz
LARGEST_BATCH, LARGEST_ID = 4096, 2**23  # losses hold ids as float32


def identify(batches, first_step=0, words=None, seed=0):
    """Return batches `({modality: ...}, ids)`: a number `(B,)` int32 of each pair's own in place of a label.

    Only what shares an id is a pair; other examples of the same class count as strangers. `words` `(N, K, L)`, where
    given, are K spellings of the word of each label, of which one becomes the modality `text` `(B, L)`.
    """
    words = None if words is None else tf.constant(words)

    def change(step, batch):
        inputs, label = batch
        size = tf.shape(label)[0]
        inputs = {name: x for name, x in inputs.items() if name != "present"}
        if words is not None:
            inputs["text"] = _spell(words, label, seed, step)
        first = tf.cast(step * LARGEST_BATCH % LARGEST_ID, tf.int32)
        return inputs, first + tf.range(size)

    return _map(batches.enumerate(first_step), change)


def hide(batches, shares, seed, first_step=0, words=None):
    """Hide the share of each modality in `shares`; `y` is all that was there and what was hidden, flat, float32.

    `y` holds for an image its pixels in 0..1, then the mask of its patches; for audio the samples, then the mask of its
    spans; for text, whose `words` are as in `identify`, its ids, then the mask of them, 1 where hidden; in this order.
    """
    words = None if words is None else tf.constant(words)
    hiders = {"image": hide_patches, "audio": hide_spans, "text": hide_tokens}

    def change(step, batch):
        inputs, label = batch
        hidden, y = {}, []
        if words is not None:
            inputs = {**inputs, "text": _spell(words, label, seed, step)}
        for salt, (name, hider) in enumerate(hiders.items(), start=2):
            if name in inputs:
                hidden[name], mask = hider(inputs[name], shares[name], _seed(seed, salt, step))
                y += [_flat(name, inputs[name]), mask]
        return hidden, tf.concat(y, axis=1)

    return _map(batches.enumerate(first_step), change)


def reconstruct(batches):
    """Return batches whose `y` is the inputs, flat, float32: pixels in 0..1, then samples. `present` stays an input."""

    def change(inputs, label):
        del label
        return inputs, tf.concat([_flat(name, inputs[name]) for name in ("image", "audio") if name in inputs], axis=1)

    return _map(batches, change)


def hide_patches(images, share, seed):
    """Blacken `share` of the 4x4 squares of pictures `(B, H, W, C)` uint8; also the mask `(B, P)`, row by row."""
    height, width = images.shape[1] // PATCH, images.shape[2] // PATCH
    mask = _choose(tf.shape(images)[0], height * width, share, seed)
    square = tf.reshape(mask, (-1, height, width, 1))
    square = tf.repeat(tf.repeat(square, PATCH, axis=1), PATCH, axis=2)
    return images * tf.cast(1.0 - square, images.dtype), mask


def hide_spans(waveforms, share, seed):
    """Silence `share` of the spans of 7 frames of waveforms `(B, samples)`; also the mask `(B, spans)`.

    Every sample of a hidden frame is silent; so are the margins that it shares with frames that are not hidden.
    """
    samples = waveforms.shape[1]
    spans = (1 + (samples - FRAME) // HOP) // SPAN
    mask = _choose(tf.shape(waveforms)[0], spans, share, seed)
    length, overlap = SPAN * HOP, FRAME - HOP
    starts = tf.pad(tf.repeat(mask, length, axis=1), [[0, 0], [0, samples - spans * length]])
    silent = tf.maximum(starts, tf.pad(starts, [[0, 0], [overlap, 0]])[:, :samples])
    return waveforms * (1.0 - silent), mask


def hide_tokens(token_ids, share, seed):
    """Replace the fraction `share` of byte ids `(B, L)` by 259, which is no byte; return the mask too.

    The mask `(B, L)` is 0 at padding. Positions are drawn from the whole length, so the masked part of a short text
    varies.
    """
    mask = _choose(tf.shape(token_ids)[0], token_ids.shape[1], share, seed) * tf.cast(token_ids > PAD, tf.float32)
    return tf.where(mask > 0, HIDDEN, token_ids), mask


def _spell(words, label, seed, step):
    """Return one of the K spellings in `words` `(N, K, L)` of the word of each `label` `(B,)`: `(B, L)`."""
    drawn = _uniform(seed, 1, step, tf.shape(label)) * float(words.shape[1])
    return tf.gather_nd(words, tf.stack([label, tf.cast(drawn, tf.int32)], axis=1))


def _choose(size, count, share, seed):
    """Choose `share` of `count` places, the same number in each of `size` examples: `(size, count)`, 1 or 0."""
    order = tf.argsort(tf.argsort(tf.random.stateless_uniform([size, count], seed), axis=1), axis=1)
    return tf.cast(order < round(share * count), tf.float32)


def _flat(name, x):
    x = tf.cast(x, tf.float32) / (255.0 if name == "image" else 1.0)
    return tf.reshape(x, (-1, x.shape[1:].num_elements()))


def _seed(seed, salt, step):
    """Seed of what one function draws for one batch, apart from the seeds of augmentation."""
    return tf.stack([(seed + salt * 1_000_003) % (2**31 - 1), tf.cast(step, tf.int32)])


def _uniform(seed, salt, step, shape):
    return tf.random.stateless_uniform(shape, _seed(seed, salt, step))


def _map(batches, change):
    return batches.map(change, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2)
