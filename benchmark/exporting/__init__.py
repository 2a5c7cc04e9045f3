"""Stored runs for the dashboards of experiment trackers; no tracker is inside the trainer.

`EXPORTERS` names them; each is a module with a function
`export(history: RunHistory, out: Path) -> bool`, False where the run is there already, and what
to install for it is the extra of the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import FairbenchError, unknown_name

if TYPE_CHECKING:
    from benchmark.exporting.history import RunHistory
    from benchmark.results import StoredRun

EXPORTERS = {
    "tensorboard": "benchmark.exporting.to_tensorboard",
    "wandb": "benchmark.exporting.to_wandb",
    "mlflow": "benchmark.exporting.to_mlflow",
}
"""Tracker → module of its exporter."""


def export_runs(tracker: str, runs: Iterable[StoredRun], out: Path) -> tuple[int, int]:
    """Export what runs stored; return how many were exported, and how many were there already.

    Runs that failed have no facts and are left out; a run that diverged is exported and marked.

    Args:
        tracker: A key of `EXPORTERS`.
        runs: As `RunStore.read` returns them.
        out: Folder of the tracker's files. What is there is never changed.

    Raises:
        FairbenchError: an unknown tracker, or one that is not installed; a damaged run; a folder
            that cannot be written.
    """
    from benchmark.exporting.history import read_history

    export = _exporter(tracker)
    try:
        out.mkdir(parents=True, exist_ok=True)
        new = [export(read_history(run), out) for run in runs if run.state != "failed"]
    except OSError as error:
        raise FairbenchError(
            f"folder {out} cannot be written ({error.strerror}); give another with --out"
        ) from error
    return sum(new), len(new) - sum(new)


def _exporter(tracker: str) -> Callable[[RunHistory, Path], bool]:
    if tracker not in EXPORTERS:
        raise unknown_name("tracker", tracker, EXPORTERS)
    try:
        module = import_module(EXPORTERS[tracker])
    except ModuleNotFoundError as error:
        raise FairbenchError(
            f"{tracker} is not installed (no module '{error.name}'); "
            f"pip install 'fairbench[{tracker}]'"
        ) from error
    export: Callable[[RunHistory, Path], bool] = module.export
    return export
