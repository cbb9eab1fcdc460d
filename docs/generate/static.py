"""Facts of a module read from its source, without importing it: docstring, constants, fields and parameters."""

import ast
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILTINS = {kind.__name__: kind for kind in (bool, dict, float, int, len, list, range, sorted, str, tuple)}


@dataclass(frozen=True)
class Metric:
    """A metric of a task, as `mmzoo.tasks.task.Metric`."""

    key: str
    label: str
    show: Any = None
    higher_is_better: bool = True
    counts_examples: bool = False


@dataclass(frozen=True)
class Field:
    """A field of a dataclass or a parameter of a function, with its annotation and default as written."""

    name: str
    annotation: str
    default: str
    text: str
    positional: bool = False


class Unknown:
    """A value that only an import would give; whatever is done with it gives an unknown value."""

    def __call__(self, *_: Any, **__: Any) -> "Unknown":
        return self

    def __getattr__(self, name: str) -> "Unknown":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self):
        raise TypeError("an unknown value")

    def __format__(self, _: str) -> str:
        raise TypeError("an unknown value")


class Module:
    """A module of the package by its dotted name."""

    def __init__(self, name: str):
        self.name = name
        path = ROOT / name.replace(".", "/")
        self.path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        self.tree = ast.parse(self.path.read_text(encoding="utf-8"))
        self.imported = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "mmzoo":
                self.imported |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        self.assigned = {
            node.targets[0].id: node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }

    def __getattr__(self, name: str) -> Any:
        """Return a constant, as code that imports the module reads it."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.value(name)

    @property
    def doc(self) -> str:
        """The docstring."""
        return ast.get_docstring(self.tree) or ""

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.partition("\n")[0]

    def value(self, name: str) -> Any:
        """Return a constant of the module, or of the module that it is imported from; `Unknown` if it is none."""
        return self._constants[name] if name in self._constants else self._elsewhere(name)

    @functools.cached_property
    def _constants(self) -> dict[str, Any]:
        """The values of the assignments at the top of the module, run in their order."""
        found: dict[str, Any] = {"__builtins__": BUILTINS}
        for node in self.tree.body:
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                self._know(node, found)
                try:
                    exec(compile(ast.Module([node], []), str(self.path), "exec"), found)
                except Exception:  # a part of it is unknown
                    found |= {name.id: Unknown() for name in _targets(node)}
        return found

    def _know(self, node: ast.AST, found: dict[str, Any]) -> None:
        """Put the value of every name in `node` into `found`."""
        for name in {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}:
            if name not in found and name not in BUILTINS:
                found[name] = self._elsewhere(name)

    def _elsewhere(self, name: str) -> Any:
        if name == "Metric":
            return Metric
        if name not in self.imported:
            return Unknown()
        home, inner = self.imported[name]
        return module(f"{home}.{inner}") if is_module(f"{home}.{inner}") else module(home).value(inner)

    def _evaluate(self, node: ast.expr) -> Any:
        found = dict(self._constants)
        self._know(node, found)
        try:
            return eval(compile(ast.Expression(node), str(self.path), "eval"), found)
        except Exception:  # a part of it is unknown
            return Unknown()

    def keywords(self, name: str) -> dict[str, Any]:
        """Return the keyword arguments of the call that the constant `name` is assigned."""
        return {part.arg: self._evaluate(part.value) for part in self.assigned[name].keywords}

    def functions(self) -> dict[str, ast.FunctionDef]:
        """Return the functions at the top of the module by name."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    def fields(self, name: str) -> list[Field]:
        """Return the fields of a dataclass with the docstring below each; those of its bases come first."""
        found: dict[str, Field] = {}
        definition = next(node for node in self.tree.body if isinstance(node, ast.ClassDef) and node.name == name)
        for base in definition.bases:
            if isinstance(base, ast.Name) and base.id in self.imported:
                home, inner = self.imported[base.id]
                found |= {field.name: field for field in module(home).fields(inner)}
        for node, after in zip(definition.body, [*definition.body[1:], None], strict=True):
            if not isinstance(node, ast.AnnAssign) or "ClassVar" in ast.unparse(node.annotation):
                continue
            before = found.get(node.target.id)
            said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            text = str(after.value.value) if said else before.text if before else ""
            default = self._default(node.value)
            found[node.target.id] = Field(node.target.id, ast.unparse(node.annotation), default, " ".join(text.split()))
        return list(found.values())

    def parameters(self, name: str) -> list[Field]:
        """Return what the function `run` inside the function `name` takes, with the `help` of each parameter."""
        outer = self.functions()[name]
        run = next(node for node in ast.walk(outer) if isinstance(node, ast.FunctionDef) and node.name == "run")
        given = run.args
        defaults = [None] * (len(given.posonlyargs) + len(given.args) - len(given.defaults)) + given.defaults
        first = list(zip([*given.posonlyargs, *given.args], defaults, strict=True))
        first += [(given.vararg, None)] if given.vararg else []
        flags = zip(given.kwonlyargs, given.kw_defaults, strict=True)
        return [
            *(self._parameter(argument, default, True) for argument, default in first),
            *(self._parameter(argument, default, False) for argument, default in flags),
        ]

    def _parameter(self, argument: ast.arg, default: ast.expr | None, positional: bool) -> Field:
        annotation = argument.annotation
        if isinstance(annotation, ast.Name) and annotation.id in self.assigned:
            annotation = self.assigned[annotation.id]
        calls = [node for node in ast.walk(annotation) if isinstance(node, ast.Call)]
        texts = [part.value for call in calls for part in call.keywords if part.arg == "help"]
        text = self._evaluate(texts[0]) if texts else ""
        if isinstance(text, Unknown):  # an f-string with names that only an import would give
            text = "".join(part.value if isinstance(part, ast.Constant) else "all" for part in texts[0].values)
        kind = annotation.slice.elts[0] if isinstance(annotation, ast.Subscript) else annotation
        return Field(argument.arg, ast.unparse(kind), self._default(default), text, positional)

    def _default(self, node: ast.expr | None) -> str:
        value = None if node is None else self._evaluate(node)
        if value is None or isinstance(value, Unknown):
            return ""
        if isinstance(value, float):
            return f"{value:g}"
        return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


@functools.cache
def module(name: str) -> Module:
    """Return the module of a dotted name, read once."""
    return Module(name)


def is_module(name: str) -> bool:
    """Return whether there is a module or a package of a dotted name."""
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def names_in(package: str) -> list[str]:
    """Return the names of the modules in a package, without those that begin with an underscore."""
    return sorted(path.stem for path in (ROOT / package.replace(".", "/")).glob("[a-z]*.py"))


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; a bar in a cell does not end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _targets(node: ast.AST) -> list[ast.Name]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
