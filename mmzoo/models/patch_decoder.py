"""Patch decoders of pretraining, for images and spectrograms."""

from keras import KerasTensor, layers, ops


def patch_decoder(
    embedding: KerasTensor, count: int, width: int, units: int = 64, name: str = "decoder"
) -> KerasTensor:
    """Decode an embedding `(B, D)` to patches `(B, count, width)`.

    A Dense layer gives each patch its own `units`. All patches share the following layers, so that the decoder is small
    and weak without a good embedding.
    """
    x = layers.Dense(count * units, activation="relu", name=f"{name}_places")(embedding)
    x = layers.Reshape((count, units), name=f"{name}_by_place")(x)
    x = layers.Dense(units, activation="relu", name=f"{name}_hidden")(x)
    return layers.Dense(width, name=f"{name}_patches")(x)


def map_decoder(
    embedding: KerasTensor, features: KerasTensor, count: int, width: int, units: int = 64, name: str = "decoder"
) -> KerasTensor:
    """Decode an embedding `(B, D)` and a feature map to patches `(B, count, width)`.

    The map is `(B, H, W, C)` with about `count` cells. Each patch is decoded from its own cell, the neighboring cells,
    and the embedding, which holds the global content. A map with fewer cells than patches is padded with zeros at its
    end.

    Raises:
        ValueError: the map has more cells than there are patches.
    """
    height, wide = features.shape[1:3]
    if height * wide > count:
        raise ValueError(f"map_decoder expects at most {count} places. Received: features.shape={features.shape}")
    window = tuple(min(3, size) for size in (height, wide))
    local = layers.Conv2D(units, window, padding="same", name=f"{name}_local")(features)
    local = layers.Reshape((height * wide, units), name=f"{name}_by_place")(local)
    local = ops.pad(local, [[0, 0], [0, count - height * wide], [0, 0]])
    whole = layers.Dense(count * units, name=f"{name}_places")(embedding)
    x = layers.ReLU(name=f"{name}_relu")(local + ops.reshape(whole, (-1, count, units)))
    x = layers.Dense(units, activation="relu", name=f"{name}_hidden")(x)
    return layers.Dense(width, name=f"{name}_patches")(x)
