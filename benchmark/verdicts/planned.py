"""Whether a claim was planned before its runs, or thought of after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmark.analysis_plan import AnalysisPlan, FrozenPlan, plan_of
from benchmark.results import StoredRun
from benchmark.verdicts.analysis import Analysis
from benchmark.verdicts.claims import Claim

PLANNED = "planned"

SETTINGS = ("baseline", "selection", "threshold", "alpha", "correction", "test", "scope")
"""What a claim's analysis must share with the plan, besides its margins."""


def status_of(
    claims: Sequence[Claim], analysis: Analysis, plans: Mapping[str, FrozenPlan]
) -> list[str]:
    """Return for each claim `planned`, or `post hoc` and why.

    A claim is planned only if one plan was frozen before every run of both sides was started,
    names the claim and its seeds, and is analysed as written: the same settings and margins,
    in a family that lacks none of the plan's claims. (Further claims in the family only make
    the correction stricter.)

    Args:
        claims: All claims of the comparison.
        analysis: How they are judged.
        plans: Hash → plan of the results folder.
    """
    if not plans:
        return ["post hoc: no plan was frozen"] * len(claims)
    started = {
        run.id: plan_of(run)
        for claim in claims
        for side in (claim.arm, claim.baseline)
        if side is not None
        for run in side.arm.runs
    }
    missing = {name: _missing(frozen.plan, claims) for name, frozen in plans.items()}
    found = []
    for claim in claims:
        under = {started[run.id] for run in _runs(claim)}
        name = under.pop() if len(under) == 1 else None
        if name is None or name not in plans:
            why = "not every run was started after one and the same frozen plan"
        else:
            plan = plans[name].plan
            why = _unlike(claim, analysis, plan) or missing[name]
        found.append(f"post hoc: {why}" if why else f"{PLANNED} ({name})")
    return found


def restrict(claims: Iterable[Claim], plan: AnalysisPlan) -> list[Claim]:
    """Return the claims that a plan names."""
    return [claim for claim in claims if not _unnamed(claim, plan)]


def _runs(claim: Claim) -> list[StoredRun]:
    sides = [claim.arm] if claim.baseline is None else [claim.arm, claim.baseline]
    return [run for side in sides for run in side.arm.runs]


def _unlike(claim: Claim, analysis: Analysis, plan: AnalysisPlan) -> str:
    """Return in what the claim departs from the plan; "" if in nothing."""
    unnamed = _unnamed(claim, plan)
    if unnamed:
        return unnamed
    for name in SETTINGS:
        if getattr(analysis, name) != getattr(plan, name):
            return f"{name} is {getattr(analysis, name)}, the plan says {getattr(plan, name)}"
    # One correction covers all: another margin of one metric moves the adjusted p of all others.
    for metric, planned in plan.margins.items():
        ours = analysis.margins.get(metric, planned)
        if ours != planned:
            return f"the margin of {metric} is {ours}, the plan says {planned}"
    for side in (claim.arm, claim.baseline):
        if side is None or not side.arm.trains:
            continue
        seeds = {run.config["seed"] for run in side.arm.runs}
        if seeds != set(plan.seeds):
            return f"seeds of {side.arm.label} are not those of the plan"
        if side.arm.protocol != plan.protocol:
            return f"protocol of {side.arm.label} is {side.arm.protocol}, not {plan.protocol}"
    return ""


def _unnamed(claim: Claim, plan: AnalysisPlan) -> str:
    """Return why the plan does not name the claim; "" if it does."""
    arm = claim.arm.arm
    if arm.label not in plan.variants:
        return f"the plan does not name {arm.label}"
    if not set(claim.attributes) & set(plan.attributes):
        return f"the plan does not name {claim.attribute}"
    if claim.metric not in plan.margins:
        return f"the plan does not name {claim.metric}"
    if arm.dataset["name"] != plan.dataset:
        return f"the plan is for dataset {plan.dataset}"
    if arm.runs[0].config["model"]["name"] != plan.model:
        return f"the plan is for model {plan.model}"
    return ""


def _missing(plan: AnalysisPlan, claims: Iterable[Claim]) -> str:
    """Return which of the plan's claims the comparison lacks; "" if none.

    A variant is asked for on the attributes that its runs are judged on, so one that was not
    run on an attribute of the plan is missing there, unless it was run on none.
    """
    here = {
        (claim.arm.arm.label, attribute, claim.metric)
        for claim in claims
        if claim.primary
        for attribute in claim.attributes
    }
    lacking = [
        f"{variant} {metric} on {attribute}"
        for variant in plan.variants
        for attribute in plan.attributes
        for metric in plan.primary
        if (variant, attribute, metric) not in here
    ]
    return f"planned claims are missing: {', '.join(lacking)}" if lacking else ""
