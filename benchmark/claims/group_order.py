"""Claims that one group is served best or worst: its AUC against that of every other group.

Which group comes first is a matter of patients, above all where a group is small, so the test is
always over seeds and patients at once, whatever the comparison's scope: Obuchowski–Rockette with
seeds as readers, d_s = AUC_g − AUC_h of seed s, and as covariance over patients the sum of
DeLong's for both groups, whose patients are independent. One run is tested by DeLong's test
between groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from benchmark.claims.ledger import LedgerClaim
from benchmark.claims.outcome import ClaimTest, p_above_below
from benchmark.errors import FairbenchError
from benchmark.metrics.inputs import FloatArray, IntArray
from benchmark.predictions import SplitPredictions
from benchmark.results import StoredRun
from benchmark.stats.delong import auc_covariance, subgroup_difference
from benchmark.stats.mrmc import seeds_and_patients
from benchmark.stats.result import TestResult
from benchmark.values import RunValues
from benchmark.verdicts.analysis import SCOPES
from benchmark.verdicts.caveats import caveat
from benchmark.verdicts.over_patients import ONE_RUN

Reader = Callable[[StoredRun], SplitPredictions]
"""Returns the test predictions of a run."""

_METHOD = "Obuchowski–Rockette, DeLong covariances of two groups"


@dataclass(frozen=True)
class _Scored:
    """Test samples, and the scores of S runs."""

    label: IntArray
    codes: IntArray
    scores: FloatArray


def group_order_test(
    entry: LedgerClaim, points: Mapping[int, RunValues], read: Reader, alpha: float
) -> ClaimTest:
    """Return the test that a group has the highest (lowest) AUC of an attribute.

    Shown if the group is above each other group, so the largest p over them counts; the
    contrary if any is above it, so the smallest counts, times the number of groups.

    Args:
        entry: What is claimed.
        points: Seed → the run's values at its selected epoch.
        read: Reads predictions.
        alpha: The intervals have confidence 1 − alpha.

    Raises:
        FairbenchError: predictions that cannot be read, or of other samples.
    """
    chosen = [point for point in points.values() if point.selected.epoch is not None]
    if not chosen:
        missing = "; ".join(sorted({p.selected.reason for p in points.values()}))
        return _untested(missing or "no run has a value")
    names: Sequence[str] = chosen[0].run.config["dataset"]["attributes"][entry.attribute]
    scored = _scored(chosen, entry.attribute, read)
    sign = 1 if entry.direction == "highest" else -1
    own = names.index(entry.group)
    others = [code for code in range(len(names)) if code != own and (scored.codes == code).any()]
    found = {names[h]: _against(scored, own, h, 1 - alpha) for h in others}
    if not found:
        return _untested(f"no other group of {entry.attribute} has samples")
    p = {h: p_above_below(test, sign, entry.by_more_than) for h, test in found.items()}
    above, below = [a for a, _ in p.values()], [b for _, b in p.values()]
    known = [b for b in below if not isnan(b)]
    closest = min(found, key=lambda h: (isnan(found[h].estimate), sign * found[h].estimate))
    one_run = len(chosen) == 1
    name = "DeLong between groups" if one_run else "Obuchowski–Rockette between groups"
    smallest = min(int((scored.codes == code).sum()) for code in (own, *others))
    notes = [_pairwise(entry.group, h, test) for h, test in found.items()]
    notes.append(caveat(name, len(chosen), smallest, entry.metric))
    return ClaimTest(
        p_supports=nan if any(map(isnan, above)) else max(above),
        p_refutes=min(1.0, len(known) * min(known)) if known else nan,
        p_equivalence=nan,
        difference=found[closest],
        test=name,
        scope=ONE_RUN.replace("these two runs as they are", "this run as it is")
        if one_run
        else SCOPES["patients"],
        n=f"{len(chosen)} × {len(scored.label)}",
        note="; ".join(filter(None, notes)),
        reason="; ".join(f"{h}: {test.reason}" for h, test in found.items() if test.reason),
    )


def _against(scored: _Scored, g: int, h: int, confidence: float) -> TestResult:
    """Test AUC of group g minus that of group h."""
    for code in (g, h):
        label = scored.label[scored.codes == code]
        counts = int(label.sum()), int((1 - label).sum())
        if min(counts) < 2:
            reason = f"a group has {counts[0]} positives and {counts[1]} negatives"
            return TestResult(_METHOD, nan, len(scored.scores), reason=reason)
    if len(scored.scores) == 1:
        return subgroup_difference(scored.label, scored.scores[0], scored.codes, g, h, confidence)
    (auc_g, over_g), (auc_h, over_h) = (
        auc_covariance(scored.label[at], scored.scores[:, at])
        for at in (scored.codes == g, scored.codes == h)
    )
    return seeds_and_patients(auc_g - auc_h, over_g + over_h, method=_METHOD, confidence=confidence)


def _scored(points: Sequence[RunValues], attribute: str, read: Reader) -> _Scored:
    splits = [read(point.run) for point in points]
    first = splits[0]
    for point, split in zip(points, splits, strict=True):
        if not np.array_equal(split.sample_id, first.sample_id):
            raise FairbenchError(
                f"{point.run.path}/predictions.parquet: test samples are not those of "
                f"{points[0].run.path}; delete one of the runs and run again"
            )
    rows = [
        split.score[int(np.flatnonzero(split.epochs == point.selected.epoch)[0])]
        for point, split in zip(points, splits, strict=True)
    ]
    return _Scored(
        first.label.astype(np.int64),
        first.codes[attribute].astype(np.int64),
        np.stack(rows).astype(np.float64),
    )


def _pairwise(group: str, other: str, found: TestResult) -> str:
    if isnan(found.estimate):
        return f"{group} against {other}: not estimable"
    text = f"{group} minus {other} {100 * found.estimate:+.2f}"
    if isnan(found.low):
        return text
    return f"{text} [{100 * found.low:+.2f}, {100 * found.high:+.2f}]"


def _untested(reason: str) -> ClaimTest:
    nothing = TestResult("none", nan, 0, reason=reason)
    return ClaimTest(nan, nan, nan, nothing, "none", SCOPES["patients"], "0", reason=reason)
