"""Encoders of which a package ships the weights."""
