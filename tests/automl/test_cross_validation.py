"""Tests of `mmzoo fit --folds`: rows of a fold, bad input, and resuming an interrupted run."""

import dataclasses

import numpy as np
import pytest
from json_card import card_of
from own_prices import ROWS, recipe_of, stops_in, write_prices

from mmzoo import recipes
from mmzoo.automl import cross_validation as fit_folds
from mmzoo.automl import tuning
from mmzoo.automl.cross_validation import check_folds, check_rows, cross_validate, fold_table
from mmzoo.automl.fit import _linear_baselines, fit_table
from mmzoo.automl.options import Request
from mmzoo.automl.tuning import check_tune
from mmzoo.data.tables.source import load_splits
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.reports.html.trials import fold_table as shown_folds
from mmzoo.reports.trials import cross_validation
from mmzoo.tasks.classification import ACCURACY


@pytest.fixture(scope="module")
def table(tmp_path_factory, cache):
    path = tmp_path_factory.mktemp("own") / "goods.csv"
    write_prices(path)
    return path


class TestRows:
    def folds(self, module, table, count):
        sizes = module.sizes(module.Config())
        return [load_splits(module.source, table, sizes, f"{fold}/{count}") for fold in range(1, count + 1)]

    def test_each_row_is_in_one_test_fold(self, table, tmp_path):
        module = recipes.load(str(recipe_of(table, tmp_path)))
        tests, files = [], set()
        for splits in self.folds(module, table, 3):
            assert sorted(row for one in splits.values() for row in one.index) == [*range(ROWS)]
            assert len(splits["validation"].index) == pytest.approx(80 * 15 / 85, abs=2)
            for split in ("train", "test"):
                assert np.bincount(splits[split].labels, minlength=3).min() >= 1
            tests += [*splits["test"].index]
            files.add(str(splits["test"].rows.arrays["tabular"].filename))
        assert sorted(tests) == [*range(ROWS)]
        assert len(files) == 1  # nothing is decoded again

    def test_groups_stay_together(self, table, tmp_path):
        path = tmp_path / "two.csv"
        lines = table.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(line for line in lines if "rare" not in line), encoding="utf-8")
        module = recipes.load(str(recipe_of(path, tmp_path, group="shop", ignore=("note", "day"))))
        shops = np.array([line.split(",")[2] for line in lines[1:] if "rare" not in line])
        for splits in self.folds(module, path, 3):
            held = [set(shops[one.index]) for one in splits.values()]
            assert not (held[0] & held[1] | held[0] & held[2] | held[1] & held[2])
            assert min(map(len, held)) > 1

    def test_recipe_fold_is_its_test_split(self, table, tmp_path):
        module = recipes.load(str(recipe_of(table, tmp_path)))
        splits = self.folds(module, table, 3)[1]
        batches = module.dataset("test", module.Config(fold="2/3"))
        assert np.concatenate([y for _, y in batches]).tolist() == splits["test"].labels.tolist()
        for fold in ("3", "0/3", "4/3", "a/b", "2/-3"):
            said = r"`fold` must be a fold and the number of folds, such as 2/5, got "
            with pytest.raises(BadInputError, match=said):
                module.dataset("test", module.Config(fold=fold))


class TestBadInput:
    @pytest.mark.parametrize(
        ("request_", "said"),
        [
            (Request(folds=1), "`folds` must be 2 or more, got 1"),
            (Request(folds=-2), "`folds` must be 2 or more, got -2"),
            (
                Request(folds=3, time="day"),
                "`folds` and `time` exclude each other: folds are of shuffled rows, or of a `group`",
            ),
            (
                Request(folds=3, split="s"),
                "`folds` and `split` exclude each other: folds are of shuffled rows, or of a `group`",
            ),
            (Request(tune=-1), "`tune` must be a number of trials or 0, got -1"),
        ],
    )
    def test_bad_flags_raise(self, request_, said, table, tmp_path):
        with pytest.raises(BadInputError) as raised:
            fit_table(table, "kind", tmp_path / "out", request_)
        assert str(raised.value) == said
        assert not [*tmp_path.iterdir()]

    def test_more_folds_than_rows_of_a_class_raises(self, table, tmp_path):
        request = Request(folds=4, ignore=("note", "shop", "day"))
        with pytest.raises(BadInputError) as raised:
            fit_table(table, "kind", tmp_path / "out", request)
        assert str(raised.value) == "`folds` must be at most 3, the rows of the class rare, got 4"
        assert not [*tmp_path.iterdir()]

    def test_named_split_with_folds_raises(self, table, tmp_path):
        module = recipes.load(str(recipe_of(table, tmp_path)))
        source = dataclasses.replace(module.source, split="day")
        with pytest.raises(BadInputError, match="`fold` and `split` exclude each other"):
            load_splits(source, table, module.sizes(module.Config()), "1/2")
        check_rows(Experiment(module, module.Config()), 3, table)

    def test_tune_without_optuna_raises(self, monkeypatch):
        monkeypatch.setattr(tuning.importlib.util, "find_spec", lambda name: None)
        check_tune(Request())
        with pytest.raises(BadInputError) as raised:
            check_tune(Request(tune=3))
        assert str(raised.value) == "`tune` needs optuna, which is not installed: pip install 'mmzoo[tune]'"

    def test_resume_with_other_flags_raises(self, tmp_path):
        Request(folds=3, ignore=("a",), budget="5m").keep(tmp_path)
        assert Request().kept(tmp_path) == Request(folds=3).kept(tmp_path)
        assert Request().kept(tmp_path) == Request(folds=3, ignore=("a",), budget="5m")
        with pytest.raises(BadInputError, match="`resume`: the interrupted run had `folds` 3, got 4"):
            Request(folds=4).kept(tmp_path)

    def test_no_folds_and_no_tuning_are_accepted(self):
        check_folds(Request())
        check_tune(Request(tune=0))


@pytest.mark.usefixtures("untraced", "rows_once")
def test_cross_validate_resumes_after_interruption(table, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "mmzoo")
    module = recipes.load(str(recipe_of(table, tmp_path, ignore=("shop", "day"))))
    begun = stops_in(monkeypatch, fit_folds, 5)
    given = (Experiment(module, module.Config()), 2, table, tmp_path, _linear_baselines)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(*given)
    assert caplog.text.count("fold 1 of 2, test accuracy: text+tabular ") == 1
    caplog.clear()
    assert not (tmp_path / "fold_1").exists()
    section = cross_validate(*given)
    models = ["text+tabular", "text", "tabular"]
    first, second = ([f"fold {k}/2 ({name})" for name in models] for k in (1, 2))
    assert begun == [*first, *second[:2], *second]
    (printed,) = caplog.messages
    assert printed.startswith("fold 2 of 2, test accuracy: text+tabular ")
    assert ", linear baseline, all " in printed
    assert (section["folds"], section["score"], section["rows"]) == (2, "accuracy", [60, 60])
    assert [*section["models"]] == models
    assert [*section["linear"]] == ["text", "tabular", "all"]
    for one in [*section["models"].values(), *section["linear"].values()]:
        assert one["mean"] == pytest.approx(np.mean(one["folds"]))
        assert one["deviation"] == pytest.approx(np.std(one["folds"], ddof=1))
    assert section["linear"]["tabular"]["mean"] > 0.9
    assert section["models"]["text"]["mean"] < 0.7
    check_told_folds(section)


def check_told_folds(section):
    lines = fold_table(section, ACCURACY).splitlines()
    assert lines[0] == "test accuracy, mean ± standard deviation over 2 folds"
    assert [line.split("  ")[0] for line in lines[1:4]] == ["text+tabular", "text only", "tabular only"]
    assert lines[4].startswith("linear baseline, ")
    card = card_of(cross_validation=section)
    assert f"| text only | {100 * section['models']['text']['mean']:.2f} % ± " in cross_validation(card)
    assert "slightly optimistic" not in cross_validation(card)
    assert "slightly optimistic" in cross_validation(card_of(cross_validation=section, tuning={"trials": 1}))
    shown = shown_folds(card)
    assert shown["head"] == ["model", "accuracy, mean", "standard deviation", "fold 1", "fold 2"]
    assert shown["figures"] == [False, True, True, True, True]
    assert cross_validation(card_of()) == ""
    assert shown_folds(card_of()) == {}
