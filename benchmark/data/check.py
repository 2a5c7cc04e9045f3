"""Validates a dataset folder: everything that is wrong or doubtful, not only the first thing."""

from __future__ import annotations

from pathlib import Path

from benchmark.data.check_fairvlmed import check_fairvlmed
from benchmark.data.check_images import check_images
from benchmark.data.check_report import CheckReport
from benchmark.data.config import DATASETS
from benchmark.data.fairface import load_fairface
from benchmark.data.parallel import Progress
from benchmark.data.readers import FORMATS, detect
from benchmark.data.table import load_table
from benchmark.data.table_spec import find_spec, load_spec
from benchmark.errors import FairbenchError, unknown_name


def check(
    root: Path,
    notes: str = "gpt-4",
    progress: Progress | None = None,
    dataset: str | None = None,
) -> CheckReport:
    """Read every file of a dataset folder and report all that is wrong, doubtful, or small.

    Nothing is cached: the files themselves are checked. A bad folder is a report, not an error.

    Args:
        root: The folder, or the YAML file of a table.
        notes: Which notes of Harvard-FairVLMed; see `benchmark.data.notes.find_notes`.
        progress: Told about each file.
        dataset: A key of `benchmark.data.config.DATASETS`; None finds out by the files.

    Raises:
        FairbenchError: `dataset` is not known.
    """
    if dataset is not None and dataset not in DATASETS:
        raise unknown_name("dataset", dataset, DATASETS)
    report = CheckReport(root)
    form = FORMATS[dataset] if dataset else detect(root) or "fairvlmed"
    try:
        if form == "fairvlmed":
            check_fairvlmed(report, notes, progress)
        elif form == "fairface":
            _check_fairface(report, progress)
        else:
            _check_table(report, progress)
    except FairbenchError as error:
        report.problems.append(str(error))
    if report.schema is not None and dataset not in (None, "table", report.schema.name):
        report.problems.append(f"{root}: holds the dataset '{report.schema.name}', not '{dataset}'")
    return report


def _check_fairface(report: CheckReport, progress: Progress | None) -> None:
    faces = load_fairface(report.root)
    report.problems.extend(faces.problems)
    # The published folder is as it is: what it repeats is worth knowing, and no reason to refuse.
    check_images(report, report.root, faces.schema, faces.listed, progress, shared="warning")


def _check_table(report: CheckReport, progress: Progress | None) -> None:
    spec = load_spec(find_spec(report.root))
    if spec.text is None:
        report.warnings.append(
            "the table has no 'text': it can only be used with text_source=label"
        )
    table = load_table(report.root, "label" if spec.text is None else "note")
    report.problems.extend(table.rows.problems)
    if left_out := table.rows.left_out:
        report.warnings.append(f"{left_out} rows are left out by their label")
    check_images(
        report,
        table.root,
        table.schema,
        table.listed,
        progress,
        shared="problem" if spec.shared_images == "error" else "warning",
    )
