"""Video encoders: separation of frames in the batch, sensitivity to time, and learning of motion."""

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize
from training_checks import check_memorizes

from mmzoo.blocks.temporal import each_frame, fold_frames, over_time, stack_frames
from mmzoo.encoders.frame_pool import frame_pool
from mmzoo.encoders.gated_stream import gated_stream
from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.r2plus1d import conv_2plus1d, middle_width, r2plus1d
from mmzoo.encoders.temporal_conv import temporal_conv

FRAMES, SIZE = 5, 12
SHAPE = (FRAMES, SIZE, SIZE, 3)


def picture():
    return light_cnn(SHAPE[1:], 16, widths=(8, 8), name="picture")


ENCODERS = {
    "frame_pool": lambda: frame_pool(FRAMES, picture(), 12),
    "frame_pool_max": lambda: frame_pool(FRAMES, picture(), 12, pool="max"),
    "temporal_conv": lambda: temporal_conv(FRAMES, picture(), 12, widths=(8, 8)),
    "gated_stream": lambda: gated_stream(FRAMES, picture(), 12, units=8),
    "r2plus1d": lambda: r2plus1d(SHAPE, 12, widths=(8, 8)),
    "r2plus1d_shallow": lambda: r2plus1d(SHAPE, 12, widths=(8,)),
}


def videos(count=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype("uint8")


@pytest.fixture(params=ENCODERS)
def encoder(request):
    model = ENCODERS[request.param]()
    randomize(model)
    return model


def answer(model, video):
    return np.asarray(model(stack_frames(video), training=False))


def test_is_a_named_model_of_a_strip(encoder):
    assert encoder.name in ENCODERS
    assert [(x.name, x.dtype, x.shape) for x in encoder.inputs] == [("video", "uint8", (None, FRAMES * SIZE, SIZE, 3))]
    assert encoder.output.shape == (None, 12)
    front_end = encoder.get_layer("front_end")
    white = np.full((1, FRAMES * SIZE, SIZE, 3), 255, "uint8")
    np.testing.assert_allclose(np.asarray(keras.Model(encoder.input, front_end.output)(white)), 1.0, rtol=1e-6)


def test_examples_of_a_batch_do_not_mix(encoder):
    video = videos(3)
    alone = np.concatenate([answer(encoder, video[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(answer(encoder, video), alone, atol=1e-5 * np.abs(alone).max())
    assert np.ptp(alone, axis=0).max() > 1e-3


def test_video_encoder_depends_on_every_frame(encoder):
    # the maximum takes a frame's number only where it is the largest
    video = videos(8)
    before = answer(encoder, video)
    for k in range(FRAMES):
        other = video.copy()
        other[:, k] = videos(8, seed=1)[:, k]
        assert np.abs(answer(encoder, other) - before).max() > 1e-4 * np.abs(before).max(), k


def test_video_encoder_depends_on_frame_order_except_pool(encoder):
    video = videos(4)
    forward, backward = answer(encoder, video), answer(encoder, np.ascontiguousarray(video[:, ::-1]))
    moved = np.abs(forward - backward).max() / np.abs(forward).max()
    assert moved < 1e-5 if encoder.name == "frame_pool" else moved > 1e-3


def test_video_encoder_survives_save_and_load(encoder, tmp_path):
    encoder.save(tmp_path / "model.keras")
    custom = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(answer(custom, videos()), answer(encoder, videos()))


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_frame_pool_equals_image_encoder_per_frame(pool):
    image_encoder = picture()
    randomize(image_encoder)
    model = frame_pool(FRAMES, image_encoder, 12, pool)
    video = videos()
    each = np.stack([np.asarray(image_encoder(video[:, k], training=False)) for k in range(FRAMES)], axis=1)
    kernel, bias = model.get_layer("embedding").get_weights()
    expected = np.maximum(getattr(each, pool)(axis=1) @ kernel + bias, 0.0)
    np.testing.assert_allclose(answer(model, video), expected, atol=1e-5)


def test_each_frame_does_not_mix_frames():
    image_encoder = picture()
    randomize(image_encoder)
    video = videos()
    strip = keras.Input((FRAMES * SIZE, SIZE, 3), dtype="uint8")
    model = keras.Model(strip, each_frame(strip, FRAMES, image_encoder))
    other = video.copy()
    other[1, 2] = 255 - other[1, 2]
    moved = np.abs(answer(model, video) - answer(model, other)).max(axis=-1)
    assert moved[1, 2] > 1e-4
    moved[1, 2] = 0.0
    assert not moved.any()


def test_fold_frames_inverts_stack_frames():
    video = videos()
    strip = stack_frames(video)
    assert isinstance(strip, np.ndarray)
    assert strip.shape == (3, FRAMES * SIZE, SIZE, 3)
    np.testing.assert_array_equal(strip[1, 2 * SIZE : 3 * SIZE], video[1, 2])
    np.testing.assert_array_equal(np.asarray(stack_frames(keras.ops.convert_to_tensor(video))), strip)
    np.testing.assert_array_equal(np.asarray(fold_frames(strip, FRAMES)), video.reshape(-1, SIZE, SIZE, 3))


def test_over_time_sees_one_pixel_through_time():
    x = np.random.default_rng(0).normal(size=(2, 4, 3, 5, 6)).astype("float32")
    made = over_time(keras.ops.convert_to_tensor(x.reshape(8, 3, 5, 6)), 4, lambda t: t[:, 1:] - t[:, :-1])
    np.testing.assert_allclose(np.asarray(made), (x[:, 1:] - x[:, :-1]).reshape(6, 3, 5, 6), atol=1e-6)


def test_conv_2plus1d_formula():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4, 4, 4)).astype("float32")
    frames = keras.Input((4, 4, 4))
    model = keras.Model(frames, conv_2plus1d(frames, 3, 8, activation=None))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([rng.normal(0, 0.2, layer.kernel.shape)])
    space, time = (layer.get_weights()[0] for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)))
    middle = sum(padded[:, :, i : i + 4, j : j + 4] @ space[i, j] for i in range(3) for j in range(3))
    middle = np.pad(np.maximum(middle / np.sqrt(1.001), 0), ((0, 0), (1, 1), (0, 0), (0, 0), (0, 0)))
    expected = sum(middle[:, i : i + 3] @ time[i, 0] for i in range(3)) / np.sqrt(1.001)
    made = np.asarray(model(x.reshape(6, 4, 4, 4), training=False)).reshape(expected.shape)
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_middle_width_keeps_the_weights_of_three_axes():
    for channels, filters in [(64, 64), (64, 128), (16, 32)]:
        middle = middle_width(channels, filters)
        assert middle % 4 == 0
        ours = middle * (9 * channels + 3 * filters)
        assert ours == pytest.approx(27 * channels * filters, rel=2 / middle)
    assert middle_width(64, 64) == 144  # as published


def moving_squares(count=16):
    """Draw a bright square that moves right or left; single frames are ambiguous."""
    rng = np.random.default_rng(0)
    video = np.zeros((count, *SHAPE), "uint8")
    label = np.arange(count) % 2
    for i in range(count):
        top, steps = rng.integers(0, SIZE - 4), 2 * np.arange(FRAMES)
        for k, left in enumerate(steps if label[i] else steps[::-1]):
            video[i, k, top : top + 4, left : left + 4] = 255
    return stack_frames(video), label


def brightening(count=16):
    """Draw noise that gets brighter or darker."""
    rng = np.random.default_rng(0)
    label = np.arange(count) % 2
    light = np.linspace(0.2, 1.0, FRAMES) * np.where(label, 1, -1)[:, None] + np.where(label, 0, 1.2)[:, None]
    noise = rng.integers(0, 256, (count, *SHAPE))
    return stack_frames((noise * light[:, :, None, None, None]).astype("uint8")), label


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("r2plus1d_shallow", moving_squares),
        ("temporal_conv", brightening),
        ("gated_stream", brightening),
    ],
)
def test_video_encoder_memorizes_motion(name, draw):
    keras.utils.set_random_seed(0)
    check_memorizes(ENCODERS[name](), *draw())


@pytest.mark.parametrize("name", ["frame_pool_max", "r2plus1d"])
def test_video_encoder_unusual_shapes_on_device(name, tmp_path, gpu):
    model = ENCODERS[name]()
    randomize(model)
    model = keras.Model({"video": model.input}, {"embedding": model.output})
    check_on_device(model, {"video": stack_frames(videos())}, tmp_path, gpu)


def test_video_encoder_bad_arguments_raise():
    with pytest.raises(ValueError, match=r"one of mean, max. Received: pool='sum'"):
        frame_pool(FRAMES, picture(), 12, pool="sum")
    with pytest.raises(ValueError, match=r"multiples of 4.* Received: units=6"):
        gated_stream(FRAMES, picture(), 12, units=6)
    with pytest.raises(ValueError, match=r"\(T, H, W, C\). Received: shape=\(12, 12, 3\)"):
        r2plus1d((12, 12, 3), 12)
    with pytest.raises(ValueError, match=r"Received: height=61, num_frames=5"):
        fold_frames(np.zeros((1, 61, 12, 3)), 5)
    with pytest.raises(ValueError, match=r"\(B, T, H, W, C\). Received: video.shape=\(5, 12, 12, 3\)"):
        stack_frames(np.zeros((5, 12, 12, 3)))
    image = keras.Input(SHAPE[1:], dtype="uint8")
    flat = keras.Model(image, keras.layers.Flatten()(image))
    with pytest.raises(ValueError, match=r"whose front_end is a Rescaling. Received: None"):
        frame_pool(FRAMES, flat, 12)
