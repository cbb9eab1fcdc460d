"""Execution of exported files on CPU, GPU and browser runtimes, compared with Keras."""
