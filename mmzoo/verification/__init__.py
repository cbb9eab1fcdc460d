"""Execution of exported files on the CPU and on a GPU accelerator, compared with Keras."""
