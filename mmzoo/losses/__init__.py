"""Losses, `loss(y_true, y_pred)`, straight into `model.compile(loss=...)` of a model with one output.

They return one number an example, `(B,)`, or a scalar. They compute in float32 whatever the model computes in. `y_true`
reaches them as float32, which holds ids and class indices below 2^24 exactly.

Where Keras has the loss, take Keras's:

- classes: `SparseCategoricalCrossentropy`; with smoothed labels: `CategoricalCrossentropy(label_smoothing=...)`
- several labels: `BinaryCrossentropy`; rare ones: `BinaryFocalCrossentropy` (Lin et al. 2017, section 3)
- numbers: `MeanSquaredError`, `Huber`
- clusters: `KLDivergence` with the sharpened probabilities as `y` (DEC, Xie et al. 2016, section 3.1.2)
- masked tokens with `y` -1 where nothing was masked: `SparseCategoricalCrossentropy(ignore_class=-1)`
- a teacher's features as `y`: `MeanSquaredError` or `CosineSimilarity` (FitNets, Romero et al. 2015, section 2.2, whose
  regressor is a Dense layer of the student)
"""
