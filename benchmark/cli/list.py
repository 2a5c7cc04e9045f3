"""`fairbench list`: every name that another command takes, with what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchmark.discrepancies import Discrepancy


def list_names(
    what: Annotated[
        str,
        typer.Argument(
            help="variants, datasets, models, metrics, selections, thresholds, protocols, "
            "suites, studies or discrepancies."
        ),
    ],
    from_: Annotated[
        str | None, typer.Option("--from", help="discrepancies: the first variant.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="discrepancies: the second variant.")] = None,
    protocol: Annotated[
        list[str] | None, typer.Option(help="discrepancies: a protocol; give two.")
    ] = None,
) -> None:
    """List names; `discrepancies` subtracts two variants or two protocols.

    Without options `list discrepancies` shows fairclip against a-fairclip and the protocol
    official against reproduction and paper.
    """
    from benchmark.errors import FairbenchError, unknown_name

    if what == "discrepancies":
        _print_discrepancies(from_, to, protocol or [])
        return
    if from_ or to or protocol:
        raise FairbenchError("--from, --to and --protocol belong to `list discrepancies`")
    lists: dict[str, Callable[[], tuple[Sequence[str], Iterable[Sequence[str]]]]] = {
        "variants": _variants,
        "datasets": _datasets,
        "models": _models,
        "metrics": _metrics,
        "selections": _selections,
        "thresholds": _thresholds,
        "protocols": _protocols,
        "suites": _suites,
        "studies": _studies,
    }
    if what not in lists:
        raise unknown_name("list", what, [*lists, "discrepancies"])
    columns, rows = lists[what]()
    _print_table(columns, rows)
    if what == "protocols":
        _print_departures()


def _variants() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    from benchmark.registry import known_variants

    rows = [
        (v.name, v.objective.own_selection, v.origin, v.summary) for v in known_variants().values()
    ]
    return ("variant", "own selection", "origin", "summary"), rows


def _datasets() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    from benchmark.config import DATASETS

    return ("dataset", "description"), DATASETS.items()


def _models() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    import open_clip

    from benchmark.model_names import TINY

    rows = [(TINY, "pre-trained weights ship with fairbench")]
    for name in open_clip.list_models():
        tags = open_clip.list_pretrained_tags_by_model(name)
        rows.append((name, ", ".join(sorted(tags)) or "no published weights"))
    return ("model", "--pretrained"), rows


def _metrics() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    from benchmark.metrics.catalogue import METRICS

    arrow = {"up": "↑", "down": "↓", "": ""}
    rows = [(name, arrow[m.direction], m.unit, m.description) for name, m in METRICS.items()]
    return ("metric", "better", "unit", "description"), rows


def _selections() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    from benchmark.selection import SELECTIONS

    own = ("own", "each variant by the rule of its source, the baseline by the same", "")
    rows = [(name, info.description, info.source) for name, info in SELECTIONS.items()]
    return ("selection", "epoch reported", "source"), [*rows, own]


def _thresholds() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    from benchmark.metrics.threshold import THRESHOLDS

    return ("threshold", "decision"), THRESHOLDS.items()


def _protocols() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    from benchmark.protocol import PRESETS, protocol_preset

    names = list(PRESETS)
    keys = {name: protocol_preset(name).keys(trains=True) for name in names}
    rows = [[key, *(str(keys[name][key]) for name in names)] for key in keys[names[0]]]
    return ("key", *names), [["(follows)", *(PRESETS[name][0] for name in names)], *rows]


def _suites() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    from benchmark.suite import read_suite, shipped_suites

    suites = [read_suite(name) for name in shipped_suites()]
    rows = [(suite.name, ", ".join(suite.sizes), suite.question) for suite in suites]
    return ("suite", "--size", "question"), rows


def _studies() -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    from benchmark.studies import STUDIES

    return ("study", "question"), [(name, study.question) for name, study in STUDIES.items()]


def _print_discrepancies(left: str | None, right: str | None, protocols: list[str]) -> None:
    from benchmark.discrepancies import between_protocols, between_variants
    from benchmark.errors import FairbenchError

    if (left is None) != (right is None):
        raise FairbenchError("give both --from VARIANT and --to VARIANT")
    if len(protocols) not in (0, 2):
        raise FairbenchError(f"give --protocol twice, got {len(protocols)}")
    pairs = []
    if left and right:
        pairs.append((left, right, between_variants))
    if protocols:
        pairs.append((protocols[0], protocols[1], between_protocols))
    if not pairs:
        pairs = [
            ("fairclip", "a-fairclip", between_variants),
            ("official", "reproduction", between_protocols),
            ("official", "paper", between_protocols),
        ]
    for a, b, subtract in pairs:
        found = subtract(a, b)
        differing = [d for d in found if not d.agreed]
        typer.echo(f"{a} → {b}: {len(differing)} keys differ")
        _print_keys(differing, a, b)
        if differing and len(differing) < len(found):
            typer.echo(f"{len(found) - len(differing)} more keys are equal there; sources differ")
            _print_keys([d for d in found if d.agreed], a, b)
    if protocols or not left:
        _print_departures()


def _print_keys(found: Sequence[Discrepancy], a: str, b: str) -> None:
    rows = [
        (d.key, d.left, d.right, "\n".join(f"{who}: {what}" for who, what in d.sources.items()))
        for d in found
    ]
    if rows:
        _print_table(("key", a, b, "sources"), rows)


def _print_departures() -> None:
    from benchmark.discrepancies import key_sources
    from benchmark.protocol import NO_PRESET_FOLLOWS, Protocol

    for name, reason in NO_PRESET_FOLLOWS.items():
        value = Protocol.model_fields[name].default
        sources = "; ".join(
            f"{who} {what}" for who, what in key_sources(Protocol, name).items() if who != "paper"
        )
        typer.echo(f"{name} is {value} in every preset: {reason} ({sources})")


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 240  # a pipe has no width; lines should not break at 80
    table = Table()
    for column in columns:
        whole = None if console.is_terminal else len(column)  # narrow terminals fold names
        table.add_column(column, overflow="fold", min_width=whole)
    for row in rows:
        table.add_row(*row)
    console.print(table)
