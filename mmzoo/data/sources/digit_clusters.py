"""Clusters of training pictures: what pretraining predicts in place of labels."""

import functools

import numpy as np
import tensorflow as tf

from mmzoo.data.sources.digit_facts import load
from mmzoo.errors import expect

FITTED = 20_000  # pictures, at most: more hardly move some hundred centers


@functools.lru_cache(maxsize=2)
def picture_clusters(
    source: str, data_dir: str, seed: int, components: int, snr_db: float, clusters: int
) -> np.ndarray:
    """Return the centers `(clusters, 784)`, pixels in 0..1, of k-means over training pictures of a digit source.

    Raises:
        BadInputError: more clusters than pictures.
    """
    from sklearn.cluster import MiniBatchKMeans

    pictures = load(source, "train", data_dir, seed, components, snr_db).images
    pictures = np.random.default_rng(seed).permutation(pictures)[:FITTED]
    expect("clusters", clusters <= len(pictures), f"{len(pictures)} at most, the pictures", clusters)
    pixels = pictures.reshape(len(pictures), -1).astype("float32") / 255
    found = MiniBatchKMeans(clusters, random_state=seed, batch_size=4096, n_init=3).fit(pixels)
    return found.cluster_centers_.astype("float32")


def nearest(pixels: tf.Tensor, centers: np.ndarray) -> tf.Tensor:
    """Return the number `(B,)` int32 of the center nearest to each of `pixels` `(B, D)`, of centers `(K, D)`."""
    centers = tf.constant(centers)
    # the squared distance less that of the pixels to 0, which all centers share
    distance = tf.reduce_sum(tf.square(centers), axis=1) - 2 * tf.matmul(pixels, centers, transpose_b=True)
    return tf.argmin(distance, axis=1, output_type=tf.int32)


def assign(batches: tf.data.Dataset, centers: np.ndarray, pixels: int, modalities: tuple[str, ...]) -> tf.data.Dataset:
    """Replace labels, whose first `pixels` are an image, by its cluster; keep the inputs `modalities`."""

    def change(inputs, label):
        return {name: inputs[name] for name in modalities}, nearest(label[:, :pixels], centers)

    return batches.map(change, num_parallel_calls=2, deterministic=True).prefetch(2)
