"""Losses `loss(y_true, y_pred)` for `model.compile(loss=...)` of a model with one output.

They return one number per example, `(B,)`, or a scalar. They compute in float32 for any compute type of the model.
`y_true` arrives as float32, exact for ids and class indices below 2^24.

Use the losses of Keras for:

- classes: `SparseCategoricalCrossentropy`; with smoothed labels: `CategoricalCrossentropy(label_smoothing=...)`
- several labels: `BinaryCrossentropy`; rare ones: `BinaryFocalCrossentropy` (Lin et al. 2017, section 3)
- numbers: `MeanSquaredError`, `Huber`
- clusters: `KLDivergence` with the sharpened probabilities as `y` (DEC, Xie et al. 2016, section 3.1.2)
- masked tokens with `y` -1 at positions without a mask: `SparseCategoricalCrossentropy(ignore_class=-1)`
- a teacher's features as `y`: `MeanSquaredError` or `CosineSimilarity` (FitNets, Romero et al. 2015, section 2.2, with
  a Dense layer of the student as regressor)
"""
