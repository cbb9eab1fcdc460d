"""Tests of the line that is printed for each epoch."""

import pytest
from numbers_recipe import CONFIG, recipe

from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase
from mmzoo.tasks.format import percent
from mmzoo.training.loop import fit
from mmzoo.training.progress import EpochTable


def test_epoch_table_is_a_line_for_each_epoch_under_one_head(tmp_path, caplog, untraced):
    phases = (Phase("probe", 2, 1e-2, frozen=("encoder",)), Phase("all", 1, 5e-3))
    with caplog.at_level("INFO", logger="mmzoo"):
        _, history = fit(
            Experiment(recipe(phases), CONFIG),
            tmp_path,
            "small",
            callbacks=[EpochTable("small (x)", 3, "accuracy", percent)],
        )
    said, head, *lines = "\n".join(caplog.messages).splitlines()
    assert said == "training small (x), at most 3 epochs"
    assert head.split("  ") == [
        "epoch",
        "train loss",
        "validation loss",
        "train accuracy",
        "validation accuracy",
        "seconds left",
    ]
    assert [line.split()[0] for line in lines] == ["1/3", "2/3", "3/3"]
    assert {len(line) for line in lines} == {len(head)}
    for line, *values in zip(lines, history["loss"], history["val_loss"], strict=True):
        assert [float(cell) for cell in line.split()[1:3]] == pytest.approx(values, rel=1e-3)
    for line, value in zip(lines, history["val_accuracy"], strict=True):
        assert percent(value) in line
    assert lines[-1].split()[-1] == "0"
    assert "test" not in head


def test_epoch_table_without_the_metric_prints_another(caplog):
    table = EpochTable("t", 4, "recall_1", percent)
    table.on_train_batch_end(0)
    with caplog.at_level("INFO", logger="mmzoo"):
        table.on_epoch_end(
            0, {"loss": 1.0, "val_loss": 2.0, "b_loss": 1.0, "val_b_loss": 1.0, "mae": 3.0, "val_mae": 4.0}
        )
        table.on_epoch_end(1, {"loss": 1.0, "val_loss": 0.5, "mae": 3.0, "val_mae": 4.5})
    (first, second) = caplog.messages
    assert first.splitlines()[1].split("  ")[:5] == [
        "epoch",
        "train loss",
        "validation loss",
        "train mae",
        "validation mae",
    ]
    assert second.split()[:5] == ["2/4", "1", "0.5", "3", "4.5"]
    caplog.clear()
    with caplog.at_level("INFO", logger="mmzoo"):
        losses = EpochTable("only losses", 1, "accuracy", percent)
        losses.on_train_batch_end(0)
        losses.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    assert caplog.messages[0].splitlines()[1].split("  ") == ["epoch", "train loss", "validation loss", "seconds left"]
