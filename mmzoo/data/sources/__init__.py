"""Data sets and generators, one a module: arrays, and name, license, classes and units."""
