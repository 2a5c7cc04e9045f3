"""What `fairbench run` shows: bars on a terminal, one line a run elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from benchmark.config import RunConfig, ignored_lines
from benchmark.data.dataset import SPLITS, Dataset
from benchmark.time_left import TimeLeft, in_words

if TYPE_CHECKING:  # they bring torch, and a mistyped name should be answered before that
    from benchmark.execute import Planned
    from benchmark.sweep import SweepRun, Watcher
    from benchmark.trainer import EpochFacts, StepFacts


def make_watcher() -> AbstractContextManager[Watcher]:
    """Return bars for a terminal, lines for anything else."""
    console = Console(highlight=False, markup=False, emoji=False)
    return Bars(console) if console.is_terminal else nullcontext(Lines())


def name_of(config: RunConfig) -> str:
    """Return label, attributes and seed as one phrase."""
    attributes = f" on {'+'.join(config.attributes)}" if config.attributes else ""
    seed = "" if config.seed is None else f", seed {config.seed}"
    return f"{config.label}{attributes}{seed}"


def describe(run: SweepRun) -> str:
    """Return what became of a run as one line."""
    message = f": {run.message}" if run.message else ""
    return f"{run.state:9} {run.id}  {name_of(run.config)}{message}"


def describe_data(data: Dataset) -> str:
    """Return what a dataset holds and what was left out of it, as one line."""
    sizes = ", ".join(f"{len(split)} {name}" for name, split in data.splits.items())
    dropped = " and ".join(f"{data.dropped.get(name, 0)} {name}" for name in SPLITS[1:])
    return (
        f"dataset {data.schema.name} {data.fingerprint[:12]}: {sizes} samples; dropped for unknown "
        f"attributes: {dropped}; notes cut to the model's context: {data.truncated_notes}"
    )


class Lines:
    """A line for each dataset and for each run that ends, with the time left."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._left = TimeLeft(())

    def on_plan(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Say how much there is to do, and which keys only some of it uses."""
        self._left = TimeLeft(runs)
        todo = sum(not present for _, present in runs)
        print(f"{len(runs)} runs, {todo} to do", flush=True)
        self._print_ignored(runs)

    def on_run(self, planned: Planned) -> None:
        """Describe the dataset before its first run."""
        self._left.start()
        line = describe_data(planned.data)
        if line not in self._said:
            self._said.add(line)
            self._print(line)

    def on_step(self, facts: StepFacts) -> None:
        """Say nothing."""

    def on_epoch(self, facts: EpochFacts) -> None:
        """Say nothing."""

    def on_finished(self, run: SweepRun) -> None:
        """Print the run's outcome, and how long the others will take."""
        self._left.finish(run.config, run.state)
        left = self.time_left() if run.state != "present" else ""
        self._print(f"{describe(run)}{left and f' ({left})'}")

    def time_left(self) -> str:
        """Return the time left in words; "" where it is not known, or nothing is left."""
        seconds = self._left.seconds
        return "" if seconds is None else f"about {in_words(seconds)} left"

    def _print_ignored(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        for line in ignored_lines(config for config, _ in runs):
            self._print(line)

    def _print(self, line: str) -> None:
        print(line, flush=True)


class _Remaining(TimeRemainingColumn):
    """The time left by finished runs for the bar of runs; for others by their speed.

    Runs that are there already pass in no time, so the speed of that bar says nothing.
    """

    def render(self, task: Task) -> Text:
        left = task.fields.get("left")
        return super().render(task) if left is None else Text(left)


class Bars(Lines):
    """Bars for runs, epochs and steps, and the lines above them."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Remaining(),
            console=console,
        )
        self.runs = self.progress.add_task("runs", total=None, left="")
        self.epochs = self.progress.add_task("epochs", total=None, visible=False)
        self.steps = self.progress.add_task("steps", total=None, visible=False)

    def __enter__(self) -> Bars:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()
        sys.stdout.flush()

    def on_plan(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Set the length of the first bar, and say which keys only some runs use."""
        self._left = TimeLeft(runs)
        self.progress.update(self.runs, total=len(runs))
        self._print_ignored(runs)

    def on_run(self, planned: Planned) -> None:
        """Start the bars of a run."""
        super().on_run(planned)
        config = planned.config
        total = max(config.epochs, 1)
        self.progress.reset(self.epochs, total=total, description=name_of(config), visible=True)
        self.progress.reset(self.steps, total=None, visible=config.objective.trains)

    def on_step(self, facts: StepFacts) -> None:
        """Move the step bar."""
        self.progress.update(
            self.steps,
            total=facts.steps,
            completed=facts.step,
            description=f"epoch {facts.epoch}, loss {facts.loss:.4f}",
        )

    def on_epoch(self, facts: EpochFacts) -> None:
        """Move the epoch bar."""
        self.progress.update(self.epochs, completed=max(facts.epoch, 1))

    def on_finished(self, run: SweepRun) -> None:
        """Move the run bar and leave a line."""
        self.progress.update(self.epochs, visible=False)
        self.progress.update(self.steps, visible=False)
        super().on_finished(run)
        self.progress.update(self.runs, advance=1, left=self.time_left())

    def _print(self, line: str) -> None:
        self.console.print(line)
