"""What runs on the device: NumPy and the LiteRT runtime alone; picture files need Pillow as well."""

from mmzoo.device.runner import Runner

__all__ = ["Runner"]
