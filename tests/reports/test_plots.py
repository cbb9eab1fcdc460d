"""The plots of a card are small readable PNG files that hold what they were given."""

import numpy as np
import pytest
from PIL import Image

from mmzoo.reports import plots

EPOCHS = 30


def history(n):
    rng = np.random.default_rng(0)
    curve = lambda: rng.random(n).cumsum().tolist()  # noqa: E731
    keys = ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate")
    return {key: curve() for key in keys} | {"baselines": {m: {"val_accuracy": curve()} for m in ("image", "audio")}}


def colors(path):
    assert path.stat().st_size < 40_000
    with Image.open(path) as image:
        assert image.format == "PNG"
        return {f"#{r:02X}{g:02X}{b:02X}" for _, (r, g, b) in image.convert("RGB").getcolors(1 << 24)}


def near(color, found):
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return any(max(abs(int(f[1 + 2 * i : 3 + 2 * i], 16) - rgb[i]) for i in range(3)) < 24 for f in found)


@pytest.mark.parametrize("n", [1, EPOCHS])
def test_learning_curve_draws_the_baselines(tmp_path, n):
    plots.learning_curve(history(n), tmp_path / "with.png")
    plots.learning_curve({k: v for k, v in history(n).items() if k != "baselines"}, tmp_path / "without.png")
    with_baselines, without = colors(tmp_path / "with.png"), colors(tmp_path / "without.png")
    assert near(plots.BLUE, without)
    assert near(plots.ORANGE, with_baselines)
    assert near(plots.GREEN, with_baselines)
    assert not near(plots.ORANGE, without)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["with.png", "without.png"]


@pytest.mark.parametrize("classes", [2, 10, 60])
def test_confusion_matrix(tmp_path, classes):
    counts = np.random.default_rng(1).integers(0, 9, (classes, classes)) + 50 * np.eye(classes, dtype=int)
    plots.confusion_matrix(counts.tolist(), [f"class {i}" for i in range(classes)], tmp_path / "a.png")
    plots.confusion_matrix(np.fliplr(counts), [str(i) for i in range(classes)], tmp_path / "b.png")
    assert len(colors(tmp_path / "a.png")) > 10
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_confusion_matrix_of_a_class_without_examples(tmp_path):
    plots.confusion_matrix([[3, 0], [0, 0]], ["a", "b"], tmp_path / "a.png")
    assert colors(tmp_path / "a.png")


def test_subset_scores_mark_the_baselines(tmp_path):
    subsets = {name: {"accuracy": a} for name, a in (("image+audio", 0.95), ("image", 0.9), ("none", 0.1))}
    plots.subset_scores(subsets, {"image": {"accuracy": 0.91}}, tmp_path / "with.png")
    plots.subset_scores(subsets, {}, tmp_path / "without.png")
    assert near(plots.ORANGE, colors(tmp_path / "with.png"))
    assert not near(plots.ORANGE, colors(tmp_path / "without.png"))


def test_equal_numbers_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        plots.learning_curve(history(EPOCHS), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_class_is_no_formula(tmp_path):
    plots.confusion_matrix([[3, 1], [0, 2]], [r"$\foo$", "US$ 5 $"], tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").stat().st_size > 1000
