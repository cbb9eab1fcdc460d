"""Words of our own that readers of the documentation do not know are not used in it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REFUSED = re.compile(
    r"\b(told|tells|anew|settles?|sounding|tamper)\b|\bof it alone\b|\bthose of\b|\bthat of\b", re.IGNORECASE
)
SOURCES = sorted((ROOT / "mmzoo").rglob("*.py"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "saved_models").rglob("README.md")),
    *sorted((ROOT / "recipes").rglob("README.md")),
]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def texts(path):
    """Yield the line and the text of docstrings, of docstrings of fields, and of the help of parameters."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
        if isinstance(node, ast.keyword) and node.arg in ("help", "description"):
            parts = [part for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
            yield from ((part.lineno, part.value) for part in parts if isinstance(part.value, str))


def refused(lines):
    """Return `line: word` of each word that is not to be used."""
    return [f"{line}: {found[0]}" for line, text in lines for found in REFUSED.finditer(" ".join(text.split()))]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_docstrings_and_help_have_no_refused_word(path):
    assert not refused(texts(path))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_pages_have_no_refused_word(path):
    assert not refused(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))


@pytest.mark.parametrize("text", ["What is told", "a model of it alone", "settles", "Those of the test"])
def test_words_in_any_place_are_found(text):
    assert refused([(1, f"The {text} here")])


@pytest.mark.parametrize("text", ["surrounding", "--tampered", "retold", "settlement"])
def test_other_words_are_not_found(text):
    assert not refused([(1, text)])
