"""Builders of tensorflow-datasets; the folder is the registry."""
