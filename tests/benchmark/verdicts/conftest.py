"""Arms with values written by hand, and their judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.arms import Arm
from benchmark.metrics.value import MetricValue
from benchmark.results import StoredRun
from benchmark.selection import Selected
from benchmark.summary import ArmValues
from benchmark.values import RunValues
from benchmark.verdicts.analysis import Analysis, analysis_of
from benchmark.verdicts.claims import Claim, claims_of
from benchmark.verdicts.judge import judge

RULE = "val-auc"
GROUP_SIZES = {"a": (60, 40), "b": (30, 20)}
"""Group → its positives and negatives."""


def counts() -> list[MetricValue]:
    rows = []
    totals = tuple(map(sum, zip(*GROUP_SIZES.values(), strict=True)))
    for group, (positive, negative) in {**GROUP_SIZES, "": totals}.items():
        rows += [
            MetricValue("n", group, positive + negative),
            MetricValue("n_positive", group, positive),
            MetricValue("n_negative", group, negative),
        ]
    return rows


@pytest.fixture(scope="session")
def make_arm() -> Callable[..., ArmValues]:
    def make(
        label: str,
        values: Mapping[str, Mapping[int | None, float]],
        *,
        attributes: Sequence[str] = ("race",),
        trained_on: Sequence[str] = (),
        degenerate: bool = False,
        reason: str = "",
        epochs: Mapping[str, int] | None = None,
        path: Path = Path("/nowhere"),
    ) -> ArmValues:
        """Values are metric (or metric/attribute) → seed (None without one) → value."""
        seeds = sorted({s for by_seed in values.values() for s in by_seed}, key=str)
        runs = {}
        for seed in seeds:
            config = {
                "seed": seed,
                "label": label,
                "dataset": {
                    "name": "d",
                    "attributes": {a: list(GROUP_SIZES) for a in attributes},
                    "classes": ["0", "1"],
                },
                "model": {"name": "tiny", "pretrained": None},
            }
            runs[seed] = StoredRun(f"{label}-{seed}", path / str(seed), config, {"state": "done"})
        arm = Arm(
            label=label,
            variant=label,
            attributes=tuple(trained_on),
            trains=None not in seeds,
            own_selection=RULE,
            block=("t", "w"),
            protocol="tiny",
            conditions={},
            runs=tuple(runs.values()),
        )
        found = []
        for attribute in arm.evaluated:
            for seed in seeds:
                metrics = counts()
                metrics.append(MetricValue("degenerate", "", float(degenerate)))
                for name, by_seed in values.items():
                    metric, _, only = name.partition("/")
                    if seed in by_seed and only in ("", attribute):
                        metrics.append(MetricValue(metric, "", by_seed[seed], reason))
                epoch = (epochs or {}).get(attribute, 1)
                selected = Selected(epoch, 0.0)
                found.append(
                    RunValues(runs[seed], attribute, RULE, selected, 0.5, 9, tuple(metrics))
                )
        return ArmValues(arm, RULE, RULE, found)

    return make


@pytest.fixture(scope="session")
def claims() -> Callable[..., list[Claim]]:
    def make(
        arms: Sequence[ArmValues],
        baseline: ArmValues,
        analysis: Analysis,
        confounded: Sequence[str] = (),
    ) -> list[Claim]:
        return [
            claim
            for arm in arms
            for claim in claims_of(
                arm,
                dict.fromkeys(arm.arm.evaluated, (baseline, confounded)),
                tuple(analysis.margins),
                analysis.primary,
            )
        ]

    return make


@pytest.fixture(scope="session")
def judged(
    make_arm: Callable[..., ArmValues], claims: Callable[..., list[Claim]]
) -> Callable[..., pd.DataFrame]:
    def make(
        ours: Mapping[str, Mapping[int | None, float]],
        theirs: Mapping[str, Mapping[int | None, float]],
        *,
        degenerate: bool = False,
        confounded: Sequence[str] = (),
        **settings: Any,
    ) -> pd.DataFrame:
        """Judge one arm against the baseline."""
        analysis = analysis_of(**settings)
        arm = make_arm("new", ours, degenerate=degenerate)
        found = claims([arm], make_arm("clip-ft", theirs), analysis, confounded)
        return judge(found, analysis, [""] * len(found))

    return make
