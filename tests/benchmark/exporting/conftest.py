from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.results import RunStore, StoredRun

GROUPS = ("<b> & $x_1%", "日本", "50+", "..")


@pytest.fixture
def stored(
    tmp_path: Path, write_scored: Callable[..., dict[str, Any]]
) -> tuple[list[StoredRun], dict[str, Any]]:
    """A run of three epochs with hostile group names, one that diverged, one that failed."""
    groups = {"race": GROUPS}
    facts = write_scored("fairclip", 3, trained_on=("race",), groups=groups)
    write_scored("clip-ft", 3, state="diverged", message="loss is nan", groups=groups)
    write_scored("clip-ft", 4, state="failed", message="OSError: full", groups=groups)
    rows = [
        (epoch, kind, name, value * epoch)
        for epoch in (1, 2, 3)
        for kind, name, value in (
            ("term", "clip", 1 / 3),
            ("term", "fairness", np.nan if epoch == 2 else 1e-9),
            ("gradient_norm", "clip", 0.1),
            ("logit_scale", "", 14.0),
            *(("distance", f"val/race/{group}", 0.01 * (1 + k)) for k, group in enumerate(GROUPS)),
        )
    ]
    table = pd.DataFrame(rows, columns=["epoch", "kind", "name", "value"])
    runs = RunStore(tmp_path / "results").read()
    for run in runs:
        table.astype({"epoch": "int16"}).to_parquet(run.path / "epochs.parquet")
    return runs, facts
