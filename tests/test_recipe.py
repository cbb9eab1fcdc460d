"""The phases that thaw a model group by group."""

from dataclasses import dataclass, replace
from types import ModuleType

import keras
import pytest

from mmzoo.errors import BadInputError
from mmzoo.recipe import CommonConfig, Recipe, gradual_unfreezing
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


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=("sample", "real"), modalities=("image", "audio")):
    modalities: tuple[str, ...] = ("image", "audio")
    snr_db: float = 0.0
    fusion: str = "gated"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"modalities": ("audio", "image")}, "`modalities` must be any of image, audio in this order"),
        ({"modalities": ()}, "`modalities`"),
        ({"source": "other"}, "`source` must be one of sample, real, got other"),
        ({"epochs": 0}, "`epochs` must be a number above 0, got 0"),
        ({"learning_rate": float("inf")}, "`learning_rate`"),
        ({"batch_size": 4097}, "`batch_size` must be 4096 at most"),
        ({"seed": -1}, "`seed`"),
        ({"snr_db": float("nan")}, "`snr_db` must be decibels"),
        ({"fusion": "guess"}, "`fusion` must be one of attention"),
    ],
    ids=str,
)
def test_common_config_refuses_what_cannot_be(flags, said):
    with pytest.raises(BadInputError, match=said):
        Config(**flags)


def module(**changes):
    """Return a module with the names of a recipe, changed; None leaves a name out."""
    made = ModuleType("made")
    made.__doc__ = "Digits from images.\n\nMore of it."
    made.__file__ = "/here/made.py"
    one = dict.fromkeys(("build", "objective", "plan", "export"), lambda config: config)
    parts = {"Config": Config, "TINY": Config(), "dataset": lambda split, config, epoch: split, **one, **changes}
    for name, part in parts.items():
        if part is not None:
            setattr(made, name, part)
    return made


def test_from_module_reads_names_and_optional_parts():
    recipe = Recipe.from_module(module(kinds=lambda config: ("a",), FOLDS=(1, 2)))
    assert (recipe.name, recipe.summary, recipe.folds) == ("made", "Digits from images", (1, 2))
    assert recipe.kinds(None) == ("a",)
    assert recipe.references is recipe.language is recipe.reconstruction is None
    assert replace(recipe, plan=lambda config: ()).plan(None) == ()


def test_from_module_without_a_plan_trains_all_weights_in_one_phase():
    (phase,) = Recipe.from_module(module(plan=None)).plan(Config(epochs=7, learning_rate=0.25))
    assert (phase.name, phase.epochs, phase.learning_rate, phase.frozen) == ("train", 7, 0.25, ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"build": None, "TINY": None}, "/here/made.py: expected Config, .* Received: no TINY, build"),
        ({"dataset": lambda split, config, first_epoch=0: split}, r"a function dataset\(split, config, epoch\)"),
        ({"plan": lambda: ()}, r"expected a function plan\(config\). Received: plan\(\)"),
        ({"export": 3}, "Received: export = 3"),
        ({"kinds": ("a",)}, r"a function kinds\(config\)"),
        ({"TINY": 3}, "a dataclass Config, and TINY of it"),
    ],
    ids=["missing", "dataset", "plan", "export", "kinds", "TINY"],
)
def test_from_module_names_what_is_missing_or_wrong(changes, said):
    with pytest.raises(BadInputError, match=said):
        Recipe.from_module(module(**changes))
