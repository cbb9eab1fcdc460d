"""`.tflite` files as objects: read, write, join, operators and multiply-adds."""
