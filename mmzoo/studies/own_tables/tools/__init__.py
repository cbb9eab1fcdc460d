"""Other tools that train on a table, in a Python environment of their own."""
