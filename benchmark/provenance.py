"""Where and with what a run was made."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmark.errors import FairbenchError
from benchmark.results import StoredRun
from benchmark.version import __version__

PACKAGES = ("torch", "open_clip_torch", "geomloss", "numpy", "scipy", "pandas", "pillow")


def provenance(device: str) -> dict[str, Any]:
    """Return code version, packages, device and command, as they are now."""
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    return {
        "fairbench": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "device": device,
        "device_name": name or platform.machine(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "started": now(),
    }


def stored_provenance(run: StoredRun) -> Mapping[str, Any]:
    """Return what a run was stored with; empty for one that was copied without it.

    Raises:
        FairbenchError: provenance that cannot be read.
    """
    path = run.path / "provenance.json"
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise FairbenchError(
            f"{path}: cannot be read ({error}); delete {run.path} and run again"
        ) from error


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the commit of a source checkout, `+` appended if it has changes; else None."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--abbrev=12", "--dirty=+"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
