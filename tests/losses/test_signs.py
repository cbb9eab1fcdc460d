"""A flipped sign in any loss makes a test fail: each `+` and `-` of the modules is turned, one at a time."""

import ast
import inspect
import pkgutil
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import mmzoo.losses

CHECKED_BY = {  # loss -> the test module in this folder
    "anomaly": "anomaly",
    "arcface": "metric_learning",
    "auxiliary": "auxiliary",
    "contrastive": "contrastive",
    "ctc": "ctc",
    "detection": "detection",
    "distillation": "distillation",
    "elbo": "elbo",
    "focal": "detection",
    "masked": "masked",
    "soft_targets": "soft_targets",
    "triplet": "metric_learning",
    "weighted": "weighted",
}
OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.USub: ast.UAdd}


def signs(tree):
    """List the nodes with a sign to flip, except negative axes."""
    axes = {
        id(keyword.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "axis"
    }
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.AugAssign | ast.UnaryOp)
        and type(node.op) in OPPOSITE
        and id(node) not in axes
    ]


def checks(name):
    """Return the tests of a module without arguments, training tests last: they are slowest."""
    spec = spec_from_file_location(f"checks_{name}", Path(__file__).with_name(f"test_{name}.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [f for name, f in vars(module).items() if name.startswith("test_") and not inspect.signature(f).parameters]
    return sorted(found, key=lambda f: "fit(" in inspect.getsource(f))


def passes(check):
    try:
        check()
    except Exception:  # wrong shapes stop a loss, too
        return False
    except pytest.fail.Exception:  # `pytest.raises` that saw no error
        return False
    return True


def test_every_loss_is_checked():
    assert set(CHECKED_BY) == {info.name for info in pkgutil.iter_modules(mmzoo.losses.__path__)}


@pytest.mark.parametrize("name", CHECKED_BY)
def test_a_flipped_sign_makes_a_test_fail(name):
    module = import_module(f"mmzoo.losses.{name}")
    source, unnoticed = inspect.getsource(module), []
    before = dict(vars(module))
    found = checks(CHECKED_BY[name])
    assert all(passes(check) for check in found)
    try:
        for i in range(len(signs(ast.parse(source)))):
            tree = ast.parse(source)
            node = signs(tree)[i]
            shown = ast.unparse(node)
            node.op = OPPOSITE[type(node.op)]()
            exec(compile(tree, module.__file__, "exec"), vars(module))
            if all(passes(check) for check in found):
                unnoticed.append(f"line {node.lineno}: {shown}")
    finally:
        vars(module).update(before)
    assert not unnoticed
