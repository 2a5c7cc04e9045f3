"""A pack with a few cases of the shipped one, to be damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.verify.pack import SHIPPED

LOSSES = ("loss_inputs", "loss_official", "loss_repro")
WHOLE = ("metrics", "zero_shot")


def keep_cases(folder: Path, name: str, numbers: set[int]) -> None:
    path = folder / f"{name}.json"
    record = json.loads(path.read_text())
    record["cases"] = [case for case in record["cases"] if case["case"] in numbers]
    path.write_text(json.dumps(record))
    arrays = folder / f"{name}.npz"
    if arrays.is_file():
        with np.load(arrays) as archive:
            kept = {n: archive[n] for n in archive.files if int(n[1:3]) in numbers}
        np.savez_compressed(arrays, **kept)


@pytest.fixture(scope="session")
def small_pack_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two loss cases, with two groups and with three; everything else whole; no trajectory."""
    folder = tmp_path_factory.mktemp("pack") / "pack"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("trajectory_*"))
    cases = json.loads((folder / "loss_inputs.json").read_text())["cases"]
    numbers = {cases[0]["case"], next(c["case"] for c in cases if len(c["groups_A"]) == 3)}
    for name in LOSSES:
        keep_cases(folder, name, numbers)
    keep_cases(folder, "distance_test", {cases[0]["case"]})
    return folder


@pytest.fixture
def small_pack(small_pack_once: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(small_pack_once, tmp_path / "pack"))


@pytest.fixture
def edit(small_pack: Path) -> Callable[[str, Callable[[Any], None]], None]:
    """Change the content of a JSON file of the small pack in place."""

    def change(name: str, how: Callable[[Any], None]) -> None:
        path = small_pack / name
        record = json.loads(path.read_text())
        how(record)
        path.write_text(json.dumps(record))

    return change


@pytest.fixture
def edit_arrays(small_pack: Path) -> Callable[[str, Callable[[dict[str, Any]], None]], None]:
    """Change the arrays of an NPZ file of the small pack in place."""

    def change(name: str, how: Callable[[dict[str, Any]], None]) -> None:
        path = small_pack / name
        with np.load(path) as archive:
            arrays = {n: archive[n] for n in archive.files}
        how(arrays)
        np.savez_compressed(path, **arrays)

    return change
