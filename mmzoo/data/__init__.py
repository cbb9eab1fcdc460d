"""Raw files to batches."""
