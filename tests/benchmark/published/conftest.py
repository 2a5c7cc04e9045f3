"""Published tables written by hand, and runs that look like those that they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmark.published.cells import COLUMNS
from benchmark.yaml_io import read_yaml, write_yaml

ROW = {
    "source": "mine2026",
    "table": "1",
    "dataset": "fairvlmed",
    "protocol": "zero-shot",
    "variant": "clip-ft",
    "arch": "ViT-B-16",
    "attribute": "race",
    "metric": "auc",
    "group": "",
    "mean": "60.5",
    "std": "1.25",
    "n_seeds": "3",
}


@pytest.fixture
def published_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a CSV of published numbers; each row is `ROW` with some fields replaced."""

    def write(*rows: Mapping[str, str], header: str = ",".join(COLUMNS)) -> Path:
        path = tmp_path / "mine.csv"
        lines = [",".join({**ROW, **row}[name] for name in COLUMNS) for row in rows]
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def like_published(write_scored: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Write a run with random scores on a model and dataset of one's choice."""

    def write(
        label: str = "clip-ft",
        seed: int | None = 0,
        *,
        name: str = "fairvlmed",
        model: str = "ViT-B-16-quickgelu",
        pretrained: str | None = "openai",
        notes: str = "gpt-4",
        **more: Any,
    ) -> dict[str, Any]:
        run = write_scored(label, seed, **more)
        path = run["folder"] / "config.yaml"
        config = read_yaml(path)
        config["dataset"] |= {"name": name, "notes": notes}
        config["model"] |= {"name": model, "pretrained": pretrained}
        path.write_text(write_yaml(config), encoding="utf-8")
        return run

    return write
