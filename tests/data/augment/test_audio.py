"""Audio shift, time stretch and masking against NumPy and librosa."""

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.augment.audio import mask_log_mel, shift_waveforms, stretch_time

SEED = tf.constant([5, 6])
FUNCTIONS = {
    "shift": (lambda x, s: shift_waveforms(x, s, 400), (16, 1000)),
    "mask": (mask_log_mel, (16, 98, 40)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_augmentation_depends_on_seed_and_example_only(name):
    function, shape = FUNCTIONS[name]
    same = np.repeat(np.random.default_rng(0).normal(size=(1, *shape[1:])), shape[0], axis=0).astype(np.float32)
    first = function(tf.constant(same), SEED)
    assert first.dtype == tf.float32
    assert first.shape == shape
    np.testing.assert_array_equal(function(tf.constant(same), SEED), first)
    np.testing.assert_allclose(tf.function(function)(tf.constant(same), SEED), first, atol=1e-5)
    assert not np.array_equal(function(tf.constant(same), SEED + 1), first)
    assert len({x.tobytes() for x in first.numpy()}) > 12


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_shift_waveforms_does_not_wrap(dtype):
    waveforms = np.tile(np.arange(1, 101), (500, 1)).astype(dtype)
    shifted = shift_waveforms(tf.constant(waveforms), SEED, 30).numpy()
    assert shifted.dtype == dtype
    seen = set()
    for row in shifted:
        shift = int(np.flatnonzero(row)[0]) or -(int(row[0]) - 1)
        expected = np.zeros(100, dtype)
        expected[max(0, shift) : 100 + min(0, shift)] = waveforms[0, max(0, -shift) : 100 - max(0, shift)]
        np.testing.assert_array_equal(row, expected)
        seen.add(shift)
    assert seen == set(range(-30, 31))


def test_mask_log_mel_sets_spans_to_the_mean():
    rng = np.random.default_rng(0)
    log_mel = rng.normal(size=(300, 60, 30)).astype(np.float32)
    masked = mask_log_mel(tf.constant(log_mel), SEED, 1, 12, 1, 6).numpy()
    widths = []
    for before, behind in zip(log_mel, masked, strict=True):
        hidden = before != behind
        times, bands = hidden.all(axis=1), hidden.all(axis=0)
        np.testing.assert_array_equal(hidden, times[:, None] | bands)
        np.testing.assert_allclose(behind[hidden], before.mean(), atol=1e-5)
        for mask in (times, bands):
            assert not mask.any() or np.ptp(np.flatnonzero(mask)) == mask.sum() - 1
        widths.append((times.sum(), bands.sum()))
    assert np.min(widths, axis=0).tolist() == [0, 0]
    assert np.max(widths, axis=0).tolist() == [12, 6]
    np.testing.assert_allclose(np.mean(widths, axis=0), [6, 3], atol=0.7)
    hidden = (masked != log_mel).all(axis=2)
    assert hidden.mean(axis=0).min() > 0
    assert hidden[:, [0, -1]].any(axis=0).all()


def test_mask_log_mel_more_masks_hide_more():
    log_mel = tf.constant(np.random.default_rng(0).normal(size=(50, 60, 30)).astype(np.float32))
    share = [(mask_log_mel(log_mel, SEED, n, 12, n, 6).numpy() != log_mel.numpy()).mean() for n in (1, 2, 4)]
    assert 0 < share[0] < share[1] < share[2] < 0.8
    np.testing.assert_array_equal(mask_log_mel(log_mel, SEED, time_width=0, band_width=0), log_mel)
    assert (mask_log_mel(log_mel, SEED, 1, 600, 1, 600).numpy() != log_mel.numpy()).mean() < 1


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.0, 1.3, 2.0])
def test_stretch_time_keeps_pitch_and_level(factor):
    tones = np.zeros((2, 8000), np.int16)
    tones[0, :4000] = np.rint(8000 * np.sin(2 * np.pi * 437 * np.arange(4000) / 8000))
    changed, lengths = stretch_time(tones, np.array([4000, 0], np.int32), factor)
    assert lengths.tolist() == [round(4000 / factor), 0]
    assert not changed[0, lengths[0] :].any()
    assert not changed[1].any()
    middle = changed[0, 600 : lengths[0] - 600].astype(float)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 16000))
    assert spectrum.argmax() / 2 == pytest.approx(437, abs=2)
    # bins that drift apart in phase cost up to 1 dB, in librosa too
    assert np.sqrt((middle**2).mean()) == pytest.approx(8000 / np.sqrt(2), rel=0.11)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_stretch_time_equals_librosa(factor):
    librosa = pytest.importorskip("librosa")
    rng = np.random.default_rng(0)
    t = np.arange(6000) / 8000
    clip = 6000 * np.sin(2 * np.pi * (300 * t + 400 * t**2)) * np.exp(-2 * t) + rng.normal(0, 300, 6000)
    clips = np.rint(clip).astype(np.int16)[None]
    clips = np.pad(clips, ((0, 0), (0, 4000)))
    changed, lengths = stretch_time(clips, np.array([6000], np.int32), factor, frame_length=512)
    padded = np.pad(clips[0, :6000].astype(np.float64), (0, 1024))
    theirs = librosa.effects.time_stretch(padded, rate=factor, n_fft=512)[: lengths[0]]
    np.testing.assert_allclose(changed[0, : lengths[0]], theirs, atol=2.0)


def test_stretch_time_cuts_long_and_clips_loud():
    rng = np.random.default_rng(0)
    clips = rng.choice(np.array([-32768, 32767], np.int16), (1, 2000))
    changed, lengths = stretch_time(clips, np.array([2000], np.int32), 0.5)
    assert changed.shape == clips.shape
    assert changed.dtype == np.int16
    assert lengths[0] == 2000
    np.testing.assert_array_equal(stretch_time(clips, np.array([2000], np.int32), 0.5)[0], changed)
    slow, length = stretch_time(clips[:, :100], np.array([100], np.int32), 1.25)
    assert length[0] == 80
    assert slow.shape == (1, 100)
