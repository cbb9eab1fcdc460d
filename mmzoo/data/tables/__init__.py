"""A user's table: read, infer column types, split, decode and batch."""
