"""Models: encoders, fusion and head, wired."""
