"""The card of a trained model: `card.json`, and the README that is generated from nothing but it."""

import importlib.metadata
import math
import os
import platform
import subprocess
from pathlib import Path

import mmzoo
from mmzoo.run.folder import CARD, write_json
from mmzoo.run.readme import plots_of, readme

# fmt: off
ORDER = (
    "mmzoo", "recipe", "name", "task", "config", "training", "commit", "command", "seed", "data", "parameters",
    "inputs", "outputs", "labels", "rows", "duplicates", "scores", "fused", "baselines", "peers", "peer_rows",
    "constant", "average", "fusion_gain", "gain_curve", "cross_validation", "tuning", "files", "operators", "verify",
    "benchmark", "history", "machine", "versions", "wall_seconds",
)
PACKAGES = (
    "tensorflow", "keras", "numpy", "ai-edge-litert", "scikit-learn", "tensorflow-datasets", "soundfile",
    "onnx", "onnxruntime", "tf2onnx",
)
# fmt: on


def write_card(folder: str | Path, card: dict) -> None:
    """Write `card.json` and the README generated from it into `folder`, each by way of a temporary file.

    Keys come in the order of `ORDER`, others after them; floats keep 6 significant digits, a value that is
    not finite becomes null, and what names a place on this machine is left out. The README shows the plots
    that the folder has.
    """
    folder = Path(folder)
    card = {key: card[key] for key in (*ORDER, *card) if key in card}
    if "data_dir" in card.get("config", {}):
        card["config"] = {**card["config"], "data_dir": ""}
    if "path" in card.get("verify", {}):
        card["verify"] = {key: value for key, value in card["verify"].items() if key != "path"}
    card = _rounded(card)
    write_json(folder / CARD, card)
    text = readme(card, plots_of(folder))
    temporary = folder / ".README.md.tmp"
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, folder / "README.md")


def environment() -> dict:
    """Return `machine` (processor, cores), `versions` by package and mmzoo's `commit`, "" where unknown."""
    versions = {"python": platform.python_version(), "mmzoo": mmzoo.__version__}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    return {"machine": machine, "versions": versions, "commit": _commit()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def _commit() -> str:
    """Return the commit of the checkout that this file is tracked in, with `-dirty` after changes, or ""."""
    here = Path(__file__).parent
    try:
        # an installed package may lie inside somebody else's repository
        subprocess.run(
            ["git", "ls-files", "--error-unmatch", Path(__file__).name],
            cwd=here,
            check=True,
            capture_output=True,
        )
        describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(describe, cwd=here, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if hasattr(value, "tolist"):
        return _rounded(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
