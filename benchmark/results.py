"""Run directories: written once, read many times.

A run is made in `<id>.partial/` under a lock and renamed to `<id>/` as its last act, so a
folder without suffix is always whole, whenever the process was killed. `done` and `diverged`
are results; a failure becomes `<id>.failed/`, which a retry deletes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from benchmark.errors import FairbenchError
from benchmark.kept_configs import KeptConfigs
from benchmark.yaml_io import write_yaml

STATES = ("done", "diverged", "failed")
_SECTIONS = ("objective", "protocol", "model", "dataset", "identity")
_FIELDS = ("variant", "label", "attributes", "own_selection", "trains", "seed", "threads", "device")


@dataclass(frozen=True)
class StoredRun:
    """A finished or failed run on disk.

    Attributes:
        id: The run's id.
        path: Its folder.
        config: `config.yaml`: keys, dataset, model and identity.
        status: `status.json`: `state` is one of `STATES`; `message` says why it is not `done`.
    """

    id: str
    path: Path
    config: Mapping[str, Any]
    status: Mapping[str, Any]

    @property
    def state(self) -> str:
        """`done`, `diverged` or `failed`."""
        return str(self.status["state"])


class RunStore:
    """The folder of runs below a results folder."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.runs = results / "runs"

    def prepare(self) -> None:
        """Create the folders, or raise an error that names what cannot be written."""
        try:
            (self.runs / ".locks").mkdir(parents=True, exist_ok=True)
            probe = self.runs / ".locks" / f"probe-{os.getpid()}"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise FairbenchError(
                f"results folder {self.results} cannot be written ({error.strerror}); "
                "give another with --results"
            ) from error

    def finished(self, run_id: str) -> bool:
        """Return whether the run is there, done or diverged."""
        return (self.runs / run_id / "status.json").is_file()

    @contextmanager
    def claim(self, run_id: str, wait: bool) -> Iterator[bool]:
        """Hold the run's lock; yield False where another process holds it and `wait` is False.

        The lock belongs to the process, so it ends with it however the process ends.
        """
        lock = FileLock(self.runs / ".locks" / f"{run_id}.lock")
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def begin(self, run_id: str) -> Path:
        """Return the empty working folder; leftovers of a killed or failed try are deleted.

        The caller holds the run's lock.
        """
        for suffix in (".partial", ".failed"):
            shutil.rmtree(self.runs / f"{run_id}{suffix}", ignore_errors=True)
        partial = self.runs / f"{run_id}.partial"
        partial.mkdir()
        return partial

    def finish(self, run_id: str) -> Path:
        """Make the working folder final: everything reaches the disk before the rename."""
        return self._rename(run_id, self.runs / run_id)

    def add(self, run_id: str, names: Iterable[str]) -> None:
        """Move files of the working folder into the finished run and delete the rest."""
        partial, run = self.runs / f"{run_id}.partial", self.runs / run_id
        for name in names:
            _sync(partial / name)
            (partial / name).replace(run / name)
        _sync(run)
        self.discard(run_id)

    def fail(self, run_id: str) -> Path:
        """Set the working folder aside as failed."""
        return self._rename(run_id, self.runs / f"{run_id}.failed")

    def discard(self, run_id: str) -> None:
        """Delete the working folder of an interrupted run."""
        shutil.rmtree(self.runs / f"{run_id}.partial", ignore_errors=True)

    def _rename(self, run_id: str, target: Path) -> Path:
        partial = self.runs / f"{run_id}.partial"
        for path in [*partial.iterdir(), partial]:
            _sync(path)
        partial.rename(target)
        _sync(self.runs)
        return target

    def require_runs(self) -> None:
        """Raise a FairbenchError that names the folder if there are no runs in it."""
        if not self.runs.is_dir():
            raise FairbenchError(
                f"{self.results}: no runs here; `fairbench run` writes them to DIR/runs"
            )

    def read(self) -> list[StoredRun]:
        """Return all finished and failed runs, by id; what is still being written is left out.

        Raises:
            FairbenchError: no such folder, or a run whose files cannot be read.
        """
        self.require_runs()
        folders = sorted(p for p in self.runs.iterdir() if p.is_dir() and p.name[0] != ".")
        configs = KeptConfigs(self.results)
        found = [self._stored(path, configs) for path in folders if path.suffix != ".partial"]
        configs.save()
        return found

    @staticmethod
    def _stored(path: Path, configs: KeptConfigs) -> StoredRun:
        again = f"delete {path} and run again"
        try:
            status = json.loads((path / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FairbenchError(
                f"{path}/status.json: cannot be read ({error}); {again}"
            ) from error
        try:
            config = configs.read(path / "config.yaml")
        except FairbenchError as error:
            raise FairbenchError(f"{error}; {again}") from error
        if not isinstance(status, dict) or status.get("state") not in STATES:
            raise FairbenchError(
                f"{path}/status.json: 'state' is none of {', '.join(STATES)}; {again}"
            )
        held = config if isinstance(config, dict) else {}
        missing = [name for name in _SECTIONS if not isinstance(held.get(name), dict)]
        missing += [name for name in _FIELDS if name not in held]
        if missing:
            raise FairbenchError(f"{path}/config.yaml: no '{missing[0]}'; {again}")
        return StoredRun(path.stem, path, config, status)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write strict JSON, indented."""
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_config(path: Path, value: Mapping[str, Any]) -> None:
    """Write YAML in the order given."""
    path.write_text(write_yaml(dict(value)), encoding="utf-8")


def replace_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON to a file that may exist, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write_json(temporary, value)
    _sync(temporary)
    temporary.replace(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
