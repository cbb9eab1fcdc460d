"""Tests of splits of a table's rows into train, validation and test, and of folds."""

import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from mmzoo.data.tables.split import SPLITS, folds, split_rows
from mmzoo.errors import BadInputError

SHARES = np.array([0.70, 0.15, 0.15])


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def table(**columns):
    return pd.DataFrame(columns)


def counts(splits, labels):
    """Count rows by split (train, validation, test) for each class."""
    return {c: tuple(int(((splits == s) & (labels == c)).sum()) for s in SPLITS) for c in np.unique(labels).tolist()}


def sizes(splits):
    return [int((splits == name).sum()) for name in SPLITS]


def test_split_rows_classes_of_any_size():
    labels = np.repeat(["a", "b", "c", "d", "e"], [1, 2, 3, 100, 1000])
    splits = split_rows(table(x=labels), labels)
    assert counts(splits, labels) == {
        "a": (1, 0, 0),
        "b": (1, 0, 1),
        "c": (1, 1, 1),
        "d": (70, 15, 15),
        "e": (700, 150, 150),
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=12), st.integers(0, 9))
def test_split_rows_strata_keep_their_shares(of_class, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(of_class)), of_class))
    if max(of_class) < 3 or sum(size > 1 for size in of_class) < 2:
        return
    splits = split_rows(table(x=labels), labels, seed=seed)
    for held, size in zip(counts(splits, labels).values(), of_class, strict=True):
        if size >= 3:
            assert min(held) >= 1
            assert np.all(np.abs(np.array(held)[1:] - SHARES[1:] * size) < 1)
    large = sum(size for size in of_class if size >= 7)  # those from which no part takes more than its share
    small = sum(of_class) - large
    assert np.all(np.abs(np.array(sizes(splits)) - SHARES * (large + small)) <= small + 1.5)


def test_split_rows_rounding_is_compensated():
    labels = np.repeat(np.arange(30), 11)  # 1.65 rows of each are for test
    assert sizes(split_rows(table(x=labels), labels)) == pytest.approx(SHARES * 330, abs=1.5)


def test_split_rows_depends_only_on_seed():
    labels = np.tile(["a", "b"], 20)
    one, again, other = (split_rows(table(x=labels), labels, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    # other versions of pandas must not change a published split
    assert "".join(split[1] for split in one) == "rerrraearerrrrararearrrrrrerrrrrrrrraerr"


def test_split_rows_numbers_are_stratified_by_quantile():
    labels = np.random.default_rng(0).exponential(size=1000)
    splits = split_rows(table(x=labels), labels)
    assert sizes(splits) == pytest.approx(1000 * SHARES, abs=10)
    for q in (0.2, 0.5, 0.9):
        for name in SPLITS:
            assert np.quantile(labels[splits == name], q) == pytest.approx(np.quantile(labels, q), rel=0.12)
    # few rows, and numbers that are all but one equal
    assert min(sizes(split_rows(table(x=range(5)), np.arange(5.0)))) == 1
    assert min(sizes(split_rows(table(x=range(100)), np.eye(100)[7]))) >= 10


def test_split_rows_labels_are_stratified_by_rarest():
    labels = np.zeros((400, 3), int)
    labels[:, 0] = 1
    labels[::2, 1] = 1
    labels[:12, 2] = 1
    splits = split_rows(table(x=range(400)), labels)
    for column in labels.T:
        assert np.array(sizes(splits[column > 0])) / column.sum() == pytest.approx(SHARES, abs=0.1)


class TestColumn:
    labels = np.tile(["a", "b"], 50)

    def test_split_names_are_recognized(self):
        names = np.array(["Train", " train", "val", "VALID", "dev", "validation", "test", "TEST "] * 12 + ["test"] * 4)
        splits = split_rows(table(fold=names), self.labels, by="fold")
        expected = {"tr": "train", "va": "validation", "de": "validation", "te": "test"}
        assert splits.tolist() == [expected[name.strip().lower()[:2]] for name in names]

    def test_missing_validation_is_drawn_from_train(self):
        names = np.repeat(["train", "test"], [80, 20])
        splits = split_rows(table(fold=names), self.labels, by="fold")
        assert (splits[80:] == "test").all()
        assert counts(splits[:80], self.labels[:80]) == {"a": (33, 7, 0), "b": (33, 7, 0)}

    def test_unknown_split_names_are_listed(self):
        names = ["train", "test", "holdout", None, "3"] * 20
        with pytest.raises(
            BadInputError, match=r"column fold: expected train, .* Received: 3, an empty cell, holdout$"
        ):
            split_rows(table(fold=names), self.labels, by="fold")
        with pytest.raises(BadInputError, match=r"Received: 0, 1, 10, 11, 12 and 15 more$"):
            split_rows(table(fold=np.arange(100) % 20), self.labels, by="fold")

    @pytest.mark.parametrize("missing", ["train", "test"])
    def test_missing_split_raises(self, missing):
        names = np.tile([name for name in SPLITS if name != missing], 50)
        with pytest.raises(BadInputError, match=rf"split by column fold: expected rows in .*{missing}"):
            split_rows(table(fold=names), self.labels, by="fold")

    def test_single_class_in_test_raises(self):
        names = np.where(self.labels == "a", "train", np.repeat(["train", "test"], 50))
        with pytest.raises(BadInputError, match=r"at least two classes in test. Received: only b, in 25 rows of 100"):
            split_rows(table(fold=names), self.labels, by="fold")


class TestGroup:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10_000), st.integers(9, 60))
    def test_groups_stay_together(self, seed, number):
        rng = np.random.default_rng(seed)
        groups, labels = rng.integers(0, number, 400), rng.integers(0, 3, 400)
        splits = split_rows(table(speaker=groups), labels, group="speaker", seed=seed)
        for group in np.unique(groups):
            assert len(set(splits[groups == group])) == 1
        assert min(map(min, counts(splits, labels).values())) >= 1
        assert np.array(sizes(splits)) / 400 == pytest.approx(SHARES, abs=0.12)

    def test_shares_are_closer_than_sklearn(self):
        rng = np.random.default_rng(1)
        groups = np.minimum(rng.pareto(1.2, 3000) * 10, 150).astype(int)
        labels = (rng.dirichlet(np.full(4, 0.5), 151)[groups].cumsum(axis=1) < rng.random((3000, 1))).sum(axis=1)
        ours = split_rows(table(g=groups), labels, group="g")
        fold = np.zeros(3000, int)
        for i, (_, rows) in enumerate(
            StratifiedGroupKFold(20, shuffle=True, random_state=0).split(labels, labels, groups)
        ):
            fold[rows] = i
        theirs = np.array(SPLITS)[np.digitize(fold, [14, 17])]
        far = [
            max(np.abs(np.array(held) / sum(held) - SHARES).max() for held in counts(splits, labels).values())
            for splits in (ours, theirs)
        ]
        assert far[0] < 0.02
        assert far[0] < far[1]

    def test_empty_cells_are_separate_groups(self):
        groups = ["x"] * 50 + [None, float("nan"), "", "  "] * 50
        labels = np.arange(250) % 2
        splits = split_rows(table(speaker=groups), labels, group="speaker")
        assert len(set(splits[:50])) == 1
        assert counts(splits, labels) == {label: pytest.approx(tuple(125 * SHARES), abs=1.5) for label in (0, 1)}

    def test_spaces_around_names_are_ignored(self):
        groups = [f"{'' if i % 2 else ' '}speaker {i // 10}" for i in range(200)]
        splits = split_rows(table(g=groups), np.arange(200) % 2, group="g")
        assert all(len(set(part)) == 1 for part in splits.reshape(20, 10))

    def test_groups_with_one_class_each(self):
        groups = np.repeat(np.arange(6), 50)
        labels = groups // 3
        assert counts(split_rows(table(g=groups), labels, group="g"), labels) == {0: (50, 50, 50), 1: (50, 50, 50)}

    def test_fewer_than_three_groups_raise(self):
        groups, labels = np.repeat([0, 1, 2], [100, 10, 10]), np.arange(120) % 2
        assert sizes(split_rows(table(g=groups), labels, group="g")) == [100, 10, 10]
        with pytest.raises(BadInputError, match=r"`group` must have at least 3 groups, got 2"):
            split_rows(table(g=np.minimum(groups, 1)), labels, group="g")

    def test_group_with_a_whole_class_raises(self):
        groups = np.repeat(np.arange(4), [100, 5, 5, 5])
        labels = np.where(groups == 0, "cat", "dog")
        with pytest.raises(BadInputError) as raised:
            split_rows(table(speaker=groups), labels, group="speaker")
        assert "split by group speaker (the largest group has 100 of 115 rows): expected at least two classes" in str(
            raised.value
        )


class TestTime:
    def test_newest_rows_are_test(self):
        days = pd.date_range("2024-01-01", periods=100).astype(str).to_numpy()
        order = np.random.default_rng(0).permutation(100)
        splits = split_rows(table(date=days[order]), np.arange(100) % 2, time="date")
        assert sizes(splits) == [70, 15, 15]
        by_day = splits[np.argsort(order)].tolist()
        assert by_day == ["train"] * 70 + ["validation"] * 15 + ["test"] * 15

    @settings(max_examples=80, deadline=None)
    @given(st.lists(st.integers(-5, 30), min_size=3, max_size=200))
    def test_equal_times_stay_together(self, times):
        times = np.array(times)
        labels = times.astype(float)
        if len(np.unique(times)) < 3:
            with pytest.raises(BadInputError, match=r"expected at least three distinct times"):
                split_rows(table(t=times), labels, time="t")
            return
        splits = split_rows(table(t=times), labels, time="t")
        parts = [times[splits == name] for name in SPLITS]
        assert parts[0].max() < parts[1].min()
        assert parts[1].max() < parts[2].min()
        # no other pair of borders is nearer to the shares
        edges = [np.sum(times < t) for t in np.unique(times)[1:]]
        wanted = np.array([0.70, 0.85]) * len(times)
        best = min(abs(a - wanted[0]) + abs(b - wanted[1]) for a in edges for b in edges if a < b)
        ours = np.abs(np.cumsum([len(part) for part in parts])[:2] - wanted).sum()
        assert ours == pytest.approx(best)

    @pytest.mark.parametrize(
        "cells",
        [
            [9, 10.5, 100],
            ["9", "10", "1e2"],
            ["31.01.2024", "1.2.2024", "02.02.2024 10:00"],
            ["12/31/2023", "1/2/2024", "1/11/2024"],
            ["31/12/2023", "1/1/2024 09:00", "1/1/2024 10:00"],
            ["1/30/2024", "2/1/2024", "3/1/2024"],
            ["Feb 5, 2023", "2023-02-06T10:00:00Z", "2023-02-06 09:30:00-02:00"],
            ["2023-02-06 10:00:00+02:00", "2023-02-06 09:00", "2023-02-06T10:00:00.5Z"],
            pd.date_range("2024-01-30", periods=3, tz="Asia/Tokyo"),
            [pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-01-09").date(), pd.Timestamp("2024-01-10").date()],
        ],
    )
    def test_times_rise(self, cells):
        splits = split_rows(table(t=list(cells)[::-1]), np.arange(3.0), time="t")
        assert splits.tolist() == ["test", "validation", "train"]

    def test_invalid_times_are_reported_together(self):
        cells = ["2024-01-01"] * 20
        cells[3], cells[5] = "soon", None
        message = "column t: expected a date or a number in every row. Received: soon in row 4, an empty cell in row 6"
        with pytest.raises(BadInputError, match=rf"^{message}$"):
            split_rows(table(t=cells), np.arange(20) % 2, time="t")
        cells[8:14] = ["now"] * 6  # pandas takes it for a date
        with pytest.raises(BadInputError, match=r"now in row 11 and 3 more$"):
            split_rows(table(t=cells), np.arange(20) % 2, time="t")

    def test_infinite_time_raises(self):
        with pytest.raises(BadInputError, match=r"Received: inf in row 2$"):
            split_rows(table(t=[1, np.inf, 2, 3]), np.arange(4.0), time="t")


class TestErrors:
    frame = table(speaker=["x", "y", "z"] * 10, label=["a", "b"] * 15)
    labels = np.array(["a", "b"] * 15)

    @pytest.mark.parametrize("how", [{"group": "speker"}, {"by": "speker"}, {"time": "speker"}])
    def test_unknown_column_raises(self, how):
        with pytest.raises(BadInputError, match=r"speaker, label. Received: speker. Did you mean speaker\?"):
            split_rows(self.frame, self.labels, **how)

    def test_several_columns_raise(self):
        with pytest.raises(BadInputError, match=r"expected one of .* Received: column label, time speaker"):
            split_rows(self.frame, self.labels, by="label", time="speaker")

    @pytest.mark.parametrize("shares", [(0.7, 0.3), (0.7, 0.3, 0.0), (0.7, 0.2, 0.2)])
    def test_bad_shares_raise(self, shares):
        with pytest.raises(BadInputError, match=r"shares: expected three positive numbers"):
            split_rows(self.frame, self.labels, shares=shares)

    @pytest.mark.parametrize(
        ("labels", "received"),
        [
            (["a"] * 30, "one, a"),
            (np.where(np.arange(30) % 7 == 3, np.nan, 1.0), "none in row 4, row 11, row 18, row 25"),
            (np.array(["a", None, "b"] * 10, dtype=object), "row 14 and 5 more"),
            (["a", "b"], r"shape \(2,\)"),
        ],
    )
    def test_bad_labels_raise(self, labels, received):
        with pytest.raises(BadInputError, match=rf"labels: expected .* Received: .*{received}$"):
            split_rows(self.frame, labels)

    def test_too_few_rows_raise(self):
        with pytest.raises(
            BadInputError, match=r"expected rows in validation. Received: 2 train, 0 validation, 2 test"
        ):
            split_rows(table(x=range(4)), ["a", "a", "b", "b"])
        with pytest.raises(BadInputError, match=r"expected one for each of 0 rows"):
            split_rows(table(x=[]), [])


class TestFolds:
    labels = np.repeat(["a", "b", "c"], [50, 33, 4])

    def check_partition(self, pairs, size):
        assert Counter(row for _, test in pairs for row in test.tolist()) == dict.fromkeys(range(size), 1)
        for rest, test in pairs:
            assert sorted([*rest, *test]) == list(range(size))

    def test_folds_are_even(self):
        pairs = folds(table(x=self.labels), self.labels, 5)
        self.check_partition(pairs, 87)
        for _, test in pairs:
            assert len(test) in (17, 18)
            held = Counter(self.labels[test].tolist())
            assert (held["a"], held["b"] in (6, 7), held["c"] in (0, 1)) == (10, True, True)

    def test_folds_depend_on_seed(self):
        one, again, other = (folds(table(x=self.labels), self.labels, 3, seed=s)[0][1] for s in (0, 0, 1))
        assert one.tolist() == again.tolist() != other.tolist()

    def test_folds_keep_groups_together(self):
        rng = np.random.default_rng(0)
        groups, labels = rng.integers(0, 25, 500), rng.integers(0, 4, 500)
        pairs = folds(table(g=groups), labels, 5, group="g")
        self.check_partition(pairs, 500)
        for rest, test in pairs:
            assert not set(groups[rest]) & set(groups[test])
            assert len(test) == pytest.approx(100, abs=5)
            assert np.bincount(labels[test]) == pytest.approx(np.bincount(labels) / 5, abs=8)

    def test_folds_stratify_numbers(self):
        labels = np.random.default_rng(0).normal(size=200)
        for _, test in folds(table(x=labels), labels, 4):
            assert len(test) == 50
            assert np.median(labels[test]) == pytest.approx(np.median(labels), abs=0.2)

    @pytest.mark.parametrize("count", [0, 1, 88])
    def test_folds_bad_count_raises(self, count):
        with pytest.raises(BadInputError, match=rf"`folds` must be 2 to 87, .* got {count}"):
            folds(table(x=self.labels), self.labels, count)

    def test_groups_with_one_class_each(self):
        with pytest.raises(BadInputError, match=r"of group g: expected at least two classes in"):
            folds(table(g=self.labels), self.labels, 3, group="g")
        with pytest.raises(BadInputError, match=r"`group` must have at least 5 groups, got 3"):
            folds(table(g=self.labels), self.labels, 5, group="g")
