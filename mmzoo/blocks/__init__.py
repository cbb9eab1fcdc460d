"""Layers and functions that models are built of: Keras tensor to Keras tensor."""
