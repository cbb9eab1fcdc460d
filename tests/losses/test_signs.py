"""A flipped sign in any loss makes a test fail: each `+` and `-` of the modules is turned, one at a time."""

import ast
import inspect
import pkgutil
from importlib import import_module

import pytest
import test_beside_loss
import test_contrastive_loss
import test_ctc_loss
import test_detection_loss
import test_distillation_loss
import test_elbo_loss
import test_masked_loss
import test_metric_learning_loss
import test_shares_loss
import test_weighted_loss

import mmzoo.losses

CHECKED_BY = {
    "arcface": test_metric_learning_loss,
    "beside": test_beside_loss,
    "contrastive": test_contrastive_loss,
    "ctc": test_ctc_loss,
    "detection": test_detection_loss,
    "distillation": test_distillation_loss,
    "elbo": test_elbo_loss,
    "focal": test_detection_loss,
    "masked": test_masked_loss,
    "shares": test_shares_loss,
    "triplet": test_metric_learning_loss,
    "weighted": test_weighted_loss,
}
OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.USub: ast.UAdd}


def signs(tree):
    """List the nodes with a sign that can be turned, but for those of an axis, which count axes from the end."""
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


def checks(module):
    """Return the tests of a module that take nothing, those that train last: they cost most."""
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
