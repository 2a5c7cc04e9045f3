"""`fairbench data check`: is this dataset folder fit for use?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.box import Box
    from rich.progress import TaskID
    from rich.table import Table

    from benchmark.data.check_report import CheckReport, GroupCount


def check(
    directory: Annotated[
        Path, typer.Argument(help="The dataset's folder, or the YAML file of a table.")
    ],
    dataset: Annotated[
        str | None, typer.Option(help="A name of `fairbench list datasets`; default: by the files.")
    ] = None,
    notes: Annotated[
        str,
        typer.Option(help="gpt-4, pmc-llama, med42, original, or the path of a CSV file."),
    ] = "gpt-4",
    intersections: Annotated[
        bool, typer.Option("--intersections", help="Count the groups of every two attributes too.")
    ] = False,
) -> None:
    """Check every file of a dataset folder and count its groups. Exit code 2 if it is unusable."""
    # Imported late: `fairbench --help` needs none of it.
    from rich.console import Console
    from rich.progress import Progress

    from benchmark.data.check import check as check_folder

    console = Console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(task: str, done: int, total: int) -> None:
            if task not in tasks:
                tasks[task] = bar.add_task(task, total=total)
            bar.update(tasks[task], completed=done)

        report = check_folder(directory, notes, show, dataset)

    for table in _tables(report, intersections, plain=not console.is_terminal):
        console.print(table)
    lines = [f"problem: {line}" for line in report.problems]
    lines += [f"warning: {line}" for line in report.warnings]
    lines += [f"{directory}: {len(report.problems)} problems, {len(report.warnings)} warnings"]
    for line in lines:
        # A path may hold brackets, and one finding stays one line whatever the width.
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if not report.usable:
        raise typer.Exit(2)


def _tables(report: CheckReport, intersections: bool, *, plain: bool) -> list[Table]:
    """Return the counts by split, and by group, with one column for each split."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    if report.schema is None or not report.splits:
        return []
    style = None if plain else box.SIMPLE_HEAD
    classes = report.schema.classes
    splits = Table("split", "listed", "used", *map(escape, classes), box=style)
    for count in report.splits:
        splits.add_row(
            count.split, str(count.files), str(count.kept), *(str(n) for n in count.by_class)
        )
    found = [splits, _groups(report, report.groups, style)]
    if intersections:
        found.append(_groups(report, report.intersections, style))
    found[-1].caption = escape(f"{' + '.join(classes)}; used samples, and all unknown ones")
    return found


def _groups(report: CheckReport, counts: Sequence[GroupCount], style: Box | None) -> Table:
    """Return a row for each group, with one column for each split."""
    from rich.markup import escape
    from rich.table import Table

    names = [count.split for count in report.splits]
    table = Table("attribute", "group", *names, box=style)
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for group in counts:
        row = cells.setdefault((group.attribute, group.group), dict.fromkeys(names, "-"))
        row[group.split] = " + ".join(str(n) for n in group.by_class)
    for (attribute, name), row in cells.items():
        table.add_row(attribute, escape(name), *row.values())
    return table
