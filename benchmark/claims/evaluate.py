"""A ledger against a comparison: which runs a claim is about, its test, one family, a status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from benchmark.arms import Arm, closest_baseline
from benchmark.claims.difference import difference_test
from benchmark.claims.group_order import group_order_test
from benchmark.claims.ledger import LedgerClaim
from benchmark.claims.outcome import ClaimTest, Status
from benchmark.comparison import Comparison
from benchmark.metrics.value import MetricValue
from benchmark.predictions import SplitPredictions, read_predictions
from benchmark.published.cells import UNITLESS
from benchmark.published.matching import WEIGHTS, architecture
from benchmark.results import StoredRun
from benchmark.selection import Selected
from benchmark.summary import NO_SEED, ArmValues
from benchmark.values import RunValues, several_classes
from benchmark.verdicts.claims import Claim
from benchmark.verdicts.decide import adjusted_p
from benchmark.verdicts.deciding import deciding
from benchmark.verdicts.seed_power import level_of_one


@dataclass(frozen=True)
class _Judged:
    """A claim on one arm, or why there is none."""

    claim: LedgerClaim
    arm: Arm | None = None
    test: ClaimTest | None = None
    reason: str = ""


def evaluate(
    claims: Sequence[LedgerClaim], found: Comparison | None, dataset: str | None = None
) -> pd.DataFrame:
    """Return what the runs of a comparison say of each claim.

    All p-values of the ledger are adjusted together, by the comparison's correction. A claim is
    judged once for each arm that it is about.

    Args:
        claims: Of a ledger.
        found: The comparison, under whose selection rule, threshold, level, test, scope and
            margins they are judged; None without any runs.
        dataset: Judge claims on the runs of this dataset and of any model, whatever they are
            about; every row then says so.

    Returns:
        One row for each claim and arm, or for each claim without runs: `status`, `judged_on`,
        `difference` with interval, p raw and adjusted, `test`, `n`, `note`, `reason`,
        `would_decide`. Fractions.

    Raises:
        FairbenchError: predictions of a claim on groups that cannot be read.
    """
    values = None if found is None else _Values(found)
    judged = [one for claim in claims for one in _judge(claim, values, dataset)]
    tests = [one.test for one in judged]
    correction, alpha = ("holm", 0.05)
    if found is not None:
        correction, alpha = found.analysis.correction, found.analysis.alpha
    raw = [p for test in tests for p in _p_values(test)]
    adjusted = adjusted_p(raw, correction)
    level = level_of_one(alpha, int(np.isfinite(raw).sum()), correction)
    rows = []
    for i, one in enumerate(judged):
        rows.append(_row(one, (adjusted[2 * i], adjusted[2 * i + 1]), alpha, level))
    return pd.DataFrame(rows)


def _p_values(test: ClaimTest | None) -> tuple[float, float]:
    return (nan, nan) if test is None else (test.p, test.p_equivalence)


def _judge(claim: LedgerClaim, values: _Values | None, dataset: str | None) -> Iterator[_Judged]:
    wanted = dataset or claim.dataset
    done = [] if values is None else [arm for arm in values.found.arms if arm.done]
    there = [arm for arm in done if arm.dataset["name"] == wanted]
    reason = ""
    if claim.metric in UNITLESS:
        reason = f"{claim.metric} is no metric of compare"
    elif not there:
        reason = f"no runs on {wanted}"
    about = [arm for arm in there if _is_about(claim, arm, any_model=dataset is not None)]
    if not reason and not about:
        models = "" if dataset is not None or not claim.models else f", {' or '.join(claim.models)}"
        reason = (
            f"no finished run of {claim.variant} on {wanted}{models}, judged on {claim.attribute}"
        )
    if reason or values is None:
        yield _Judged(claim, reason=reason)
        return
    for arm in about:
        test, why = _test(claim, arm, values)
        yield _Judged(claim, arm, test, why)


def _is_about(claim: LedgerClaim, arm: Arm, any_model: bool) -> bool:
    if arm.label != claim.variant or claim.attribute not in arm.evaluated:
        return False
    if any_model or not claim.models:
        return True
    model = arm.runs[0].config["model"]
    name = architecture(model)
    return name in claim.models and (name == "blip2" or model["pretrained"] == WEIGHTS)


def _test(claim: LedgerClaim, arm: Arm, values: _Values) -> tuple[ClaimTest | None, str]:
    """Return the test of a claim on an arm, or None and why it is not tested."""
    analysis, rule = values.found.analysis, values.rule(arm)
    groups = arm.dataset["attributes"][claim.attribute]
    if claim.group and claim.group not in groups:
        return None, f"{claim.attribute} of {arm.dataset['name']} has no group '{claim.group}'"
    ours = values.points(arm, claim, rule)
    if claim.orders_groups:
        if several_classes(arm.runs[0]):
            return None, "groups are ordered for labels with two classes"
        return group_order_test(claim, ours, values.read, analysis.alpha), ""
    others = [other for other in values.found.arms if other.label == claim.against and other.done]
    others = [other for other in others if claim.attribute in other.evaluated]
    base, confounded = closest_baseline(arm, claim.attribute, others)
    if base is None:
        return None, f"no finished run of {claim.against} on this test set and model"
    if confounded:
        return None, f"confounded: the runs of {claim.against} differ in {', '.join(confounded)}"
    theirs = values.points(base, claim, rule)
    if not theirs:
        return None, f"{claim.against} has no values under the rule {rule}"
    sides = (ArmValues(arm, rule, rule, ()), ArmValues(base, rule, rule, ()))
    two = Claim(*sides, (), (claim.attribute,), claim.metric, rule, ours, theirs)
    return difference_test(claim, two, analysis), ""


class _Values:
    """The values of a comparison by arm, as its tests take them."""

    def __init__(self, found: Comparison) -> None:
        self.found = found
        keys = ["arm", "attribute", "selection"]
        self._rows = dict(iter(found.per_seed.groupby(keys, sort=False)))
        main = found.summary[found.summary["main_rule"]]
        self._rules = dict(zip(main["arm"], main["selection"], strict=True))
        self._splits: dict[str, SplitPredictions] = {}

    def rule(self, arm: Arm) -> str:
        """Return the rule of the main tables for an arm."""
        return str(self._rules.get(arm.runs[0].id, self.found.selection))

    def points(self, arm: Arm, claim: LedgerClaim, rule: str) -> dict[int, RunValues]:
        """Return seed → the run's values, with the claim's metric as that of no group."""
        rows = self._rows.get((arm.runs[0].id, claim.attribute, rule))
        runs = {run.id: run for run in arm.done}
        points: dict[int, RunValues] = {}
        for run_id, part in () if rows is None else rows.groupby("run", sort=False):
            if run_id in runs:
                run = runs[str(run_id)]
                seed = run.config["seed"]
                points[NO_SEED if seed is None else int(seed)] = _point(run, part, claim, rule)
        return points

    def read(self, run: StoredRun) -> SplitPredictions:
        """Return the test predictions of a run, each read once."""
        if run.id not in self._splits:
            self._splits[run.id] = read_predictions(run.path)["test"]
        return self._splits[run.id]


def _point(run: StoredRun, rows: pd.DataFrame, claim: LedgerClaim, rule: str) -> RunValues:
    records = rows.to_dict("records")
    first = records[0]
    epoch = None if pd.isna(first["epoch"]) else int(first["epoch"])
    metrics = [
        MetricValue(str(r["metric"]), str(r["group"]), float(r["value"]), str(r["reason"]))
        for r in records
    ]
    if claim.group:
        of_group = [m for m in metrics if (m.metric, m.group) == (claim.metric, claim.group)]
        metrics += [MetricValue(m.metric, "", m.value, m.reason) for m in of_group]
    reason = str(first["reason"]) if epoch is None else ""
    threshold = first.get("threshold", nan)
    return RunValues(
        run,
        claim.attribute,
        rule,
        Selected(epoch, nan, reason),
        nan if pd.isna(threshold) else float(threshold),
        0,
        tuple(metrics),
    )


def _row(one: _Judged, p: tuple[float, float], alpha: float, level: float) -> dict[str, Any]:
    claim, arm, test = one.claim, one.arm, one.test
    row: dict[str, Any] = {
        "entry": claim.entry,
        "id": claim.id,
        "status": Status.NOT_TESTED.value,
        **claim.model_dump(exclude={"entry", "id", "models"}),
        "models": ", ".join(claim.models),
        "judged_on": "" if arm is None else str(arm.dataset["name"]),
        "model": "" if arm is None else arm.model,
        "protocol": "" if arm is None else arm.protocol,
        "difference": nan,
        "reason": one.reason,
        "note": "",
    }
    if test is None:
        return row
    status = test.status(*p, alpha)
    result = test.difference
    would = ""
    if status is Status.UNDECIDED and test.evidence is not None and not test.reason:
        would = deciding(test.evidence, test.margin, level).text
    notes = [test.note]
    if row["judged_on"] != claim.dataset:
        notes.append(f"judged on {row['judged_on']}; the claim is about {claim.dataset}")
    if status is Status.SUPPORTED and p[1] <= alpha:
        notes.append(f"and within ±{100 * test.margin:g} points: negligible")
    return {
        **row,
        "status": status.value,
        "difference": result.estimate,
        "low": result.low,
        "high": result.high,
        "p": test.p,
        "p_adjusted": p[0],
        "p_equivalence": test.p_equivalence,
        "p_equivalence_adjusted": p[1],
        "margin": test.margin,
        "n": test.n,
        "test": test.test,
        "scope": test.scope,
        "would_decide": would,
        "reason": test.reason,
        "note": "; ".join(filter(None, notes)),
    }
