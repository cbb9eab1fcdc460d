"""The folder of a trained model: names of files, card, golden tensors and runtimes."""
