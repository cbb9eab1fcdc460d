"""Transfer from published networks to the encoders of a table's model."""
