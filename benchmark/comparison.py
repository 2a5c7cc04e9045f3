"""`compare`: from stored predictions to levels, paired differences, tests and verdicts.

Everything here is a pure function of run directories.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.analysis_plan import FrozenPlan, find_plan, frozen_plans
from benchmark.arms import Arm, closest_baseline, make_arms
from benchmark.errors import FairbenchError, unknown_name
from benchmark.keep_ahead import keep_ahead
from benchmark.kept_values import kept_values, lacks_values
from benchmark.metrics.intersections import require_intersections
from benchmark.metrics.threshold import THRESHOLDS
from benchmark.origins import Origin, origins_of, require_one_origin
from benchmark.published.beside import BesideOurs, beside_ours
from benchmark.published.cells import all_cells
from benchmark.report.notebook import Displayed
from benchmark.results import RunStore, StoredRun
from benchmark.selection import SELECTIONS
from benchmark.studies import make_studies
from benchmark.studies.study import Study
from benchmark.suite_lists import chosen_name, stored_question, suite_run_ids
from benchmark.summary import ArmValues, per_seed_table, summary_table
from benchmark.verdicts.analysis import Analysis, analysis_of
from benchmark.verdicts.claims import Claim, claims_of
from benchmark.verdicts.judge import judge
from benchmark.verdicts.planned import restrict, status_of

if TYPE_CHECKING:
    from benchmark.report.model import Report

OWN = "own"
"""The selection "each variant by the rule of its source", and its baseline by the same rule.

Weights that are not trained have one epoch, which every rule selects: their row goes by the
baseline's own rule.
"""


@dataclass(frozen=True)
class Asked:
    """What a comparison was asked for, besides its settings.

    Attributes:
        results: The folder of the runs.
        suite: Only the runs of this suite, as its list of runs is named.
        plan: Hash of the frozen plan that it follows.
        published: A file of further published numbers.
        question: What the suite answers; empty without one.
    """

    results: Path
    suite: str | None = None
    plan: str | None = None
    published: Path | None = None
    question: str = ""


@dataclass(frozen=True)
class Comparison(Displayed):
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
        studies: What `analysis.studies` names, in that order.
        asked: What was asked for; None where it was put together by hand.
    """

    analysis: Analysis
    verdicts: pd.DataFrame
    per_seed: pd.DataFrame
    summary: pd.DataFrame
    runs: pd.DataFrame
    arms: Sequence[Arm]
    published: BesideOurs = field(default_factory=BesideOurs)
    studies: Sequence[Study] = ()
    asked: Asked | None = None

    def __repr__(self) -> str:
        """Return one line: its tables are looked at one by one."""
        return (
            f"<Comparison with {self.baseline}: {len(self.runs)} runs, {len(self.verdicts)} claims>"
        )

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

    @cached_property
    def origins(self) -> tuple[Origin, ...]:
        """Where each finished run comes from; read when it is first asked for."""
        return origins_of(self.arms)

    @cached_property
    def report(self) -> Report:
        """The report, from which every form of it is laid out."""
        from benchmark.report.build import build_report

        return build_report(self)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without suffix → tidy table, of all that a report writes."""
        found = {
            "verdicts": self.verdicts,
            "comparison": self.summary,
            "per_seed": self.per_seed,
            "runs": self.runs,
        }
        if not self.published.table.empty:
            found["published"] = self.published.table
        for study in self.studies:
            found |= {f"{study.name}-{name}": table for name, table in study.tables.items()}
        return found

    def write(self, out: Path, formats: Collection[str] = ("html",)) -> list[Path]:
        """Write the report to a folder, in place of an earlier one; return the paths.

        Args:
            out: The folder. `docs/reports.md` lists what lands there.
            formats: Of `benchmark.report.write.FORMATS`, beside Markdown and CSV.

        Raises:
            FairbenchError: an unknown format, or a folder that cannot be written.
        """
        from benchmark.report.build import facts_of
        from benchmark.report.write import write_report

        return write_report(out, "comparison", self.report, self.tables, formats, facts_of(self))


def compare(
    results: Path | str = "results",
    *,
    baseline: str = "clip-ft",
    selection: str = "val-auc",
    threshold: str = "0.5",
    suite: str | None = None,
    size: str | None = None,
    intersections: Sequence[str] = (),
    primary: Sequence[str] = ("auc", "deodds"),
    margin: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    correction: str = "holm",
    test: str = "auto",
    scope: str = "seeds",
    plan: str | None = None,
    studies: Sequence[str] = (),
    published: Path | None = None,
    strict: bool = False,
) -> Comparison:
    """Compare every variant found in a results folder with a baseline, and judge it.

    Args:
        results: What `fairbench run --results` wrote to.
        baseline: A variant's label, such as `clip-ft` or `fairclip[weight=0]`.
        selection: A selection rule for all rows, or `own`. The own rule of each variant is
            always reported beside it.
        threshold: Decision threshold: `0.5`, or chosen on validation (`youden`, `rate`).
        suite: Only the runs of this suite.
        size: Of the suite; the only one that was run by default.
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
        studies: Names of `benchmark.studies.STUDIES`, beside those of the plan.
        published: A CSV of further published numbers, in the form of `published.csv`.
        strict: Refuse runs of several code versions, or of data that changed.

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
    settings = settings.model_copy(update={"studies": (*settings.studies, *studies)})
    name = chosen_name(Path(results), suite, size)
    return analyse(Path(results), settings, name, frozen, published, strict)


def analyse(
    results: Path,
    analysis: Analysis,
    suite: str | None = None,
    plan: FrozenPlan | None = None,
    published: Path | None = None,
    strict: bool = False,
) -> Comparison:
    """Return the comparison of a results folder: `compare`, with its arguments in one object.

    Args:
        results: The folder.
        analysis: The settings.
        suite: Only the runs of this suite.
        plan: Only what this plan names gets verdicts; `analysis` is then its own.
        published: A CSV of further published numbers.
        strict: Refuse runs of several code versions, or of data that changed.

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
    if strict:
        require_one_origin(origins_of(arms))
    require_intersections(analysis.intersections, [arm.dataset["attributes"] for arm in arms])
    baselines = [arm for arm in arms if arm.label == baseline and arm.done]
    if not baselines:
        labels = sorted({arm.label for arm in arms if arm.done})
        raise FairbenchError(
            f"{results}: no finished run of the baseline '{baseline}'. "
            f"Finished: {', '.join(labels) or 'none'}"
        )
    asked = {id(arm): _asked(arm, arms, baselines, analysis) for arm in arms}
    every = [task for arm in arms for task in asked[id(arm)].tasks]
    keep_ahead(kept_values, [task for task in every if lacks_values(*task)])
    evaluated = {id(arm): asked[id(arm)].values() for arm in arms}
    compared = []
    claims: list[Claim] = []
    metrics = tuple(analysis.margins)
    for arm in arms:
        closest: dict[str, tuple[ArmValues | None, Sequence[str]]] = {}
        for attribute in arm.evaluated_with(analysis.intersections):
            base, confounded = closest_baseline(arm, attribute, baselines)
            closest[attribute] = (None if base is None else evaluated[id(base)], confounded)
        compared.append((evaluated[id(arm)], closest))
        claims += claims_of(evaluated[id(arm)], closest, metrics, analysis.primary)
    if plan is not None:
        claims = restrict(claims, plan.plan)
    per_seed = per_seed_table(evaluated[id(arm)] for arm in arms)
    found = Comparison(
        analysis=analysis,
        verdicts=judge(claims, analysis, status_of(claims, analysis, frozen_plans(results))),
        per_seed=per_seed,
        summary=summary_table(compared),
        runs=_runs_table(arms),
        arms=arms,
        published=beside_ours(arms, per_seed, cells, analysis.threshold),
        asked=Asked(
            results,
            suite,
            None if plan is None else plan.hash,
            published,
            "" if suite is None else stored_question(results, suite),
        ),
    )
    return replace(found, studies=make_studies(analysis.studies, found))


@dataclass(frozen=True)
class _ToEvaluate:
    """An arm with what `kept_values` is asked of each of its runs."""

    arm: Arm
    main: str
    own: str
    tasks: Sequence[tuple[StoredRun, Sequence[str], Sequence[str], str]]

    def values(self) -> ArmValues:
        found = [values for task in self.tasks for values in kept_values(*task)]
        return ArmValues(self.arm, self.main, self.own, found)


def _asked(
    arm: Arm, arms: Iterable[Arm], baselines: Sequence[Arm], analysis: Analysis
) -> _ToEvaluate:
    """Return the arm with every rule that a table needs its values under."""
    selection = analysis.selection
    main = selection if selection != OWN else (arm if arm.trains else baselines[0]).own_selection
    own = arm.own_selection if arm.trains else main
    rules = {main, own}
    if arm in baselines:
        rules |= {
            other.own_selection for other in arms if other.block == arm.block and other.trains
        }
    attributes = arm.evaluated_with(analysis.intersections)
    tasks = [(run, attributes, sorted(rules), analysis.threshold) for run in arm.done]
    return _ToEvaluate(arm, main, own, tasks)


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
