"""Every YAML snippet of docs/datasets.md describes a table, and reads one."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.data.table import read_table
from benchmark.data.table_spec import TableSpec, load_spec

TEXT = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
ROWS = 90


def cells(spec: TableSpec, column: str, random: np.random.Generator) -> list[str]:
    """Return values that the snippet knows, in random order."""
    for name, attribute in spec.attributes.items():
        if column == (attribute.column or name):
            if attribute.edges:
                return [str(n) for n in random.integers(18, 95, ROWS)]
            known = [value for values in attribute.groups.values() for value in values]
            return [str(known[i]) for i in random.integers(0, len(known), ROWS)]
    if column == spec.split.column:
        known = [*spec.split.train, *spec.split.val, *spec.split.test]
        return [str(known[i % len(known)]) for i in range(ROWS)]
    if column == spec.label.column:
        known = [value for entry in spec.label.classes for value in entry.values]
        return [str(known[i // 3 % len(known)]) for i in range(ROWS)]
    return [f"{column} {i}" for i in range(ROWS)]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["mimic-cxr", "chexpert", "papila"])
def test_a_snippet_reads_a_table_with_its_columns(
    snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spec.yaml").write_text(snippet.replace(".parquet", ".csv"), encoding="utf-8")
    spec = load_spec(tmp_path / "spec.yaml")
    random = np.random.default_rng(0)
    table = {column: cells(spec, column, random) for _, column in spec.named_columns()}
    table[spec.image] = [f"{i}.png" for i in range(ROWS)]
    for i, name in enumerate(table[spec.image]):
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(tmp_path / name)
    with (tmp_path / spec.table).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    source = read_table(
        tmp_path, tmp_path / "cache", text_source="label" if spec.text is None else "note"
    )
    found = sum(len(part) for part in source.splits.values()) + sum(source.dropped.values())
    assert found == ROWS
    assert len(source.schema.classes) == len(spec.label.classes)
