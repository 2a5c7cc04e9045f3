"""`fairbench claims`: a ledger of claims, judged against runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchmark.claims.ledger import LedgerClaim
    from benchmark.comparison import Comparison


def claims(
    ledger: Annotated[
        str | None, typer.Argument(help="A shipped ledger or a YAML file; without, list them.")
    ] = None,
    results: Annotated[Path, typer.Argument(help="What `fairbench run` wrote to.")] = Path(
        "results"
    ),
    dataset: Annotated[
        str | None,
        typer.Option(help="Judge on runs on this dataset, and of any model; every line says so."),
    ] = None,
    selection: Annotated[str, typer.Option(help="Selection rule.")] = "val-auc",
    threshold: Annotated[str, typer.Option(help="Decision threshold.")] = "0.5",
    alpha: Annotated[float, typer.Option(help="Level of the whole ledger.")] = 0.05,
    correction: Annotated[str, typer.Option(help="Over the ledger; as compare.")] = "holm",
    test: Annotated[str, typer.Option(help="Over seeds; as compare.")] = "auto",
    scope: Annotated[str, typer.Option(help="seeds or patients; as compare.")] = "seeds",
    margin: Annotated[
        str | None, typer.Option(help="Of equivalence; default auc=0.02,deodds=0.05.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for claims.md and claims.csv.")] = Path(
        "reports/claims"
    ),
) -> None:
    """Say of each claim: supported, refuted, equivalent, undecided, or not tested.

    A claim about one dataset is not tested by runs on another, unless --dataset names it.
    """
    from benchmark.claims.evaluate import evaluate
    from benchmark.claims.ledger import load_ledger, shipped_ledgers
    from benchmark.report.claims_report import claims_markdown
    from benchmark.report.files import write_texts
    from benchmark.report.spreadsheet import csv_text
    from benchmark.verdicts.analysis import MARGINS, analysis_of, parse_margins

    if ledger is None:
        for name in shipped_ledgers():
            held = load_ledger(name)
            typer.echo(f"{name}: {len(held.claims)} claims of {held.ledger.paper}")
        return
    held = load_ledger(ledger)
    margins = {} if margin is None else parse_margins(margin)
    settings = {
        "selection": selection,
        "threshold": threshold,
        "alpha": alpha,
        "correction": correction,
        "test": test,
        "scope": scope,
        # Every metric of a claim may have a margin here; MARGINS alone are primary by default.
        "primary": list(dict.fromkeys([*MARGINS, *margins])),
        "margin": margins,
    }
    analysis_of(**settings)  # wrong settings are told before any run is read
    found = _comparison(results, held.claims, settings)
    judged = evaluate(held.claims, found, dataset)
    text = claims_markdown(held, judged, found, results, dataset)
    paths = write_texts(out, {"claims.md": text, "claims.csv": csv_text(judged)})
    typer.echo(text)
    typer.echo(f"Written: {', '.join(map(str, paths))}")


def _comparison(
    results: Path, held: tuple[LedgerClaim, ...], settings: dict[str, object]
) -> Comparison | None:
    """Return the comparison to judge on, with a baseline that has runs; None without any runs."""
    from benchmark.comparison import analyse
    from benchmark.results import RunStore
    from benchmark.verdicts.analysis import analysis_of

    store = RunStore(results)
    runs = store.read() if store.runs.is_dir() else []
    labels = [str(run.config["label"]) for run in runs if run.state == "done"]
    named = [claim.against for claim in held if claim.against in labels]
    if not labels:
        return None
    baseline = [*named, *labels][0]
    return analyse(results, analysis_of(**{**settings, "baseline": baseline}))
