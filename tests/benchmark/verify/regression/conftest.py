"""The committed baseline, and single cases of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.verify.regression.baseline import Baseline, read_baseline
from benchmark.verify.regression.cases import Case, make_cases
from benchmark.verify.regression.check import Row, compare

COMMITTED = Path(__file__).parents[4] / "results" / "baselines" / "ci.json"


@pytest.fixture(scope="session")
def committed() -> Path:
    return COMMITTED


@pytest.fixture(scope="session")
def baseline() -> Baseline:
    return read_baseline(COMMITTED)


@pytest.fixture(scope="session")
def cases(private_cache: Path) -> dict[str, Case]:
    return {case.name: case for case in make_cases()}


@pytest.fixture
def compared(baseline: Baseline, cases: dict[str, Case]) -> Callable[[str], dict[str, Row]]:
    """Train a case and return what moved, by quantity."""

    def compare_case(name: str) -> dict[str, Row]:
        rows = compare(cases[name], baseline.cases[name])
        return {row.what: row for row in rows if row.moved}

    return compare_case
