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
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from benchmark.config import RunConfig, ignored_lines
from benchmark.cores import crowded
from benchmark.run_messages import RunProgress
from benchmark.time_left import TimeLeft, in_words

if TYPE_CHECKING:  # they bring torch, and a mistyped name should be answered before that
    from benchmark.resume import SweepRun
    from benchmark.run_queue import QueuedRun, Watcher
    from benchmark.trainer import EpochFacts, StepFacts


def make_watcher(parallel: int = 1) -> AbstractContextManager[Watcher]:
    """Return bars for a terminal, lines for anything else; so many runs are under way at a time."""
    console = Console(highlight=False, markup=False, emoji=False)
    return Bars(console, parallel) if console.is_terminal else nullcontext(Lines(parallel))


def name_of(config: RunConfig) -> str:
    """Return label, attributes and seed as one phrase."""
    attributes = f" on {'+'.join(config.attributes)}" if config.attributes else ""
    seed = "" if config.seed is None else f", seed {config.seed}"
    return f"{config.label}{attributes}{seed}"


def describe(run: SweepRun) -> str:
    """Return what became of a run as one line."""
    message = f": {run.message}" if run.message else ""
    return f"{run.state:9} {run.id}  {name_of(run.config)}{message}"


class Lines:
    """A line for each dataset and for each run that ends, with the time left."""

    def __init__(self, parallel: int = 1) -> None:
        self._parallel = parallel
        self._said: set[str] = set()
        self._left = TimeLeft(())

    def on_plan(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Say how much there is to do, and what is worth knowing of it."""
        self._left = TimeLeft(runs, parallel=self._parallel)
        todo = sum(not present for _, present in runs)
        print(f"{len(runs)} runs, {todo} to do", flush=True)
        self._print_notes(runs)

    def on_run(self, run: QueuedRun) -> None:
        """Describe the dataset before its first run."""
        self._left.start(run.id, run.config)
        if run.data not in self._said:
            self._said.add(run.data)
            self._print(run.data)

    def on_progress(self, run: QueuedRun, progress: RunProgress) -> None:
        """Say nothing."""

    def on_step(self, facts: StepFacts) -> None:
        """Say nothing."""

    def on_epoch(self, facts: EpochFacts) -> None:
        """Say nothing."""

    def on_finished(self, run: SweepRun) -> None:
        """Print the run's outcome, and how long the others will take."""
        self._left.finish(run.id, run.config, run.state)
        left = self.time_left() if run.state != "present" else ""
        self._print(f"{describe(run)}{left and f' ({left})'}")

    def time_left(self) -> str:
        """Return the time left in words; "" where it is not known, or nothing is left."""
        seconds = self._left.seconds
        return "" if seconds is None else f"about {in_words(seconds)} left"

    def _print_notes(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Print what is worth knowing before the first run."""
        for line in ignored_lines(config for config, _ in runs):
            self._print(line)
        threads = [config.threads for config, present in runs if not present]
        crowd = crowded(min(self._parallel, len(threads)), max(threads, default=1))
        if crowd is not None:
            self._print(crowd)

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
    """A bar for all runs, one for each run under way, and the lines above them."""

    def __init__(self, console: Console, parallel: int = 1) -> None:
        super().__init__(parallel)
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[done]}"),
            _Remaining(),
            console=console,
        )
        self.runs = self.bars.add_task("runs", total=None, left="", done="")
        self.active: dict[str, TaskID] = {}
        self._here: QueuedRun | None = None

    def __enter__(self) -> Bars:
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.stop()
        sys.stdout.flush()

    def on_plan(self, runs: Sequence[tuple[RunConfig, bool]]) -> None:
        """Set the length of the first bar, and say what is worth knowing."""
        self._left = TimeLeft(runs, parallel=self._parallel)
        self.bars.update(self.runs, total=len(runs), done=f"0/{len(runs)}")
        self._print_notes(runs)

    def on_run(self, run: QueuedRun) -> None:
        """Add the run's bar."""
        super().on_run(run)
        self._here = run
        total = max(run.config.epochs, 1)
        self.active[run.id] = self.bars.add_task(name_of(run.config), total=total, done="")

    def on_step(self, facts: StepFacts) -> None:
        """Move the bar of the run in this process."""
        if self._here is not None:
            self.on_progress(self._here, RunProgress.of_step(facts))

    def on_epoch(self, facts: EpochFacts) -> None:
        """Move the bar of the run in this process."""
        if self._here is not None:
            self.on_progress(self._here, RunProgress.of_epoch(facts))

    def on_progress(self, run: QueuedRun, progress: RunProgress) -> None:
        """Move the run's bar."""
        loss = "" if progress.loss is None else f", loss {progress.loss:.4f}"
        done = f"epoch {progress.epoch}/{run.config.epochs}{loss}"
        self.bars.update(self.active[run.id], completed=progress.epochs, done=done)

    def on_finished(self, run: SweepRun) -> None:
        """Replace the run's bar by a line, and move the bar of runs."""
        if run.id in self.active:
            self.bars.remove_task(self.active.pop(run.id))
        super().on_finished(run)
        self.bars.update(self.runs, advance=1, left=self.time_left())
        task = self.bars.tasks[0]
        self.bars.update(self.runs, done=f"{task.completed:.0f}/{task.total:.0f}")

    def _print(self, line: str) -> None:
        self.console.print(line)
