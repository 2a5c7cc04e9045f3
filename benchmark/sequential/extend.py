"""Adds seeds to a suite, from look to look, until its claims are decided or seeds are spent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.data.file_index import sha256_of
from benchmark.errors import FairbenchError
from benchmark.plan import Request, plan
from benchmark.provenance import now
from benchmark.results import RunStore
from benchmark.sequential.record import (
    CLAIM,
    NUMBERS,
    Design,
    Look,
    SequentialRecord,
    read_record,
    record_path,
    write_record,
)
from benchmark.sequential.rule import LOOKS, check_looks, level_of_look
from benchmark.suite import Suite
from benchmark.suite_lists import suite_run_ids
from benchmark.verdicts.analysis import Analysis

if TYPE_CHECKING:
    from benchmark.sweep import SweepRun, Watcher


@dataclass(frozen=True)
class Extended:
    """What came of a call.

    Attributes:
        record: The design and all looks, earlier ones included.
        failed: Runs that failed, so that the next look could not be made.
    """

    record: SequentialRecord
    failed: Sequence[SweepRun] = ()


def extend(
    suite: Suite,
    request: Request,
    results: Path,
    *,
    looks: Sequence[int] | None,
    until: int | None,
    watcher: Watcher,
    parallel: int = 1,
    on_design: Callable[[SequentialRecord], None],
    on_look: Callable[[SequentialRecord], None],
) -> Extended:
    """Run a suite's seeds up to each look and judge there, and only there.

    The first call fixes looks, margins and suite; later calls go on after the last look.

    Args:
        suite: Its `compare` says what is judged; its `seeds` come first, then the next numbers.
        request: Device, threads and folder; its seeds are not read.
        results: The results folder.
        looks: Numbers of seeds; None: those of the record, or `LOOKS`.
        until: The budget in seeds, one of the looks; None: the last look.
        watcher: Told of every run.
        parallel: So many runs are trained side by side, each in a process of its own.
        on_design: Told of the record before the first run.
        on_look: Told of the record after each look.

    Raises:
        FairbenchError: looks, margins or a suite that are not those of the first call, settings
            for which the rule does not hold, or a budget that is no look.
    """
    from benchmark.sweep import sweep  # brings torch

    record = _begin(suite, request, results, looks)
    design = record.design
    if until is not None and until not in design.looks:
        raise FairbenchError(
            f"--until {until}: the looks are at {_listed(design.looks)} seeds, and verdicts are "
            "reached only there; name one of them, or 'decided'"
        )
    on_design(record)
    for n in design.looks[len(record.looks) :]:
        if record.decided or (until is not None and n > until):
            break
        configs = plan(replace(request, seeds=design.seeds[:n]), suite)
        done = sweep(configs, RunStore(results), watcher, suite, parallel=parallel)
        failed = [run for run in done if run.state == "failed"]
        if failed:
            return Extended(record, failed)
        record = record.with_look(_look(design, results, n, record))
        write_record(record, results)
        on_look(record)
    return Extended(record)


def look_analysis(analysis: Analysis, looks: Sequence[int]) -> Analysis:
    """Return the settings of one look.

    Raises:
        FairbenchError: settings for which the rule's error rate is not known.
    """
    needed = {"correction": ("holm",), "test": ("auto", "t"), "scope": ("seeds",)}
    for name, allowed in needed.items():
        value = getattr(analysis, name)
        if value not in allowed:
            raise FairbenchError(
                f"extend judges by t tests over seeds with Holm's correction; the suite's compare "
                f"says {name}: {value}; leave it out, or run a fixed number of seeds"
            )
    return analysis.model_copy(
        update={"alpha": level_of_look(analysis.alpha, looks), "studies": ()}
    )


def seed_sequence(first: Sequence[int], n: int) -> tuple[int, ...]:
    """Return n seeds: those of the suite, then the numbers that follow the largest."""
    start = max(first) + 1
    return tuple([*first, *range(start, start + max(n - len(first), 0))][:n])


def _begin(
    suite: Suite, request: Request, results: Path, looks: Sequence[int] | None
) -> SequentialRecord:
    """Return the record, begun now if there is none."""
    stored = read_record(results, suite.name)
    chosen = tuple(looks or (stored.design.looks if stored else LOOKS))
    try:
        check_looks(chosen)
    except ValueError as error:
        raise FairbenchError(f"--looks: {error}") from error
    look_analysis(suite.compare, chosen)
    settings = {**suite.compare.model_dump(mode="json"), "margin": suite.compare.margins}
    definition = sha256_of(
        [
            suite.model_dump(mode="json", exclude={"question", "compare", "seeds", "sizes"}),
            request.threads,
            list(request.conditions),
        ]
    )
    design = Design(
        suite=suite.name,
        definition=definition,
        looks=chosen,
        seeds=seed_sequence(suite.seeds, chosen[-1]),
        level=level_of_look(suite.compare.alpha, chosen),
        analysis=settings,
        frozen=now(),
        runs_before=0,
    )
    if stored is not None:
        _require_same(design, stored.design, record_path(results, suite.name))
        return stored
    before = _finished(suite, replace(request, seeds=design.seeds), results)
    record = SequentialRecord(replace(design, runs_before=before))
    write_record(record, results)
    return record


def _require_same(asked: Design, fixed: Design, path: Path) -> None:
    """Raise for the first thing that is not what the first call fixed."""
    asked_settings, fixed_settings = dict(asked.analysis), dict(fixed.analysis)
    what = {
        "looks": (_listed(asked.looks), _listed(fixed.looks)),
        **{
            name: (asked_settings.get(name), value)
            for name, value in fixed_settings.items()
            if asked_settings.get(name) != value
        },
        "seeds": (_listed(asked.seeds), _listed(fixed.seeds)),
        "definition of the runs": (asked.definition[:12], fixed.definition[:12]),
    }
    for name, (new, old) in what.items():
        if new != old:
            raise FairbenchError(
                f"{name}: {new}, and {path} fixed {old} before the first look; a rule that is "
                "changed after looking has no known error rate. Restore it, or start anew under "
                "another suite name with other seeds"
            )


def _finished(suite: Suite, request: Request, results: Path) -> int:
    """Return how many of the runs asked for are finished."""
    from benchmark.execute import plan_run

    store = RunStore(results)
    found = {plan_run(config).id for config in plan(request, suite)}
    return sum(store.finished(run_id) for run_id in found)


def _look(design: Design, results: Path, n: int, before: SequentialRecord) -> Look:
    from benchmark.comparison import analyse

    runs = tuple(sorted(suite_run_ids(results, design.suite)))
    lost = {run for look in before.looks for run in look.runs} - set(runs)
    if lost:
        raise FairbenchError(
            f"{record_path(results, design.suite)}: run {min(lost)} of an earlier look is no "
            "run of the suite now: data, weights or code are others; start anew under another "
            "suite name"
        )
    analysis = look_analysis(Analysis.model_validate(design.analysis), design.looks)
    verdicts = analyse(results, analysis, design.suite).verdicts
    if verdicts.empty:
        raise FairbenchError(
            f"suite '{design.suite}' makes no claim: it compares no variant with "
            f"{analysis.baseline}, so there is nothing to decide"
        )
    claims = tuple(_claim(row) for row in verdicts.to_dict("records"))
    return Look(n, runs, claims, now())


def _claim(row: dict[Any, Any]) -> dict[str, Any]:
    numbers = {name: row.get(name, math.nan) for name in NUMBERS}
    return {
        **{name: str(row[name]) for name in CLAIM},
        "verdict": str(row["verdict"]),
        **{k: None if math.isnan(v) else float(v) for k, v in numbers.items()},
    }


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
