"""README, plots and HTML page of a trained model, rendered from its card."""
