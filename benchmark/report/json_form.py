"""A report as JSON, after `schema.json` beside this file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report.model import (
    Block,
    Bullets,
    Cell,
    Code,
    Figure,
    Paragraph,
    Report,
    Section,
    Table,
)

FORM = "fairbench-report-1"
"""Names the schema: another number where files of the last can no longer be read alike."""


def json_text(report: Report, facts: Mapping[str, Any]) -> str:
    """Return a report as strict JSON: tables with text and unrounded value.

    Args:
        report: The report.
        facts: What else to hold, by name, such as `verdicts`: a table becomes a list of rows.
            A number that is not finite becomes null.
    """
    value = {
        "form": FORM,
        "title": report.title,
        "question": report.question,
        "summary": list(report.summary),
        "answers": [{"verdict": a.verdict, "text": a.text} for a in report.answers],
        "sections": [_block(section) for section in report.sections],
        "facts": plain(facts),
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON schema of `json_text`."""
    text = resources.files("benchmark.report").joinpath("schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: tables as lists of rows, what is missing as null."""
    match value:
        case pd.DataFrame():
            return [plain(row) for row in value.to_dict("records")]
        case Mapping():
            return {str(name): plain(inner) for name, inner in value.items()}
        case str():
            return value
        case Sequence():
            return [plain(inner) for inner in value]
        case np.generic():
            return plain(value.item())
        case float() if not math.isfinite(value):
            return None
    return None if value is pd.NA else value


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Section():
            inner = [_block(one) for one in block.blocks]
            return {"kind": "section", "id": block.id, "title": block.title, "blocks": inner}
        case Paragraph():
            return {"kind": "paragraph", "text": block.text}
        case Bullets():
            return {"kind": "bullets", "items": list(block.items)}
        case Code():
            return {"kind": "code", "text": block.text}
        case Table():
            return {"kind": "table", **_table(block)}
        case Figure():
            return {
                "kind": "figure",
                "id": block.id,
                "title": block.title,
                "caption": block.caption,
                "table": _table(block.table),
            }


def _table(table: Table) -> dict[str, Any]:
    return {
        "id": table.id,
        "caption": table.caption,
        "columns": [
            {"key": c.key, "heading": c.heading, "numeric": c.numeric} for c in table.columns
        ],
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
        "notes": list(table.notes),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    found: dict[str, Any] = {"text": cell.text}
    if cell.value is not None:
        found["value"] = plain(float(cell.value))
    return found | ({"strong": True} if cell.strong else {})
