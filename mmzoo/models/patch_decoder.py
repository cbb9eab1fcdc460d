"""From embeddings back to patches of a picture or a spectrogram: the small decoders of pretraining."""

from keras import layers, ops


def patch_decoder(embedding, count, width, units=64, name="decoder"):
    """Return `count` patches of `width` numbers each, `(B, count, width)`, from an embedding `(B, D)`.

    A Dense layer gives each patch `units` of its own; what follows is shared by all of them, so that the decoder is
    small and can say little by itself.
    """
    x = layers.Dense(count * units, activation="relu", name=f"{name}_places")(embedding)
    x = layers.Reshape((count, units), name=f"{name}_by_place")(x)
    x = layers.Dense(units, activation="relu", name=f"{name}_hidden")(x)
    return layers.Dense(width, name=f"{name}_patches")(x)


def map_decoder(embedding, features, count, width, units=64, name="decoder"):
    """Return `(B, count, width)` patches from an embedding `(B, D)` and a map `(B, H, W, C)` of about `count` places.

    Each patch is decoded from its own place, with the places around it, and from the embedding, which tells what is
    there as a whole. A map of a place too few is filled up with zeros at its end.

    Raises:
        ValueError: the map has more places than there are patches.
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
