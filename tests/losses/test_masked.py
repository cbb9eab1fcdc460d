"""Masked losses at masked positions only, against loops and PyTorch."""

import keras
import numpy as np
import pytest

from mmzoo.blocks.log_mel import LogMel
from mmzoo.losses import masked

MASK = np.array([[1, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], "float32")


def with_mask(x, mask=MASK):
    return np.concatenate([x, mask[..., None]], axis=-1).astype("float32")


def draw(*shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def patches_by_loop(x, h, w):
    rows, columns = x.shape[1] // h, x.shape[2] // w
    cut = [x[:, r * h : (r + 1) * h, c * w : (c + 1) * w] for r in range(rows) for c in range(columns)]
    return np.stack([p.reshape(len(x), -1) for p in cut], axis=1)


def test_masked_tokens_equal_cross_entropy_at_masked_positions():
    from torch import tensor
    from torch.nn.functional import cross_entropy

    ids, logits = np.array([[1, 0, 4, 2], [3, 3, 0, 1], [0, 1, 2, 3]]), draw(3, 4, 5)
    seen = np.where(MASK > 0, ids, -1)
    expected = cross_entropy(tensor(logits).reshape(12, 5), tensor(seen).reshape(12), ignore_index=-1)
    cost = np.asarray(masked.masked_tokens(ids, with_mask(logits)))
    assert np.mean(cost) == pytest.approx(float(expected), rel=1e-5)
    assert cost[2] == 0
    own = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    assert float(own(seen, logits)) == pytest.approx(float(expected), rel=1e-5)


def test_patches_are_cut_row_by_row():
    x = draw(3, 4, 6, 2)
    np.testing.assert_array_equal(masked.patches(x, (2, 3)), patches_by_loop(x, 2, 3))
    np.testing.assert_array_equal(masked.patches(x[..., 0], (2, 3)), patches_by_loop(x[..., 0], 2, 3))
    for size in ((3, 3), (2, 4)):
        with pytest.raises(ValueError, match="Received: patch_size="):
            masked.patches(x, size)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_masked_patches_equal_squared_errors_at_masked_positions(normalize, channels):
    check_patches(normalize, channels)


def test_masked_patches_by_equation():
    check_patches(True, (3,))
    check_patches(False, ())


def check_patches(normalize, channels):
    pictures = draw(3, 4, 6, *channels) * 20 + 100
    pictures[0, :2, :3] = 7  # a patch of one color
    true = patches_by_loop(pictures, 2, 3)
    predicted = draw(*true.shape)
    if normalize:
        true = (true - true.mean(-1, keepdims=True)) / np.sqrt(true.var(-1, keepdims=True) + 1e-6)
    errors = np.mean((predicted - true) ** 2, axis=-1)
    cost = np.asarray(masked.masked_patches((2, 3), normalize)(pictures, with_mask(predicted)))
    assert np.mean(cost) == pytest.approx(errors[MASK > 0].mean(), rel=1e-4)
    assert cost[1] == pytest.approx(errors[1, 3] * 3 / 4, rel=1e-4)
    assert cost[2] == 0


def test_masked_patches_target_computes_spectrogram():
    front_end = LogMel(sample_rate=8000, frame_length=64, hop=32, num_mels=8)
    waveform = draw(3, 64 + 7 * 32) * 0.1
    true = patches_by_loop(np.asarray(front_end(waveform)), 4, 4)
    cost = masked.masked_patches((4, 4), normalize=False, target=front_end)(waveform, with_mask(true + 2))
    assert np.mean(np.asarray(cost)) == pytest.approx(4, rel=1e-4)


def test_masked_losses_ignore_visible_positions():
    pictures = draw(3, 4, 6)
    true = patches_by_loop(pictures, 2, 3)
    loss = masked.masked_patches((2, 3), normalize=False)
    assert np.max(loss(pictures, with_mask(true))) < 1e-9
    assert np.mean(loss(pictures, with_mask(true + 1))) == pytest.approx(1, rel=1e-5)
    assert np.max(loss(pictures, with_mask(true + 9 * (1 - MASK[..., None])))) < 1e-9
    ids, sure = np.array([[1, 0, 2, 2]] * 3), 9 * np.eye(3)
    right, wrong = (np.mean(masked.masked_tokens(ids, with_mask(sure[x]))) for x in (ids, 2 - ids))
    assert right < 0.01 < wrong


def test_masked_patches_train_on_images():
    keras.utils.set_random_seed(0)
    picture, mask = keras.Input((4, 4, 1), name="image"), keras.Input((4, 1), name="mask")
    cut = keras.ops.reshape(picture, (-1, 2, 2, 2, 2))
    cut = keras.ops.reshape(keras.ops.transpose(cut, (0, 1, 3, 2, 4)), (-1, 16))
    predicted = keras.layers.Reshape((4, 4))(keras.layers.Dense(16)(cut))
    model = keras.Model([picture, mask], keras.layers.Concatenate()([predicted, mask]))
    model.compile(keras.optimizers.Adam(0.05), loss=masked.masked_patches((2, 2), False), jit_compile=False)
    x = np.tile(draw(8, 4, 4, 1), (10, 1, 1, 1))
    hidden = np.tile(MASK[0][None, :, None], (80, 1, 1))
    losses = model.fit([x, hidden], x, epochs=5, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
