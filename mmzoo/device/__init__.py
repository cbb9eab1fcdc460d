"""On-device inference with NumPy and the LiteRT runtime only; image files also need Pillow."""

from mmzoo.device.runner import Runner

__all__ = ["Runner"]
