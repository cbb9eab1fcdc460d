"""Recipes are found by name, imported when touched, and read from files."""

import subprocess
import sys

import pytest

from mmzoo import recipes
from mmzoo.errors import BadInputError
from mmzoo.recipe import Recipe


def test_a_recipe_is_imported_when_touched():
    code = (
        "import sys; from mmzoo import recipes; assert 'spoken_digits' in dir(recipes)\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
        "first = recipes.spoken_digits; from mmzoo.recipes import spoken_digits; assert spoken_digits is first"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_recipe_is_an_attribute_error_with_a_suggestion():
    with pytest.raises(AttributeError, match=r"no recipe 'spoken_digit'. Did you mean spoken_digits\?"):
        recipes.spoken_digit  # noqa: B018
    with pytest.raises(BadInputError, match=r"Received: spoken_digit. Did you mean spoken_digits\?"):
        recipes.load("spoken_digit")
    with pytest.raises(ImportError):
        from mmzoo.recipes import nothing_like_it  # noqa: F401


def test_load_returns_a_recipe():
    recipe = recipes.load("spoken_digits")
    assert isinstance(recipe, Recipe)
    assert recipe.build is recipes.spoken_digits.build
    assert recipes.load("spoken_digits") == recipe


def test_a_file_without_the_names_of_a_recipe_is_refused(tmp_path):
    path = tmp_path / "own.py"
    path.write_text("Config = 3\n")
    with pytest.raises(BadInputError, match=r"own.py: expected Config, .* Received: no TINY, dataset"):
        recipes.load(str(path))
    path.write_text("1 / 0\n")
    with pytest.raises(BadInputError, match=r"own.py: expected a recipe that can be run. Received: ZeroDivisionError"):
        recipes.load(str(path))
