"""Machine, package versions and commit of a run."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import mmzoo
from mmzoo.artifacts.card import Environment

PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "ai-edge-litert",
    "scikit-learn",
    "tensorflow-datasets",
    "soundfile",
    "onnx",
    "onnxruntime",
    "tf2onnx",
)


def machine() -> dict:
    """Return processor, core count and the package versions affecting latency."""
    names = ("ai-edge-litert", "numpy")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {name: importlib.metadata.version(name) for name in names},
    }


def environment() -> Environment:
    """Return the machine, the package versions, and mmzoo's commit, "" if unknown."""
    versions = {"python": platform.python_version(), "mmzoo": mmzoo.__version__}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    return Environment(machine, versions, _commit())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine() or "unknown processor"


def _commit() -> str:
    """Return the checkout's commit, with `-dirty` after changes, or ""."""
    here = Path(__file__).parent
    try:
        # an installed package may lie inside an unrelated repository
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
