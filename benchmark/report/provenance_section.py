"""What made the runs, from which data, and the commands that make them again."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import fsum, isnan
from typing import TYPE_CHECKING, Any

from benchmark.origins import Origin, mixtures
from benchmark.report.blocks import together
from benchmark.report.cells import number_cell
from benchmark.report.model import Block, Bullets, Cell, Code, Column, Paragraph, Section, Table
from benchmark.report.sources_table import sources_table
from benchmark.report.statements import status_statement
from benchmark.selection import SELECTIONS

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

UNCOMMITTED = "+"
"""Ends a commit whose working tree had changes."""


def provenance_section(found: Comparison) -> Section:
    """Return the section."""
    return Section("provenance-section", "Provenance", tuple(_blocks(found)))


def warnings(origins: Sequence[Origin]) -> Iterator[str]:
    """Yield in a few words what `flags` says in full."""
    for what, kinds in mixtures(origins):
        yield f"Mixed {what}: {len(kinds)} kinds; see Provenance."
    if _uncommitted(origins):
        yield "Code with uncommitted changes made some runs; see Provenance."


def flags(origins: Sequence[Origin]) -> Iterator[str]:
    """Yield what a reader must know of the runs' origins before the answers."""
    for what, kinds in mixtures(origins):
        named = "; ".join(f"{kind}: {_runs(len(runs))}" for kind, runs in kinds.items())
        yield f"Mixed {what}: {named}. fairbench compare --strict refuses them."
    if changed := _uncommitted(origins):
        yield (
            f"Code with changes that were not committed made some runs ({', '.join(changed)}): "
            "the commit does not say what ran."
        )


def _uncommitted(origins: Sequence[Origin]) -> list[str]:
    return sorted({o.code for o in origins if f"{UNCOMMITTED})" in o.code})


def provenance_facts(found: Comparison) -> dict[str, Any]:
    """Return the provenance for the JSON form."""
    return {
        "commands": list(_commands(found)),
        "flags": list(flags(found.origins)),
        "runs": [asdict(origin) for origin in found.origins],
    }


def _blocks(found: Comparison) -> Iterator[Block]:
    origins = found.origins
    yield Paragraph(" ".join(_when(origins)))
    yield Bullets((*flags(origins), *status_statement(found.verdicts), *_other_rules(found)))
    yield _environment(origins)
    yield _data(origins)
    yield _runs_table(found)
    yield from sources_table(found.arms)
    yield Paragraph("The commands that made the runs, and this report:")
    yield Code("\n".join(_commands(found)))


def _when(origins: Sequence[Origin]) -> Iterator[str]:
    seconds = [origin.seconds for origin in origins if not isnan(origin.seconds)]
    yield f"{_runs(len(origins))} with a result."
    if seconds:
        silent = len(origins) - len(seconds)
        without = f" ({_runs(silent)} did not say how long)" if silent else ""
        yield f"Together they took {_duration(fsum(seconds))}{without}"
        started = min(origin.started for origin in origins if origin.started)
        yield f"between {started} and {max(origin.finished for origin in origins)} (UTC)."


def _other_rules(found: Comparison) -> Iterator[str]:
    """Yield which variants' sources select otherwise than the main tables."""
    rules: dict[str, list[str]] = {}
    for arm in found.arms:
        own = arm.own_selection
        if arm.trains and own != found.selection and own in SELECTIONS:
            rules.setdefault(own, []).append(arm.label)
    for rule, labels in rules.items():
        who = together(labels, (arm.label for arm in found.arms))
        yield (
            f"Selected here by {found.selection}; the sources of {who} by {rule} "
            f"({SELECTIONS[rule].source})."
        )


def _environment(origins: Sequence[Origin]) -> Table:
    counts: Counter[tuple[str, str]] = Counter()
    for origin in origins:
        counts["fairbench", origin.code] += 1
        counts.update(origin.packages.items())
        counts["platform", origin.platform or "unknown"] += 1
        counts["device", origin.device] += 1
    return Table(
        "environment",
        "Code, packages and devices, and how many runs had them.",
        (Column("what", "what"), Column("value", "value"), Column("runs", "runs", numeric=True)),
        tuple(
            (Cell(what), Cell(value), number_cell(n, "{:.0f}"))
            for (what, value), n in sorted(counts.items())
        ),
    )


def _data(origins: Sequence[Origin]) -> Table:
    counts = Counter((o.dataset, o.fingerprint, o.test_fingerprint, o.weights) for o in origins)
    columns = ("dataset", "fingerprint", "test fingerprint", "initial weights")
    return Table(
        "data",
        "Data and initial weights (SHA-256 before any transform), and how many runs had them.",
        (
            *(Column(name.replace(" ", "_"), name) for name in columns),
            Column("runs", "runs", numeric=True),
        ),
        tuple((*map(Cell, names), number_cell(n, "{:.0f}")) for names, n in counts.items()),
    )


def _runs_table(found: Comparison) -> Table:
    origins = {origin.run: origin for origin in found.origins}
    rows = []
    for arm in found.arms:
        runs = [origins[run.id] for run in arm.done]
        seconds = [origin.seconds for origin in runs if not isnan(origin.seconds)]
        ids = ", ".join(run.run if run.seed is None else f"{run.seed}: {run.run}" for run in runs)
        if runs:
            names = (arm.label, "+".join(arm.attributes), arm.protocol, arm.model)
            took = fsum(seconds) if seconds else float("nan")
            rows.append((*map(Cell, names), Cell(ids), number_cell(took, "{:.0f}")))
    return Table(
        "runs",
        "Every run with a result, by variant: its seed and id, and the seconds of all of them.",
        (
            *(
                Column(n, n.replace("_", " "))
                for n in ("variant", "trained_on", "protocol", "model")
            ),
            Column("runs", "seed: run"),
            Column("seconds", "seconds", numeric=True),
        ),
        tuple(rows),
    )


def _commands(found: Comparison) -> Iterator[str]:
    """Yield the commands of the runs, each once, and that of the comparison."""
    commands = dict.fromkeys(origin.command for origin in found.origins if origin.command)
    yield from commands
    if found.asked is not None:
        yield shlex.join(["fairbench", "compare", *_options(found)])


def _options(found: Comparison) -> Iterator[str]:
    """Yield the arguments of `fairbench compare` that ask for this comparison.

    Each setting is named, whatever its default: a later version may have another.
    """
    asked, analysis = found.asked, found.analysis
    assert asked is not None
    yield str(asked.results)
    options: dict[str, str | None] = {
        "suite": asked.suite,
        "published": None if asked.published is None else str(asked.published),
        "plan": asked.plan,
    }
    if asked.plan is None:
        options |= {
            "baseline": analysis.baseline,
            "selection": analysis.selection,
            "threshold": analysis.threshold,
            "intersections": ",".join(analysis.intersections) or None,
            "primary": ",".join(analysis.primary),
            "margin": ",".join(f"{name}={m!r}" for name, m in analysis.margins.items()),
            "alpha": repr(analysis.alpha),
            "correction": analysis.correction,
            "test": analysis.test,
            "scope": analysis.scope,
        }
    for name, value in options.items():
        if value is not None:
            yield from (f"--{name}", value)
    for study in analysis.studies:
        yield from ("--study", study)


def _runs(n: int) -> str:
    return f"{n} run{'' if n == 1 else 's'}"


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "0 s"
