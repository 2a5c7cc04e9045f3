"""`compare`: from stored predictions to levels per arm and paired differences to a baseline.

Everything here is a pure function of run directories. Statistical tests and verdicts will
read `Comparison.per_seed`; this module stops at means, standard deviations and t intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark.arms import Arm, closest_baseline, make_arms
from benchmark.errors import FairbenchError, unknown_name
from benchmark.metrics.threshold import THRESHOLDS
from benchmark.results import RunStore, StoredRun
from benchmark.selection import SELECTIONS
from benchmark.suite import suite_run_ids
from benchmark.summary import ArmValues, summarise
from benchmark.values import run_values

OWN = "own"
"""The selection "each variant by the rule of its source", and its baseline by the same rule.

Weights that are not trained have one epoch, which every rule selects: their row goes by the
baseline's own rule.
"""


@dataclass(frozen=True)
class Comparison:
    """The outcome of `compare`.

    Attributes:
        baseline: Label of the baseline variant.
        selection: The rule of the main tables, or `own`.
        threshold: The decision-threshold rule.
        per_seed: Tidy: one row for each arm, attribute, rule, seed, metric and group, with
            `value` a fraction, `epoch` the selected one, and `reason` where it is NaN.
        summary: Tidy: one row for each arm, attribute, rule, metric and group: mean and
            standard deviation over seeds, and the paired difference to the baseline.
        runs: One row for each run found, whatever became of it.
        arms: The rows of the tables.
    """

    baseline: str
    selection: str
    threshold: str
    per_seed: pd.DataFrame
    summary: pd.DataFrame
    runs: pd.DataFrame
    arms: Sequence[Arm]

    def write(self, out: Path) -> list[Path]:
        """Write `comparison.md`, `comparison.csv`, `per_seed.csv` and `runs.csv` to a folder."""
        from benchmark.report.markdown import comparison_markdown
        from benchmark.report.spreadsheet import csv_text

        texts = {
            "comparison.md": comparison_markdown(self),
            "comparison.csv": csv_text(self.summary),
            "per_seed.csv": csv_text(self.per_seed),
            "runs.csv": csv_text(self.runs),
        }
        try:
            out.mkdir(parents=True, exist_ok=True)
            for name, text in texts.items():
                (out / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise FairbenchError(
                f"report folder {out} cannot be written ({error.strerror}); give another with --out"
            ) from error
        return [out / name for name in texts]


def compare(
    results: Path | str = "results",
    *,
    baseline: str = "clip-ft",
    selection: str = "val-auc",
    threshold: str = "0.5",
    suite: str | None = None,
) -> Comparison:
    """Compare every variant found in a results folder with a baseline.

    Args:
        results: What `fairbench run --results` wrote to.
        baseline: A variant's label, such as `clip-ft` or `fairclip[weight=0]`.
        selection: A selection rule for all rows, or `own`. The own rule of each variant is
            always reported beside it.
        threshold: Decision threshold: `0.5`, or chosen on validation (`youden`, `rate`).
        suite: Only the runs of this suite.

    Raises:
        FairbenchError: unknown names, no run of the baseline, or a damaged run.
    """
    if selection not in (*SELECTIONS, OWN):
        raise unknown_name("selection rule", selection, [*SELECTIONS, OWN])
    if threshold not in THRESHOLDS:
        raise unknown_name("threshold rule", threshold, THRESHOLDS)
    store = RunStore(Path(results))
    runs = store.read()
    if suite is not None:
        wanted = suite_run_ids(Path(results), suite)
        runs = [run for run in runs if run.id in wanted]
    arms = make_arms(runs)
    baselines = [arm for arm in arms if arm.label == baseline and arm.done]
    if not baselines:
        labels = sorted({arm.label for arm in arms if arm.done})
        raise FairbenchError(
            f"{results}: no finished run of the baseline '{baseline}'. "
            f"Finished: {', '.join(labels) or 'none'}"
        )
    evaluated = {id(arm): _evaluate(arm, arms, baselines, selection, threshold) for arm in arms}
    rows = []
    for arm in arms:
        closest = {a: closest_baseline(arm, a, baselines) for a in arm.evaluated}
        rows += summarise(
            evaluated[id(arm)],
            {
                attribute: (None if base is None else evaluated[id(base)], confounded)
                for attribute, (base, confounded) in closest.items()
            },
        )
    per_seed = pd.DataFrame([row for arm in arms for row in evaluated[id(arm)].rows()])
    return Comparison(
        baseline=baseline,
        selection=selection,
        threshold=threshold,
        per_seed=per_seed.astype({"seed": "Int64", "epoch": "Int64"}),
        summary=pd.DataFrame(rows),
        runs=_runs_table(arms),
        arms=arms,
    )


def _evaluate(
    arm: Arm, arms: Iterable[Arm], baselines: Sequence[Arm], selection: str, threshold: str
) -> ArmValues:
    """Return the arm's values by every rule that a table needs it under."""
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
        for values in run_values(run, arm.evaluated, sorted(rules), threshold)
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
