"""What class of machine a measurement was taken on, without anything that names the machine."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

__all__ = ["described", "load", "our_path", "processors"]


def described() -> dict[str, Any]:
    """Return the class of this machine and its Python."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor() or "unknown",
        "processors": processors(),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def processors() -> int:
    """Return how many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def our_path() -> str:
    """Return where a program that is started here finds both packages, installed or not."""
    root = Path(__file__).resolve().parents[2]
    given = os.environ.get("PYTHONPATH")
    ours = [str(root / "conformance"), str(root / "reference_impl")]
    return os.pathsep.join([*ours, given] if given else ours)


def load() -> float | None:
    """Return how many processes wanted a processor in the last minute, on average."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _memory_gib() -> int | None:
    found = _field("/proc/meminfo", "MemTotal")
    return round(int(found.split()[0]) / 2**20) if found else None


def _field(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
