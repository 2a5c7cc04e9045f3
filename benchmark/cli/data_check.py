"""`fairbench data check`: is this dataset folder fit for use?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import TaskID
    from rich.table import Table

    from benchmark.data.check import CheckReport


def check(
    directory: Annotated[Path, typer.Argument(help="The folder with Training, Validation, Test.")],
    notes: Annotated[
        str,
        typer.Option(help="gpt-4, pmc-llama, med42, original, or the path of a CSV file."),
    ] = "gpt-4",
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

        report = check_folder(directory, notes, show)

    for table in _tables(report, plain=not console.is_terminal):
        console.print(table)
    lines = [f"problem: {line}" for line in report.problems]
    lines += [f"warning: {line}" for line in report.warnings]
    lines += [f"{directory}: {len(report.problems)} problems, {len(report.warnings)} warnings"]
    for line in lines:
        # A path may hold brackets, and one finding stays one line whatever the width.
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if not report.usable:
        raise typer.Exit(2)


def _tables(report: CheckReport, *, plain: bool) -> list[Table]:
    """Return the counts by split, and by group, with one column pair for each split."""
    from rich import box
    from rich.table import Table

    from benchmark.data.fairvlmed_npz import CLASSES

    style = None if plain else box.SIMPLE_HEAD
    splits = Table("split", "files", "used", *CLASSES, box=style)
    for count in report.splits:
        splits.add_row(
            count.split, str(count.files), str(count.kept), *(str(n) for n in count.by_class)
        )
    names = [count.split for count in report.splits]
    groups = Table("attribute", "group", *names, box=style)
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for group in report.groups:
        row = cells.setdefault((group.attribute, group.group), dict.fromkeys(names, "-"))
        row[group.split] = " + ".join(str(n) for n in group.by_class)
    for (attribute, name), row in cells.items():
        groups.add_row(attribute, name, *row.values())
    groups.caption = f"{' + '.join(CLASSES)}; used samples, and all unknown ones"
    return [splits, groups] if report.splits else []
