"""Archives and tensorflow-datasets, verified by their hashes."""
