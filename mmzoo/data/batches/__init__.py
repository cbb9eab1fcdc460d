"""Training and evaluation batches, one module for each kind of example."""
