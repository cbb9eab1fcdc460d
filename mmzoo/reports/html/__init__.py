"""The HTML report that `mmzoo fit` writes."""
