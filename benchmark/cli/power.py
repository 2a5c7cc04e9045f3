"""`fairbench power`: what n seeds can show, before an experiment and after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer


def power(
    results: Annotated[
        Path | None, typer.Argument(help="After: the results whose spread is taken.")
    ] = None,
    sd: Annotated[
        str | None,
        typer.Option(help="Before: guessed SD of the paired differences, auc=0.01,deodds=0.04."),
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option(help="Smallest differences that matter; default auc=0.02,deodds=0.05."),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Before: numbers of seeds.")] = "3,5,10,20",
    alpha: Annotated[float, typer.Option(help="Level of the whole family.")] = 0.05,
    tests: Annotated[
        int, typer.Option(help="Before: p-values in the family, two for each claim.", min=1)
    ] = 1,
    smallest_group: Annotated[
        int | None, typer.Option(help="Before: test samples of the smallest group.", min=1)
    ] = None,
    baseline: Annotated[str, typer.Option(help="After: variant to compare with.")] = "clip-ft",
    suite: Annotated[str | None, typer.Option(help="After: only this suite's runs.")] = None,
) -> None:
    """Print the smallest detectable differences and the seeds that a margin takes.

    Before an experiment with --sd; after it with the results folder. Paired t tests, at the
    level of Holm's first step (alpha over the number of tests), so that what is promised holds
    whatever the other tests of the family give.
    """
    from benchmark.errors import FairbenchError

    if (results is None) == (sd is None):
        raise FairbenchError("give --sd auc=0.01 before an experiment, or its results folder after")
    if not 0 < alpha < 0.5:
        raise FairbenchError(f"--alpha {alpha:g}: expected a number between 0 and 0.5")
    if results is None:
        lines = _before(sd or "", margin, seeds, alpha / tests, smallest_group)
    else:
        lines = _after(results, margin, alpha, baseline, suite)
    for line in lines:
        typer.echo(line)


def _before(
    sd: str, margin: str | None, seeds: str, level: float, smallest_group: int | None
) -> Iterator[str]:
    """Yield a table for each metric of a guess."""
    from benchmark.errors import FairbenchError
    from benchmark.seeds import parse_seeds
    from benchmark.stats.power import resolution_warning
    from benchmark.verdicts.analysis import analysis_of, parse_assignments
    from benchmark.verdicts.seed_power import POWERS, seed_power, seeds_needed

    spreads = parse_assignments(sd, "--sd", "auc=0.01,deodds=0.04")
    margins = _margins(margin)
    given = {name: m for name, m in margins.items() if name in (*spreads, "auc")}
    analysis = analysis_of(primary=list(spreads), margin=given)
    counts = parse_seeds(seeds)
    if 0 in counts:
        raise FairbenchError(f"--seeds {seeds}: numbers of seeds start at 1")
    for metric, spread in spreads.items():
        if not 0 < spread < 1:
            raise FairbenchError(f"--sd {metric}={spread:g}: expected a fraction between 0 and 1")
        matters = analysis.margins[metric]
        yield (
            f"{metric}: SD of paired differences {_points(spread)} points, margin "
            f"±{_points(matters)} points, level of one test {level:.3g}"
        )
        body = []
        for n in counts:
            found = seed_power(spread, matters, n, level)
            smallest = [_points(found.smallest[power]) for power in POWERS]
            powers = [_percent(found.of_difference), _percent(found.of_equivalence)]
            body.append([str(n), *smallest, *powers])
        yield from _table(
            (
                "seeds",
                "smallest at 80% power",
                "at 90%",
                "power for a difference of the margin",
                "power for equivalence",
            ),
            body,
        )
        needed = seeds_needed(spread, matters, level)
        for what, by_power in (
            ("a difference as large as the margin", needed.difference),
            ("equivalence where the true difference is zero", needed.equivalence),
        ):
            yield (
                f"Seeds for {what}: {_count(by_power[0.8])} at 80% power, "
                f"{_count(by_power[0.9])} at 90%"
            )
        warning = resolution_warning(matters, smallest_group) if smallest_group else ""
        yield from [f"Warning: {warning}", ""] if warning else [""]


def _after(
    results: Path, margin: str | None, alpha: float, baseline: str, suite: str | None
) -> Iterator[str]:
    """Yield one table of the claims found, by the spread of their paired differences."""
    from benchmark.comparison import compare
    from benchmark.report.verdict_table import metric_name
    from benchmark.verdicts.seed_power import (
        level_of_one,
        sd_interval,
        seed_power,
        seeds_needed,
    )

    margins = _margins(margin)
    found = compare(
        results,
        baseline=baseline,
        suite=suite,
        alpha=alpha,
        margin=margins,
        primary=list(dict.fromkeys(["auc", "deodds", *margins])),
    ).verdicts
    columns = [c for c in ("p", "p_equivalence") if c in found]
    n_tests = int(found[columns].notna().to_numpy().sum())
    level = level_of_one(alpha, n_tests, "holm")
    yield (
        f"Level of one of {n_tests} tests: {level:.3g}. Powers of 80% (90%). In percentage points; "
        "beside each SD its 95% interval: from few seeds it is itself a guess."
    )
    body, notes = [], []
    for row in found.to_dict("records"):
        name = [row["variant"], row["attribute"], metric_name(row["metric"])]
        spread, pairs = row.get("sd"), str(row.get("n"))
        if not (isinstance(spread, float) and spread > 0) or not pairs.isdigit():
            why = row.get("reason") or row.get("why") or f"confounded: {row['confounded']}"
            notes.append(f"{', '.join(name)}: no spread of paired differences ({why})")
            continue
        matters, n = row["margin"], int(pairs)
        now, needed = seed_power(spread, matters, n, level), seeds_needed(spread, matters, level)
        body.append(
            [
                *name,
                pairs,
                f"{_points(spread)} [{', '.join(map(_points, sd_interval(spread, n)))}]",
                f"±{_points(matters)}",
                f"{_points(now.smallest[0.8])} ({_points(now.smallest[0.9])})",
                f"{_count(needed.difference[0.8])} ({_count(needed.difference[0.9])})",
                f"{_count(needed.equivalence[0.8])} ({_count(needed.equivalence[0.9])})",
            ]
        )
        if row["resolution"] > matters:
            notes.append(
                f"Warning: {', '.join(name)}: one patient of the smallest group moves it by "
                f"{_points(row['resolution'])}, more than the margin; no seeds change that"
            )
    yield from _table(
        (
            "variant",
            "attribute",
            "metric",
            "seeds",
            "SD",
            "margin",
            "smallest detectable",
            "seeds for a difference of the margin",
            "seeds for equivalence",
        ),
        body,
    )
    yield from notes


def _margins(text: str | None) -> dict[str, float]:
    from benchmark.verdicts.analysis import parse_margins

    return {} if text is None else parse_margins(text)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table in columns of fixed width."""
    widths = [max(len(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _points(value: float) -> str:
    return "–" if value != value else f"{100 * value:.2f}"


def _percent(value: float) -> str:
    return "–" if value != value else f"{100 * value:.0f}%"


def _count(n: int | None) -> str:
    return "over ten million" if n is None else str(n)
