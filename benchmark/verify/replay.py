"""Replays recorded trainings through the trainer of every run, and compares as it goes.

The recorded initial weights, the recorded order of all batches and an observer that compares
go in through the trainer's own arguments; nothing of the loop is copied here.
"""

from __future__ import annotations

from math import nan
from pathlib import Path

from benchmark.batches import StepBatches
from benchmark.fast_step import step_numerics
from benchmark.trainer import DivergedError, train
from benchmark.verify.pack import Pack, PackError
from benchmark.verify.rebuild import Rebuilder, Rebuilt
from benchmark.verify.result import CheckResult
from benchmark.verify.trajectory import (
    PREFIX,
    NotReplayedError,
    Positions,
    RecordedStep,
    Trajectory,
    read_trajectory,
    trajectory_files,
)
from benchmark.verify.trajectory_comparison import Comparison


def replay_all(pack: Path, only: str | None = None) -> list[CheckResult]:
    """Replay every `trajectory_*.json` of a pack, in the order of their names.

    A run of a script or with a flag that is not known is skipped, with the reason.

    Args:
        pack: The folder.
        only: The result's name (`trajectory NAME`) of the one to replay; None replays all.

    Raises:
        PackError: a file that is damaged or lacks a field.
    """
    folder = Pack(pack)
    rebuilder = Rebuilder(folder)
    files = {f"trajectory {f[len(PREFIX) : -len('.json')]}": f for f in trajectory_files(folder)}
    return [
        _replay(name, read_trajectory(folder, file), rebuilder)
        for name, file in files.items()
        if only in (None, name)
    ]


def _replay(name: str, trajectory: Trajectory, rebuilder: Rebuilder) -> CheckResult:
    trajectory.check()
    try:
        run = rebuilder.rebuild(trajectory)
    except NotReplayedError as reason:
        return CheckResult(name, "skipped", 0, nan, nan, str(reason))
    comparison = Comparison(trajectory, run)
    batches = RecordedBatches(trajectory, run)
    with step_numerics(run.config):
        try:
            module = train(run.config, run.model, run.data, batches, comparison)
        except DivergedError as error:
            comparison.on_divergence(str(error))
        else:
            comparison.on_end(module)
    return comparison.result(name)


class RecordedBatches:
    """The order of a recorded training, as `benchmark.batches.Batches`."""

    def __init__(self, trajectory: Trajectory, run: Rebuilt) -> None:
        self._positions = Positions(run.data, "train")
        self._known = {
            f"{attribute}/{group}"
            for attribute in run.config.attributes
            for group in run.data.schema.attributes[attribute]
        }
        self._epochs = [
            [self._batches(step, run.groups_of(step)) for step in trajectory.steps_of(epoch)]
            for epoch in range(len(trajectory.epochs))
        ]

    def epoch(self, epoch: int) -> list[StepBatches]:
        """Return the steps of one epoch, counted from 1."""
        return self._epochs[epoch - 1]

    def _batches(self, step: RecordedStep, groups: tuple[str, ...]) -> StepBatches:
        if unknown := sorted(set(groups) - self._known):
            raise PackError(f"{step.where}: the run trains on no group '{unknown[0]}'")
        main = self._positions.of(step.files, f"{step.where}, files")
        where = f"{step.where}, group_files"
        batches = [self._positions.of(files, where) for files in step.group_files]
        return StepBatches(main, dict(zip(groups, batches, strict=True)))
