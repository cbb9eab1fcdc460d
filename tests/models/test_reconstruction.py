"""Reconstructions of the multimodal autoencoder."""

import keras
import numpy as np
from on_device import randomize

from mmzoo.losses.masked import patches
from mmzoo.models.reconstruction import decode


def test_autoencoder_pixels_stand_in_rows():
    """A decoder whose patches are numbered puts patch p, number k where `masked` cuts it from."""
    z = keras.Input((4,))
    made = decode(z, "image")
    model = keras.Model(z, made)
    numbered = keras.Model(z, model.get_layer("image_decoder_patches").output)
    randomize(model)
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    picture = np.asarray(model(x)).reshape(2, 28, 28)
    np.testing.assert_allclose(patches(picture, (4, 4)), numbered(x), atol=1e-6)
