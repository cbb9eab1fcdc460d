"""Flags in place of parameters, numbers, and the layout of `--help`."""

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from cyclopts import Parameter

from mmzoo.cli.parser import new_app, numbers, seeds_of, with_flags
from mmzoo.errors import BadInputError, expect


@dataclass(frozen=True)
class Config:
    epochs: int = 5
    """Epochs of training."""
    snr_db: float = 0.0
    """Signal-to-noise ratio, see `init_from`."""
    modalities: tuple[str, ...] = ("image", "audio")
    """Input modalities."""
    augment: bool = True
    """Augment the training examples."""
    fold: int = 1
    seed: int = 0
    batch_size: int = 1
    fusion: str = "gated"
    width: int = 1
    patience: int | None = None
    init_from: str = ""


def app():
    """Return a command line of a Config, and the list that gets what is given."""
    given, app = [], new_app("mmzoo try", "Try it.", several=True)

    @app.default
    def run(
        table: str,
        /,
        *,
        config: Annotated[Config, Parameter(name="*")] = None,
        kind: Literal["a", "b"] = "a",
        resume: Annotated[bool, Parameter(negative="")] = False,
    ) -> None:
        given.append((table, config, kind, resume))

    return app, given


def test_with_flags_replaces_known_parameters():
    show = with_flags(app()[0], ["t.csv"])
    assert show("`snr_db` must be 1, not `table` of `recipe`") == "--snr-db must be 1, not TABLE of RECIPE"
    assert show("run `mmzoo fit` on `sort`") == "run `mmzoo fit` on `sort`"


def test_expect_names_the_parameter():
    expect("epochs", True, "a number above 0", 1)
    with pytest.raises(BadInputError, match=r"^`epochs` must be a number above 0, got -1$"):
        expect("epochs", False, "a number above 0", -1)


def test_numbers_of_words_are_refused():
    assert numbers("shares", "0.1,1", float) == [0.1, 1.0]
    with pytest.raises(BadInputError, match="`shares` must be numbers separated by commas, got a,b"):
        numbers("shares", "a,b", float)
    assert list(seeds_of("3")) == [0, 1, 2]
    assert seeds_of("0,6") == [0, 6]


def test_flags_fill_the_config():
    command, given = app()
    command(["t.csv", "--modalities", "audio", "text", "--no-augment", "--epochs", "2"], exit_on_error=False)
    table, config, kind, resume = given[0]
    assert (table, kind, resume) == ("t.csv", "a", False)
    assert config == Config(epochs=2, modalities=("audio", "text"), augment=False)


def test_help_groups_flags_and_shows_each_default_once(capsys):
    app()[0](["--help"], exit_on_error=False)
    page = capsys.readouterr().out
    sections = [line for line in page.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert sections == ["Arguments:", "Data:", "Model:", "Training:", "Output:", "Options:"]
    assert "--epochs INT" in page.partition("Training:")[2]
    assert page.count("[default: 5]") == 1
    assert "[default: image audio]" in page
    assert "--augment/--no-augment" in page
    assert "see --init-from" in page
    for noise in ("--empty", "--no-resume", "--version", "None", "--table", '""', "()"):
        assert noise not in page


def test_help_of_fit_has_a_group_for_each_flag(capsys):
    from mmzoo.cli.app import app

    app(["fit", "--help"], exit_on_error=False, result_action="return_value")
    page = capsys.readouterr().out
    assert "--teacher" in page.partition("Model:")[2].partition("Training:")[0]
    assert "--id" in page.partition("Data:")[2].partition("Model:")[0]
    assert "Options:" not in page


@pytest.mark.parametrize("words", [["--ignore", "a", "b", "c"], ["--ignore", "a", "--ignore", "b", "--ignore", "c"]])
def test_a_flag_of_fit_takes_several_columns(words):
    from mmzoo.cli.app import app

    _, bound, _ = app.parse_args(["fit", "t.csv", *words, "--target", "kind"])
    assert bound.args == ("t.csv",)
    assert bound.kwargs["request"].ignore == ("a", "b", "c")
    assert bound.kwargs["target"] == "kind"
