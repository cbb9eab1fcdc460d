"""The options of a run's phases: what each changes, in which models, and what is refused."""

import dataclasses
from dataclasses import dataclass

import keras
import pytest
from epochs import small_recipe
from json_card import card_of

from mmzoo.cli import recipes
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase
from mmzoo.reports.readme import command, readme
from mmzoo.training.options import PhaseOptions, training_settings, with_options
from mmzoo.training.resume import checkpoints


@dataclass(frozen=True)
class Config:
    modalities: tuple[str, ...] = ("image", "audio")
    epochs: int = 6
    init_from: str = ""


def build(config):
    inputs = {name: keras.Input((3,), name=name) for name in config.modalities}
    made = []
    for name, x in inputs.items():
        inner = keras.Input((3,))
        encoder = keras.Model(inner, keras.layers.Dense(4, name="low")(inner), name=f"{name}_encoder")
        made.append(encoder(x))
    joined = keras.layers.Concatenate()(made) if len(made) > 1 else made[0]
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(joined))


def plan(config):
    return (Phase("train", config.epochs, 1e-2, clip_norm=5.0, patience=2),)


RECIPE = small_recipe(build=build, plan=plan, Config=Config)
WHOLE = Experiment(RECIPE, Config())


def phases(config=Config(), **options):
    return with_options(WHOLE, PhaseOptions(**options)).recipe.plan(config)


def test_without_options_the_recipe_is_what_it_was():
    assert with_options(WHOLE, PhaseOptions()) is WHOLE
    assert training_settings("float32", PhaseOptions()) == {}


def test_numbers_replace_those_of_the_recipe():
    (phase,) = phases(ema=0.9, patience=0)
    assert phase == Phase("train", 6, 1e-2, clip_norm=5.0, ema=0.9)
    assert phases(clip_norm=1.5)[0].clip_norm == 1.5


def test_a_baseline_has_the_options_of_its_own_parts():
    given = {"freeze": ("image_encoder", "audio_encoder/low"), "rates": ("audio_encoder=0.1", "image_encoder/low=2")}
    (phase,) = phases(**given)
    assert phase.frozen == given["freeze"]
    assert phase.rates == (("audio_encoder", 0.1), ("image_encoder/low", 2.0))
    (alone,) = phases(Config(modalities=("audio",)), **given)
    assert (alone.frozen, alone.rates) == (("audio_encoder/low",), (("audio_encoder", 0.1),))


def test_encoders_of_the_file_open_one_by_one(tmp_path):
    path = str(tmp_path / "model.keras")
    whole = Config(init_from=path)
    build(Config()).save(path)
    told = with_options(Experiment(RECIPE, whole), PhaseOptions(unfreeze_epochs=2, clip_norm=1.0)).recipe
    found = told.plan(whole)
    assert [phase.epochs for phase in found] == [2, 2, 2]
    assert [phase.frozen for phase in found] == [("image_encoder", "audio_encoder"), ("audio_encoder",), ()]
    assert {(phase.clip_norm, phase.patience) for phase in found} == {(1.0, 2)}
    alone = told.plan(dataclasses.replace(whole, modalities=("audio",)))
    assert [(phase.epochs, phase.frozen) for phase in alone] == [(2, ("audio_encoder",)), (4, ())]
    build(Config(modalities=("audio",))).save(path)  # the other encoder starts afresh: it is trained from the start
    assert [(phase.epochs, phase.frozen) for phase in told.plan(whole)] == [(2, ("audio_encoder",)), (4, ())]
    assert sum(phase.epochs for phase in told.plan(dataclasses.replace(whole, modalities=("image",)))) == 6
    said = "`unfreeze_epochs` 6 needs more than 6 epochs, for audio_encoder, got 6"
    with pytest.raises(BadInputError, match=said):
        with_options(Experiment(RECIPE, whole), PhaseOptions(unfreeze_epochs=6))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"freeze": ("image",)}, "`freeze` must be image_encoder, audio_encoder, or ENCODER/LAYER, got image"),
        ({"freeze": ("image_encoder/up",)}, "`freeze`: expected a part of image_encoder: .*low. Received: image_encod"),
        ({"rates": ("head=0.1",)}, "`rates` must be image_encoder, audio_encoder, or ENCODER/LAYER, got head"),
        ({"rates": ("image_encoder",)}, "`rates` must be ENCODER=FACTOR, a factor above 0, got image_encoder"),
        ({"rates": ("image_encoder=0",)}, "`rates` must be ENCODER=FACTOR, a factor above 0"),
        ({"rates": ("image_encoder=nan",)}, "`rates` must be ENCODER=FACTOR, a factor above 0"),
        ({"unfreeze_epochs": 0}, "`unfreeze_epochs` must be 1 or more, got 0"),
        ({"unfreeze_epochs": 1}, "`unfreeze_epochs` needs `init_from`"),
        ({"patience": -1}, "`patience` must be 0"),
        ({"clip_norm": float("inf")}, "`clip_norm` must be 0"),
        ({"ema": 1.0}, "`ema` must be 0"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(options, said):
    with pytest.raises(BadInputError, match=said):
        phases(**options)


def test_they_are_flags_of_train(monkeypatch):
    given = {}

    def train(name, config, **told):
        given.update(told)
        return "folder"

    monkeypatch.setattr("mmzoo.commands.train.train", train)
    monkeypatch.setattr("mmzoo.artifacts.card.Card.read", lambda folder: card_of(verification={"exit_code": 0}))
    words = "--freeze image_encoder audio_encoder/stem --rates audio_encoder=0.3 --patience 3 --clip-norm 1 --ema 0.99"
    assert recipes.train("spoken_digits")([*words.split(), "--unfreeze-epochs", "2"]) == 0
    assert given["options"] == PhaseOptions(
        ("image_encoder", "audio_encoder/stem"), ("audio_encoder=0.3",), 2, patience=3, clip_norm=1.0, ema=0.99
    )


def test_checkpoints_resume_requires_same_options(tmp_path):
    run = {"recipe": "r", "config": {"epochs": 2}, "precision": "float32"}

    def going_on(resume=True, **options):
        with checkpoints(tmp_path / "out", {**run, **PhaseOptions(**options).given()}, resume) as working:
            (working / "fused").mkdir(exist_ok=True)
            (working / "fused" / "state.json").write_text("{}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        going_on(resume=False, ema=0.5)
    for option, other in (("ema", {}), ("ema", {"ema": 0.6}), ("clip_norm", {"ema": 0.5, "clip_norm": 1.0})):
        with pytest.raises(BadInputError, match=f"`resume`: the interrupted run had another `{option}`"):
            going_on(**other)
    with pytest.raises(KeyboardInterrupt):
        going_on(ema=0.5)


def test_the_card_tells_them():
    told = training_settings("mixed_bfloat16", PhaseOptions(("image_encoder", "audio_encoder"), clip_norm=1.0))
    card = card_of(recipe="spoken_digits", config={"epochs": 2}, parameters=1, training=told)
    typed = "mmzoo train spoken_digits --epochs 2 --precision mixed_bfloat16 --freeze image_encoder"
    assert command(card) == f"{typed} --freeze audio_encoder --clip-norm 1.0"
    row = "precision = mixed_bfloat16, freeze = image_encoder audio_encoder, clip_norm = 1.0"
    assert f"| training | {row} |" in readme(card)
