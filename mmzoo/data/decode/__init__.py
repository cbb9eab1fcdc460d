"""Audio, image, video, text and SVG files to arrays."""
