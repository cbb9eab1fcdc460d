"""Masked reconstruction losses: tokens, image patches and spectrogram patches at masked positions.

`y` is the input. The model appends its mask to its prediction at each position: the last channel is 1 for a masked
input, 0 for a visible one. The losses are `(B,)`. Their mean over the batch is the mean over all masked positions of
the batch, 0 if there is none.
"""

from collections.abc import Callable

from keras import KerasTensor, losses, ops


def masked_tokens(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
    """Compute the cross-entropy `(B,)` of masked tokens.

    Devlin et al. 2019 (BERT), section 3.1, task 1. Token ids are `(B, L)`; logits and mask are `(B, L, N + 1)`.
    """
    logits, mask = _split(y_pred)
    return _mean_over_masked(losses.sparse_categorical_crossentropy(y_true, logits, from_logits=True), mask)


def masked_patches(
    patch_size: tuple[int, int], normalize: bool = True, target: Callable[[KerasTensor], KerasTensor] | None = None
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the mean squared error `(B,)` of masked patches.

    He et al. 2022 (MAE), section 3, "Reconstruction target"; on spectrograms: Huang et al. 2022 (Audio-MAE), section 3.

    Images are `(B, H, W, C)`, or `(B, H, W)` of one channel, such as log-mel energies `(B, T, M)`. Predicted patches
    and mask are `(B, P, h * w * C + 1)`, with `patch_size` `(h, w)`. With `normalize`, the target of each patch has
    mean 0 and deviation 1, so that ranges 0..255 and 0..1 are nearly equivalent. `target` computes the images from `y`:
    `masked_patches((10, 8), target=LogMel(...))` takes waveforms `(B, samples)`.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        predicted, mask = _split(y_pred)
        true = patches(ops.cast(y_true if target is None else target(y_true), "float32"), patch_size)
        if normalize:
            true = true - ops.mean(true, axis=-1, keepdims=True)
            # a patch of one color stays zero
            true = true * ops.rsqrt(ops.mean(ops.square(true), axis=-1, keepdims=True) + 1e-6)
        return _mean_over_masked(ops.mean(ops.square(predicted - true), axis=-1), mask)

    return loss


def patches(x: KerasTensor, patch_size: tuple[int, int]) -> KerasTensor:
    """Cut images into patches `(B, P, h * w * C)`, row by row.

    Images are `(B, H, W, C)` or `(B, H, W)`. A patch is flattened row by row, with the channels of a pixel adjacent.

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


def _split(y_pred: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    y_pred = ops.cast(y_pred, "float32")
    return y_pred[..., :-1], y_pred[..., -1]


def _mean_over_masked(errors: KerasTensor, mask: KerasTensor) -> KerasTensor:
    """Scale masked errors to `(B,)` with the mean over all masked positions.

    `errors` and `mask` are `(B, P)`.
    """
    count = ops.maximum(ops.sum(mask), 1.0)
    return ops.sum(errors * mask, axis=1) * ops.cast(ops.shape(mask)[0], "float32") / count
