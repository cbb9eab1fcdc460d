"""Image encoder with a feature pyramid of two scales."""

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm


def feature_pyramid(shape: tuple[int, int, int], units: int) -> keras.Model:
    """Return a `keras.Model` of uint8 images `(B, H, W, 3)` to a map `(B, H / 8, W / 8, units)`.

    Features of cells of 16 pixels are enlarged and added to features of cells of 8 pixels (FPN, Lin et al. 2017,
    section 3). The first layers are narrow because they have most of the pixels.
    """
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="front_end")(image)
    x = conv_norm(x, max(4, units // 4), strides=2, name="stem")
    x = conv_norm(x, max(4, units // 2), strides=2, name="stage1")
    x = conv_norm(x, max(4, units // 2), name="stage2")
    x = conv_norm(x, units, strides=2, name="stage3")
    fine = conv_norm(x, units, name="stage4")
    x = conv_norm(fine, 2 * units, strides=2, name="stage5")
    x = conv_norm(x, 2 * units, name="stage6")
    x = conv_norm(x, 2 * units, name="stage7")
    x = conv_norm(x, units, 1, activation=None, name="coarse")
    x = layers.UpSampling2D(2, interpolation="bilinear", name="enlarge")(x)
    x = layers.Add(name="both")([fine, x])
    x = conv_norm(x, units, name="embedding")
    return keras.Model(image, x, name="image_encoder")
