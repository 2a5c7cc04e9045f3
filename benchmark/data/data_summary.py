"""Compares `data_summary.csv` with what the folders hold.

Readers do not use this file; where it contradicts the folders, one of both is wrong. It has note
columns too: no message contains a cell of it, except file names.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from benchmark.data.dataset import SplitName
from benchmark.data.fairvlmed_npz import LABEL_FIELD
from benchmark.data.notes import FILE_NAME, some_of

SUMMARY_FILE = "data_summary.csv"
_USES: Mapping[str, SplitName] = {"training": "train", "validation": "val", "test": "test"}
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "no": 0, "yes": 1, "false": 0, "true": 1}


def compare_summary(
    root: Path,
    split_of: Mapping[str, SplitName],
    label_of: Mapping[str, int],
) -> tuple[list[str], list[str]]:
    """Return problems and warnings about a folder's `data_summary.csv`.

    Args:
        root: The dataset folder.
        split_of: Sample file name → the split whose folder holds it.
        label_of: Sample file name → label, for the files that could be read.
    """
    path = root / SUMMARY_FILE
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return [], [f"{path}: missing; nothing to compare the folders with"]
    except (OSError, UnicodeDecodeError, csv.Error):
        return [f"{path}: cannot be read as CSV in UTF-8"], []
    held = list(rows[0]) if rows else []
    if missing := [name for name in ("filename", "use", LABEL_FIELD) if name not in held]:
        return [f"{path}: column '{missing[0]}' is missing, or there are no rows"], []

    listed: dict[str, dict[str, str | None]] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for number, row in enumerate(rows, start=2):
        name = _cell(row, "filename")
        if not FILE_NAME.fullmatch(name):
            problems.append(f"{path}: row {number}: 'filename' is not the name of an .npz file")
            continue
        listed[name] = row

    absent = [name for name in listed if name not in split_of]
    unlisted = [name for name in split_of if name not in listed]
    both = [name for name in listed if name in split_of]
    misplaced = [n for n in both if _USES.get(_cell(listed[n], "use").lower()) != split_of[n]]
    labels = {name: _LABELS.get(_cell(listed[name], LABEL_FIELD).lower()) for name in both}
    unclear = [name for name in both if labels[name] is None]
    wrong = [n for n in both if n in label_of and labels[n] not in (None, label_of[n])]
    for files, finding, severity in (
        (absent, "listed, but in no folder", problems),
        (unlisted, "in a folder, but not listed", warnings),
        (misplaced, "'use' is not the folder that holds the file", problems),
        (unclear, f"'{LABEL_FIELD}' is neither 0/1 nor yes/no", warnings),
        (wrong, f"'{LABEL_FIELD}' is not the label in the file", problems),
    ):
        if files:
            severity.append(f"{path}: {finding}: {some_of(files)}")
    return problems, warnings


def _cell(row: Mapping[str, str | None], column: str) -> str:
    return (row[column] or "").strip()
