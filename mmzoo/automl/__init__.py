"""Training and prediction on a user's table: column types, sizes, budget, tuning, folds and linear baselines."""
