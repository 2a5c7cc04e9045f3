"""What a process that trains runs and the one that asks for them say to each other.

Pickled, through pipes: configurations go one way, losses and outcomes the other, never data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # brings torch
    from benchmark.trainer import EpochFacts, StepFacts


@dataclass(frozen=True)
class Setting:
    """What all runs of a process share.

    Attributes:
        results: The results folder.
        command: The command line of the process that asks, for the runs' provenance.
        threads: torch's threads there outside runs, where initial weights are drawn.
    """

    results: Path
    command: list[str]
    threads: int


@dataclass(frozen=True)
class Task:
    """A run to do.

    Attributes:
        run: The `QueuedRun`, pickled.
        variant_files: Files whose classes it may hold; imported before it is read.
        wait: Whether to wait for another command that holds the run.
    """

    run: bytes
    variant_files: tuple[str, ...]
    wait: bool


@dataclass(frozen=True)
class Begun:
    """The run has begun to train."""


@dataclass(frozen=True)
class RunProgress:
    """How far a run is.

    Attributes:
        epochs: Epochs done; a part of one for its steps.
        epoch: The one under way or just done, counted from 1; 0 evaluates initial weights.
        loss: Of the step just done; None after an evaluation.
    """

    epochs: float
    epoch: int
    loss: float | None = None

    @classmethod
    def of_step(cls, facts: StepFacts) -> RunProgress:
        """Return how far a run is after a step."""
        return cls(facts.epoch - 1 + facts.step / facts.steps, facts.epoch, facts.loss)

    @classmethod
    def of_epoch(cls, facts: EpochFacts) -> RunProgress:
        """Return how far a run is after an evaluation; that of initial weights is all."""
        return cls(max(float(facts.epoch), 1.0), facts.epoch)


@dataclass(frozen=True)
class Held:
    """Another command holds the run, and the task said not to wait."""


@dataclass(frozen=True)
class Ended:
    """What became of the run; fields as in `benchmark.resume.SweepRun`."""

    state: Literal["done", "diverged", "failed", "present"]
    message: str = ""
