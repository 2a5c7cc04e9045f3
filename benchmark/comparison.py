"""`compare`: from stored predictions to levels, paired differences, tests and verdicts.

Everything here is a pure function of run directories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.analysis_plan import FrozenPlan, find_plan, frozen_plans
from benchmark.arms import Arm, closest_baseline, make_arms
from benchmark.errors import FairbenchError, unknown_name
from benchmark.metrics.intersections import require_intersections
from benchmark.metrics.threshold import THRESHOLDS
from benchmark.published.beside import BesideOurs, beside_ours
from benchmark.published.cells import all_cells
from benchmark.results import RunStore, StoredRun
from benchmark.selection import SELECTIONS
from benchmark.suite import suite_run_ids
from benchmark.summary import ArmValues, summarise
from benchmark.values import run_values
from benchmark.verdicts.analysis import Analysis, analysis_of
from benchmark.verdicts.claims import Claim, claims_of
from benchmark.verdicts.judge import judge
from benchmark.verdicts.planned import restrict, status_of

OWN = "own"
"""The selection "each variant by the rule of its source", and its baseline by the same rule.

Weights that are not trained have one epoch, which every rule selects: their row goes by the
baseline's own rule.
"""


@dataclass(frozen=True)
class Comparison:
    """The outcome of `compare`.

    Attributes:
        analysis: What was compared with what, and by which tests.
        verdicts: Tidy: one row for each claim of the primary family: the difference with its
            interval, raw and adjusted p, effect size, verdict, scope, what would decide it,
            and the functions that made the numbers (`docs/statistics.md` lists the columns).
        per_seed: Tidy: one row for each arm, attribute, rule, seed, metric and group, with
            `value` a fraction, `epoch` the selected one, and `reason` where it is NaN.
        summary: Tidy: one row for each arm, attribute, rule, metric and group: mean and
            standard deviation over seeds, and the paired difference to the baseline.
        runs: One row for each run found, whatever became of it.
        arms: The rows of the tables.
        published: Numbers of papers beside ours, where the runs are on their dataset.
    """

    analysis: Analysis
    verdicts: pd.DataFrame
    per_seed: pd.DataFrame
    summary: pd.DataFrame
    runs: pd.DataFrame
    arms: Sequence[Arm]
    published: BesideOurs = field(default_factory=BesideOurs)

    @property
    def baseline(self) -> str:
        """Label of the baseline variant."""
        return self.analysis.baseline

    @property
    def selection(self) -> str:
        """The rule of the main tables, or `own`."""
        return self.analysis.selection

    @property
    def threshold(self) -> str:
        """The decision-threshold rule."""
        return self.analysis.threshold

    def write(self, out: Path) -> list[Path]:
        """Write `comparison.md` and the tables as CSV files to a folder; return their paths."""
        from benchmark.report.files import write_texts
        from benchmark.report.markdown import comparison_markdown
        from benchmark.report.spreadsheet import csv_text

        texts = {
            "comparison.md": comparison_markdown(self),
            "verdicts.csv": csv_text(self.verdicts),
            "comparison.csv": csv_text(self.summary),
            "per_seed.csv": csv_text(self.per_seed),
            "runs.csv": csv_text(self.runs),
        }
        if not self.published.table.empty:
            texts["published.csv"] = csv_text(self.published.table)
        return write_texts(out, texts)


def compare(
    results: Path | str = "results",
    *,
    baseline: str = "clip-ft",
    selection: str = "val-auc",
    threshold: str = "0.5",
    suite: str | None = None,
    intersections: Sequence[str] = (),
    primary: Sequence[str] = ("auc", "deodds"),
    margin: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    correction: str = "holm",
    test: str = "auto",
    scope: str = "seeds",
    plan: str | None = None,
    published: Path | None = None,
) -> Comparison:
    """Compare every variant found in a results folder with a baseline, and judge it.

    Args:
        results: What `fairbench run --results` wrote to.
        baseline: A variant's label, such as `clip-ft` or `fairclip[weight=0]`.
        selection: A selection rule for all rows, or `own`. The own rule of each variant is
            always reported beside it.
        threshold: Decision threshold: `0.5`, or chosen on validation (`youden`, `rate`).
        suite: Only the runs of this suite.
        intersections: Such as `race×gender`: shown as further attributes, without verdict.
        primary: Metrics of the family that gets verdicts.
        margin: Metric → the smallest difference that matters, a fraction; by default 0.02 for
            AUC and 0.05 for DEOdds.
        alpha: Significance level of the whole family.
        correction: `holm`, `hochberg`, `hommel`, `bonferroni`, `bh`, `by` or `none`.
        test: `auto`, `t`, `wilcoxon` or `sign-flip`; `docs/statistics.md` says what `auto` is.
        scope: `seeds` or `patients`: whether verdicts are about new seeds on these patients,
            or about new patients too.
        plan: Hash of a frozen plan, or `newest`: its settings and its family replace the
            arguments above from `baseline` on.
        published: A CSV of further published numbers, in the form of `published.csv`.

    Raises:
        FairbenchError: unknown names, no run of the baseline, or a damaged run.
    """
    frozen = None if plan is None else find_plan(Path(results), plan)
    analysis = analysis_of(
        baseline=baseline,
        selection=selection,
        threshold=threshold,
        intersections=intersections,
        primary=primary,
        margin=margin or {},
        alpha=alpha,
        correction=correction,
        test=test,
        scope=scope,
    )
    settings = analysis if frozen is None else frozen.plan
    return analyse(Path(results), settings, suite, frozen, published)


def analyse(
    results: Path,
    analysis: Analysis,
    suite: str | None = None,
    plan: FrozenPlan | None = None,
    published: Path | None = None,
) -> Comparison:
    """Return the comparison of a results folder: `compare`, with its arguments in one object.

    Args:
        results: The folder.
        analysis: The settings.
        suite: Only the runs of this suite.
        plan: Only what this plan names gets verdicts; `analysis` is then its own.
        published: A CSV of further published numbers.

    Raises:
        FairbenchError: as `compare`.
    """
    baseline = analysis.baseline
    if analysis.selection not in (*SELECTIONS, OWN):
        raise unknown_name("selection rule", analysis.selection, [*SELECTIONS, OWN])
    if analysis.threshold not in THRESHOLDS:
        raise unknown_name("threshold rule", analysis.threshold, THRESHOLDS)
    cells = all_cells(published)
    runs = RunStore(results).read()
    if suite is not None:
        wanted = suite_run_ids(results, suite)
        runs = [run for run in runs if run.id in wanted]
    arms = make_arms(runs)
    require_intersections(analysis.intersections, [arm.dataset["attributes"] for arm in arms])
    baselines = [arm for arm in arms if arm.label == baseline and arm.done]
    if not baselines:
        labels = sorted({arm.label for arm in arms if arm.done})
        raise FairbenchError(
            f"{results}: no finished run of the baseline '{baseline}'. "
            f"Finished: {', '.join(labels) or 'none'}"
        )
    evaluated = {id(arm): _evaluate(arm, arms, baselines, analysis) for arm in arms}
    rows: list[dict[str, Any]] = []
    claims: list[Claim] = []
    metrics = tuple(analysis.margins)
    for arm in arms:
        closest: dict[str, tuple[ArmValues | None, Sequence[str]]] = {}
        for attribute in arm.evaluated_with(analysis.intersections):
            base, confounded = closest_baseline(arm, attribute, baselines)
            closest[attribute] = (None if base is None else evaluated[id(base)], confounded)
        rows += summarise(evaluated[id(arm)], closest)
        claims += claims_of(evaluated[id(arm)], closest, metrics, analysis.primary)
    if plan is not None:
        claims = restrict(claims, plan.plan)
    per_seed = pd.DataFrame([row for arm in arms for row in evaluated[id(arm)].rows()])
    per_seed = per_seed.astype({"seed": "Int64", "epoch": "Int64"})
    return Comparison(
        analysis=analysis,
        verdicts=judge(claims, analysis, status_of(claims, analysis, frozen_plans(results))),
        per_seed=per_seed,
        summary=pd.DataFrame(rows),
        runs=_runs_table(arms),
        arms=arms,
        published=beside_ours(arms, per_seed, cells, analysis.threshold),
    )


def _evaluate(
    arm: Arm, arms: Iterable[Arm], baselines: Sequence[Arm], analysis: Analysis
) -> ArmValues:
    """Return the arm's values by every rule that a table needs it under."""
    selection = analysis.selection
    main = selection if selection != OWN else (arm if arm.trains else baselines[0]).own_selection
    own = arm.own_selection if arm.trains else main
    rules = {main, own}
    if arm in baselines:
        rules |= {
            other.own_selection for other in arms if other.block == arm.block and other.trains
        }
    found = [
        values
        for run in arm.done
        for values in run_values(
            run, arm.evaluated_with(analysis.intersections), sorted(rules), analysis.threshold
        )
    ]
    return ArmValues(arm, main, own, found)


def _runs_table(arms: Iterable[Arm]) -> pd.DataFrame:
    def row(arm: Arm, run: StoredRun) -> dict[str, object]:
        return {
            "run": run.id,
            "variant": arm.label,
            "trained_on": "+".join(arm.attributes),
            "protocol": arm.protocol,
            "dataset": arm.dataset["name"],
            "model": arm.model,
            "seed": run.config["seed"],
            "state": run.state,
            "message": run.status.get("message", ""),
        }

    table = pd.DataFrame([row(arm, run) for arm in arms for run in arm.runs])
    return table.astype({"seed": "Int64"})
