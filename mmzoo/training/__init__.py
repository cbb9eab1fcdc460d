"""The training loop: phases, checkpoints, optimizer and options."""
