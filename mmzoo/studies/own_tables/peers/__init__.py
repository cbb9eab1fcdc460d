"""Models of scikit-learn for a table, with features made by hand: what a person trains in minutes."""
