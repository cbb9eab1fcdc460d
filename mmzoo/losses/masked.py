"""Reconstruct what was hidden, and only that: tokens, patches of pictures, patches of spectrograms.

`y` is the input itself. The model appends to its prediction at each position what it hid there: the last channel is 1
where the input was masked, 0 where it was seen. The losses are `(B,)`; their mean over the batch is the mean over all
masked positions of the batch, 0 if there is none.
"""

from keras import losses, ops


def masked_tokens(y_true, y_pred):
    """Cross-entropy `(B,)` of token ids `(B, L)` with logits and mask `(B, L, N + 1)`, at masked positions.

    Devlin et al. 2019 (BERT), section 3.1, task 1.
    """
    logits, mask = _split(y_pred)
    return _mean_over_masked(losses.sparse_categorical_crossentropy(y_true, logits, from_logits=True), mask)


def masked_patches(patch_size, normalize=True, target=None):
    """Return the mean squared error `(B,)` of pictures with predicted patches and mask `(B, P, h * w * C + 1)`.

    The pictures are `(B, H, W, C)`, or `(B, H, W)` of one channel, such as log-mel energies `(B, T, M)`, and
    `patch_size` is `(h, w)`. With `normalize`, each patch is predicted with mean 0 and deviation 1, so that it hardly
    matters whether pictures are in 0..255 or 0..1. Where the target is computed from `y`, `target` does it:
    `masked_patches((10, 8), target=LogMel(...))` takes waveforms `(B, samples)`.

    He et al. 2022 (MAE), section 3, "Reconstruction target"; on spectrograms: Huang et al. 2022 (Audio-MAE), section 3.
    """

    def loss(y_true, y_pred):
        predicted, mask = _split(y_pred)
        true = patches(ops.cast(y_true if target is None else target(y_true), "float32"), patch_size)
        if normalize:
            true = true - ops.mean(true, axis=-1, keepdims=True)
            # a patch of one color stays zero
            true = true * ops.rsqrt(ops.mean(ops.square(true), axis=-1, keepdims=True) + 1e-6)
        return _mean_over_masked(ops.mean(ops.square(predicted - true), axis=-1), mask)

    return loss


def patches(x, patch_size):
    """Cut pictures `(B, H, W, C)` or `(B, H, W)` into patches `(B, P, h * w * C)`, row by row.

    A patch is read row by row, the channels of a pixel together.

    Raises:
        ValueError: `(h, w)` does not divide `(H, W)`.
    """
    height, width = x.shape[1:3]
    h, w = patch_size
    if height % h or width % w:
        raise ValueError(
            f"patches expects a patch_size that divides (H, W). Received: {patch_size=}, x.shape={x.shape}"
        )
    channels = x.shape[3] if len(x.shape) == 4 else 1
    x = ops.reshape(x, (-1, height // h, h, width // w, w, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, (height // h) * (width // w), h * w * channels))


def _split(y_pred):
    y_pred = ops.cast(y_pred, "float32")
    return y_pred[..., :-1], y_pred[..., -1]


def _mean_over_masked(errors, mask):
    """Return `(B,)` of `errors` and `mask` `(B, P)`, whose mean over the batch is that over all that is masked."""
    count = ops.maximum(ops.sum(mask), 1.0)
    return ops.sum(errors * mask, axis=1) * ops.cast(ops.shape(mask)[0], "float32") / count
