"""Statistics of mel bands against NumPy, in files and on the GPU accelerator."""

import keras
import numpy as np
import pytest
from on_device import check_on_device

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.signal_statistics import BandStatistics

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("samples", [4000, 600])
def test_features_are_those_of_numpy(samples):
    waveform = (RNG.normal(size=(3, samples)) * RNG.uniform(0.01, 0.3, (3, 1))).astype("float32")
    layer = BandStatistics()
    layer(waveform)
    found = keras.ops.convert_to_numpy(layer.measure(waveform))
    assert found.shape == (3, layer.size((None, samples)))
    energies = keras.ops.convert_to_numpy(LogMel()(waveform))
    parts = [energies.mean(axis=1), np.sqrt(energies.var(axis=1) + 1e-3)]
    parts += [np.abs(np.diff(energies, axis=1)).mean(axis=1), energies.max(axis=1)]
    length = energies.shape[1] // 8
    if length:
        parts += [energies[:, i * length : (i + 1) * length].mean(axis=1) for i in range(8)]
    np.testing.assert_allclose(found, np.concatenate(parts, axis=1), atol=1e-4)


def test_is_saved_and_right_on_the_gpu(tmp_path, gpu):
    x = keras.Input((4000,), name="audio")
    layer = BandStatistics(8000, 200, 80, 20, name="front_end")
    model = keras.Model({"audio": x}, {"y": layer(x)})
    layer.adapt([(RNG.normal(size=(64, 4000)) * 0.1).astype("float32")])
    assert BandStatistics.from_config(layer.get_config()).log_mel.settings() == layer.log_mel.settings()
    check_on_device(model, {"audio": (RNG.normal(size=(4, 4000)) * 0.1).astype("float32")}, tmp_path, gpu)
