"""The phases that thaw a model group by group."""

import keras
import pytest

from mmzoo.recipe import gradual_unfreezing
from mmzoo.training.loop import compile_phase


def test_each_phase_trains_one_group_more():
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="low"), keras.layers.Dense(5, name="up")])
    encoder.name = "encoder"
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2, name="head")(encoder(x)))
    phases = gradual_unfreezing((("encoder/up",), ("encoder/low",)), 3, 1e-3)
    assert [phase.frozen for phase in phases] == [("encoder/up", "encoder/low"), ("encoder/low",), ()]
    assert {(phase.epochs, phase.learning_rate) for phase in phases} == {(3, 1e-3)}
    assert len({phase.name for phase in phases}) == 3
    trained = []
    for phase in phases:
        for layer in (model, encoder, *encoder.layers):
            layer.trainable = True
        compile_phase(model, {"loss": "mse"}, phase, steps=2)
        trained.append(len(model.trainable_variables))
    assert trained == [2, 4, 6]


def test_a_name_belongs_to_one_group():
    with pytest.raises(ValueError, match="each name once"):
        gradual_unfreezing((("a", "b"), ("b",)), 1, 1e-3)
