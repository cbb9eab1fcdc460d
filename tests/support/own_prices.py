"""A small table of prices that tests fit, its recipe, and a training that dies."""

import csv

import keras
import numpy as np

from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import from_values, recipe_text

ROWS = 120


def write_prices(path):
    """Write a table in which a price tells the kind, of 24 shops, and 3 rows of 120 are of a third kind."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["price", "note", "shop", "day", "kind"])
        for i in range(ROWS):
            kind = "rare" if i % 40 == 7 else ("dear", "cheap")[i % 2]
            price = {"dear": 80, "cheap": 20, "rare": 50}[kind] + rng.normal(0, 5)
            words = " ".join(f"w{k}" for k in rng.integers(0, 40, 4))
            write.writerow([f"{price:.2f}", words, f"s{rng.integers(24)}", f"2024-01-{1 + i % 28:02d}", kind])


def recipe_of(table, folder, **request):
    """Write the recipe of prices alone, or of what is asked for, into `folder`; return its path."""
    request = Request(**{"ignore": ("note", "shop", "day"), "epochs": 1, **request})
    path = folder / "recipe.py"
    path.write_text(recipe_text(from_values(assemble(table, "kind", request))), encoding="utf-8")
    return path


def stops_in(monkeypatch, module, number):
    """Let the `number`-th training of `module` die in its first epoch; return the titles of all that are begun."""
    begun, real = [], module.fit

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    def fit(experiment, folder, title, callbacks=()):
        begun.append(title)
        stop = [Stop()] if len(begun) == number else []
        return real(experiment, folder, title, callbacks=[*callbacks, *stop])

    monkeypatch.setattr(module, "fit", fit)
    return begun
