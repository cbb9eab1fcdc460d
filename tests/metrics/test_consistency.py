"""Modality consistency against scikit-learn, scipy, published tables, Gram matrices, and values by hand."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import cohen_kappa_score

from mmzoo.metrics.consistency import answer_agreement, cohen_kappa, embedding_agreement, fleiss_kappa, linear_cka


def answers(seed=0, modalities=("audio", "image", "text"), n=200, classes=4):
    """Draw correlated probabilities, as of modalities with a common label."""
    rng = np.random.default_rng(seed)
    label = np.eye(classes)[rng.integers(0, classes, n)]
    return {name: rng.dirichlet(np.ones(classes), n) * 0.6 + 0.4 * label for name in modalities}


class TestAnswers:
    def test_equals_scikit_learn_and_scipy(self):
        given = answers()
        found = answer_agreement(given)
        chosen = {name: rows.argmax(axis=1) for name, rows in given.items()}
        assert [(row["first"], row["second"]) for row in found["pairs"]] == [
            ("audio", "image"),
            ("audio", "text"),
            ("image", "text"),
        ]
        for row in found["pairs"]:
            a, b = row["first"], row["second"]
            assert row["agreement"] == pytest.approx(np.mean(chosen[a] == chosen[b]))
            assert row["cohen_kappa"] == pytest.approx(cohen_kappa_score(chosen[a], chosen[b]))
            expected = jensenshannon(given[a], given[b], base=2, axis=1) ** 2
            assert row["jensen_shannon"] == pytest.approx(expected.mean())
            assert 0.1 < row["cohen_kappa"] < 0.9
        votes = np.stack(list(chosen.values()), axis=1)
        assert found["agreement"] == pytest.approx(np.mean([len(set(row)) == 1 for row in votes.tolist()]))
        assert found["jensen_shannon"] == pytest.approx(np.mean([row["jensen_shannon"] for row in found["pairs"]]))

    def test_fleiss_kappa_equals_mean_over_rater_pairs(self):
        votes = np.stack([rows.argmax(axis=1) for rows in answers().values()], axis=1)
        same = np.mean([votes[:, i] == votes[:, j] for i in range(3) for j in range(3) if i != j])
        chance = sum(np.mean(votes == c) ** 2 for c in range(4))
        assert answer_agreement(answers())["fleiss_kappa"] == pytest.approx((same - chance) / (1 - chance))

    def test_kappa_of_a_published_table(self):
        # Fleiss' kappa on Wikipedia: 10 subjects, 14 raters, 5 categories, 0.210
        table = [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ]
        assert fleiss_kappa(np.array(table)) == pytest.approx(0.210, abs=5e-4)

    def test_kappa_by_hand(self):
        # 2 x 2 with 20, 5, 10, 15: they agree on 0.7, by chance on 0.5
        first, second = np.repeat([0, 0, 1, 1], [20, 5, 10, 15]), np.repeat([0, 1, 0, 1], [20, 5, 10, 15])
        assert cohen_kappa(first, second) == pytest.approx(0.4)

    def test_values_by_hand(self):
        sure = np.eye(2)
        same = answer_agreement({"image": sure, "text": sure})
        assert (same["agreement"], same["fleiss_kappa"], same["jensen_shannon"]) == (1, 1, 0)
        apart = answer_agreement({"image": sure, "text": sure[::-1]})
        assert (apart["agreement"], apart["fleiss_kappa"], apart["jensen_shannon"]) == (0, -1, 1)
        assert apart["pairs"][0]["cohen_kappa"] == -1

    def test_single_class_agrees_by_chance(self):
        found = answer_agreement({"image": [[0.9, 0.1]] * 3, "text": [[0.8, 0.2]] * 3})
        assert (found["agreement"], found["fleiss_kappa"], found["pairs"][0]["cohen_kappa"]) == (1, 0, 0)

    def test_equal_probabilities_have_zero_divergence(self):
        rows = answers()["text"]
        assert answer_agreement({"a": rows, "b": rows})["jensen_shannon"] == 0
        scaled = answer_agreement({"a": rows, "b": rows * 3})
        assert scaled["jensen_shannon"] == pytest.approx(0, abs=1e-12)

    def test_agreement_is_invariant_to_order(self):
        given = answers()
        order = np.random.default_rng(1).permutation(200)
        other = answer_agreement({name: rows[order][:, [2, 0, 3, 1]] for name, rows in reversed(given.items())})
        found = answer_agreement(given)
        for key in ("agreement", "fleiss_kappa", "jensen_shannon"):
            assert other[key] == pytest.approx(found[key])
        assert other["pairs"][0]["cohen_kappa"] == pytest.approx(found["pairs"][2]["cohen_kappa"])

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (np.full((2, 3), np.nan), r"probabilities\['text'\]: .*finite"),
            (np.ones((2, 4)), "probabilities: .*one shape"),
            (np.ones((0, 3)), r"probabilities\['text'\]: .*shape"),
            (np.ones(3), r"probabilities\['text'\]: .*shape"),
            (np.array([[1.0, 0, 0], [0, 0, 0]]), r"probabilities\['text'\]: .*sum"),
            (np.array([[1.0, 0, 0], [2.0, -1, 0]]), r"probabilities\['text'\]: .*values from 0"),
        ],
    )
    def test_bad_arguments_are_named(self, text, words):
        with pytest.raises(ValueError, match=words):
            answer_agreement({"image": np.ones((2, 3)), "text": text})

    def test_single_modality_raises(self):
        with pytest.raises(ValueError, match=r"probabilities: .*two modalities"):
            answer_agreement({"image": np.ones((2, 3))})


def cka_of_gram_matrices(x, y):
    """Kornblith et al. 2019, equations 3 and 4: the centred Gram matrices' alignment."""
    center = np.eye(len(x)) - 1 / len(x)
    k, m = center @ (x @ x.T) @ center, center @ (y @ y.T) @ center
    return np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))


class TestEmbeddings:
    @pytest.mark.parametrize(("n", "d", "e"), [(50, 6, 9), (7, 12, 5), (2, 1, 1)])
    def test_alignment_equals_that_of_gram_matrices(self, n, d, e):
        rng = np.random.default_rng(n)
        x = rng.normal(size=(n, d)) + 3
        y = x @ rng.normal(size=(d, e)) + rng.normal(size=(n, e))
        assert linear_cka(x, y) == pytest.approx(cka_of_gram_matrices(x, y))

    def test_alignment_is_invariant_to_rotation_scale_shift_and_order(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(40, 5)) * [9, 3, 1, 1, 1], rng.normal(size=(40, 5))
        turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
        assert linear_cka(x, 1e-3 * x @ turned - 8) == pytest.approx(1)
        order = rng.permutation(40)
        assert linear_cka(y[order], 1e200 * (x @ turned)[order]) == pytest.approx(linear_cka(x, y))
        assert linear_cka(x, x @ rng.normal(size=(5, 5))) < 0.999  # but it sees another linear map

    def test_alignment_by_hand(self):
        x = np.array([[1.0], [-1.0], [0.0], [0.0]])
        assert linear_cka(x, x[[2, 3, 0, 1]]) == 0
        assert linear_cka(x, [[1.0], [0.0], [0.0], [-1.0]]) == pytest.approx(0.25)  # the square of the correlation

    def test_cosines_equal_a_loop(self):
        rng = np.random.default_rng(2)
        x = rng.normal(size=(12, 4))
        y = x + rng.normal(size=(12, 4))
        y[3] = 0

        def cosine(a, b):
            norm = np.linalg.norm(a) * np.linalg.norm(b)
            return a @ b / norm if norm else 0

        found = embedding_agreement(x, y)
        assert found["cka"] == pytest.approx(linear_cka(x, y))
        assert found["paired_cosine"] == pytest.approx(np.mean([cosine(a, b) for a, b in zip(x, y, strict=True)]))
        others = [cosine(x[i], y[j]) for i in range(12) for j in range(12) if i != j]
        assert found["unpaired_cosine"] == pytest.approx(np.mean(others))

    def test_noise_agreement_equals_chance(self):
        rng = np.random.default_rng(3)
        x, y = rng.normal(size=(2, 60, 60))
        found = embedding_agreement(x, y)
        # far from 0 with as many dimensions as examples: this is why chance stands beside it
        assert found["cka"] > 0.4
        assert found["cka"] == pytest.approx(found["cka_by_chance"], abs=0.05)
        assert found["paired_cosine"] == pytest.approx(found["unpaired_cosine"], abs=0.1)
        same = embedding_agreement(x, x)
        assert (same["cka"], same["paired_cosine"]) == pytest.approx((1, 1))
        assert same["cka_by_chance"] < 0.6

    def test_other_widths_have_no_cosine(self):
        rng = np.random.default_rng(4)
        found = embedding_agreement(rng.normal(size=(9, 3)), rng.normal(size=(9, 4)))
        assert (found["paired_cosine"], found["unpaired_cosine"]) == (None, None)

    @pytest.mark.parametrize("metric", [linear_cka, embedding_agreement])
    @pytest.mark.parametrize(
        ("second", "words"),
        [
            ([[1.0, 2.0], [np.nan, 1.0]], "second: .*finite"),
            ([[1.0, 2.0]] * 2, "second: .*differ"),
            ([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]], "second: .*2 rows"),
            (np.zeros((0, 2)), "second: .*shape"),
            ([1.0, 2.0], "second: .*shape"),
        ],
    )
    def test_bad_arguments_are_named(self, metric, second, words):
        with pytest.raises(ValueError, match=words):
            metric([[1.0, 0.0], [0.0, 1.0]], second)
