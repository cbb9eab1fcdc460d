"""The rules of the house."""

import ast
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mmzoo"
FILES = sorted(PACKAGE.rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "common", "helpers", "base", "registry", "factory"}


def entry(path):
    """Return the top-level entry of mmzoo that a file lies in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree):
    """Yield the top-level entries of mmzoo that a module imports, at any depth of its code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = node.module == "mmzoo"
            names = [f"mmzoo.{alias.name}" for alias in node.names] if inner else [node.module]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if (
                parts[0] == "mmzoo"
                and len(parts) > 1
                and (PACKAGE / parts[1]).exists() | (PACKAGE / f"{parts[1]}.py").exists()
            ):
                yield parts[1]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
class TestFile:
    def test_device_imports_nothing_of_ours(self, path):
        if entry(path) == "device":
            assert set(imported(ast.parse(path.read_text()))) <= {"device"}

    def test_sizes(self, path):
        tree = ast.parse(path.read_text())
        assert len(path.read_text().splitlines()) <= 400
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
                count -= bool(given.args) and given.args[0].arg in ("self", "cls")
                assert count <= 7, f"{node.name} takes {count} arguments"
                # what a function says of itself does not count
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = node.end_lineno - body[0].lineno + 1 if body else 0
                assert lines <= 40, f"{node.name} is {lines} lines long"

    def test_name_says_what_it_holds(self, path):
        assert path.stem not in FORBIDDEN_NAMES

    def test_no_stars_no_asserts_no_models_of_our_own(self, path):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Assert)
            assert not (isinstance(node, ast.ImportFrom) and node.names[0].name == "*")
            if isinstance(node, ast.ClassDef):
                assert not [b for b in node.bases if ast.unparse(b) in ("keras.Model", "Model", "tf.Module")]

    def test_says_what_it_is(self, path):
        if path.read_text().strip():
            assert ast.get_docstring(ast.parse(path.read_text())), "a docstring says what the file is for"

    def test_model_code_is_keras_alone(self, path):
        if entry(path) in ("blocks", "encoders", "fusion", "heads", "losses", "models"):
            assert "tensorflow" not in path.read_text()
            assert not re.search(r"\bimport tf\b|\btf\.", path.read_text())


def test_the_three_names_match():
    names = {p.stem for p in (PACKAGE / "recipes").glob("*.py")} - {"__init__"}
    scripts = {p.stem for p in (ROOT / "recipes").glob("*.py")}
    folders = {p.name for p in (ROOT / "saved_models").iterdir() if p.is_dir()}
    assert scripts == folders
    # of a recipe's further sources each has a folder: RECIPE_SOURCE
    strange = [s for s in scripts if not any(s == name or s.startswith(f"{name}_") for name in names)]
    assert not strange
    for script in (ROOT / "recipes").glob("*.py"):
        assert len(script.read_text().splitlines()) < 15


def test_imports_point_down_the_tree():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_folders_stay_small():
    catalogues = {"recipes", "sources", "builders", "encoders"}
    for folder in {path.parent for path in FILES if path.parent.name not in catalogues}:
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= 20, folder


def test_tests_mirror_the_package():
    folders = {path.parent.relative_to(PACKAGE) for path in FILES}
    elsewhere = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")} - folders
    assert not elsewhere


def test_recipes_never_import_each_other():
    for path in (PACKAGE / "recipes").glob("[a-z]*.py"):
        assert "recipes" not in set(imported(ast.parse(path.read_text())))


def run(*words, enough=0.0, times=7):
    """Return the least CPU time in seconds of several runs of a command; stop at a run below `enough`."""
    seconds = []
    while len(seconds) < times and min(seconds, default=enough) >= enough:
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
        assert done.returncode == 0, done.stderr
    return min(seconds)


def test_import_is_quick_and_leaves_tensorflow_alone():
    code = "import time, sys; t = time.perf_counter(); import mmzoo; from mmzoo import recipes; "
    code += (
        "s = time.perf_counter() - t\nassert s < 0.1, s; assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    )
    run(sys.executable, "-c", code)


def test_help_is_quick():
    assert run(Path(sys.executable).with_name("mmzoo"), "--help", enough=0.3, times=40) < 0.3


def test_readme_begins_with_the_two_commands():
    text = (ROOT / "README.md").read_text()
    commands = ["pip install . && mmzoo train spoken_digits", "pip install '.[test]' && pytest"]
    assert [text.count(command) for command in commands] == [1, 1]
    assert commands[1] in (ROOT / ".ci" / "run").read_text()


def test_nothing_of_a_developers_machine_is_in_the_tree():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert "setup.cfg" in tracked
    for name in tracked:
        path = ROOT / name
        if path.is_file() and "test" not in path.name:
            assert not re.search(rb"/(root|home/[a-z]+|work|tmp/venv)/", path.read_bytes()), name
