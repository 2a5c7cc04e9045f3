"""`fairbench plan`: freeze an analysis before its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plan(
    file: Annotated[Path, typer.Argument(help="The plan, a YAML file; see docs/statistics.md.")],
    results: Annotated[Path, typer.Option(help="The runs' results folder.")] = Path("results"),
) -> None:
    """Freeze family, margins, correction, test, selection rule and seeds before the runs.

    Runs started afterwards in this results folder store the plan's hash; `fairbench compare`
    then says "planned" of the claims that the plan names, and "post hoc" of all others.
    """
    from benchmark.analysis_plan import freeze, read_plan

    found, path = freeze(read_plan(file), results)
    claims = len(found.plan.variants) * len(found.plan.attributes) * len(found.plan.primary)
    typer.echo(f"Frozen at {found.frozen}: {path}")
    typer.echo(
        f"{len(found.plan.variants)} variants × {len(found.plan.attributes)} attributes × "
        f"{len(found.plan.primary)} metrics: up to {claims} claims against {found.plan.baseline}"
    )
    typer.echo(f"Compare with: fairbench compare {results} --plan {found.hash}")
