"""Encoders, one a module: one modality to an embedding, as a `keras.Model`."""
