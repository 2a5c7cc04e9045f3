"""Fairness metrics against fairlearn and exact rationals."""

from __future__ import annotations

from math import isnan

import numpy as np

from benchmark.metrics.as_official import as_official
from benchmark.metrics.evaluate import evaluate
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable

FILES = ("statistics/11_fairness.json",)

Values = dict[tuple[str, str], float]

_OF_GROUP = {
    "n": "n",
    "n_pos": "n_positive",
    "n_neg": "n_negative",
    "selection_rate": "positive_rate",
    "tpr": "tpr",
    "fpr": "fpr",
}
_WHOLE = {
    "ES_AUC_undefined_groups_skipped": "es_auc",
    "worst_group_auc": "worst_group_auc",
    "auc_gap": "auc_gap",
    "DEOdds_undefined_rates_excluded": "deodds",
}
"""Equal to ours where every group has both classes; elsewhere ours is not estimable."""


def check_fairness(pack: Pack) -> list[CheckResult]:
    """Compare rates, gaps and AUCs of every case."""
    found = Tally("statistics-fairness", relative={}, absolute={"metrics": 1e-12})
    official = 0
    for case in pack.record(FILES[0]).entries("cases", "id"):
        official += _compare(found, case)
    found.notes.append(
        f"in {official} cases a group has one class: fairlearn's DEOdds is compared as official, "
        "ours is not estimable; differences to the overall rate and ratios are not ours"
    )
    return [found.result()]


def _compare(found: Tally, case: Entry) -> bool:
    """Compare one case; return whether a group has one class."""
    inputs, expected = case.entry("inputs"), case.entry("expected")
    label, score = inputs.integers("y_true"), inputs.numbers("score")
    raw = np.array([int(code) for code in inputs.value("group")])
    present, codes = np.unique(raw, return_inverse=True)
    groups = [str(code) for code in present]
    ours = _values(label, score, codes, groups)
    where = case.where

    def compare(name: str, value: float, recorded: float) -> None:
        found.number("metrics", f"{where}, {name}", value, recorded)

    compare("auc", ours["auc", ""], nullable(expected, "auc"))
    for group, entry in ((g, expected.entry("groups").entry(g)) for g in groups):
        for field, metric in _OF_GROUP.items():
            compare(f"{field} of {group}", ours[metric, group], nullable(entry, field))
        recorded = nullable(expected.entry("auc_by_group"), group)
        compare(f"auc of {group}", ours["group_auc", group], recorded)
    fairlearn = expected.entry("fairlearn")
    as_printed = as_official(label, score, raw)
    compare("DPD", ours["dpd", ""], fairlearn.number("DPD"))
    compare("DEOdds as official", as_printed.deodds, fairlearn.number("DEOdds"))
    literal = nullable(expected, "ES_AUC_with_literal_roc_curve_code")
    compare("ES-AUC as official", as_printed.es_auc, literal)
    one_class = bool(expected.value("single_class_groups"))
    for field, metric in _WHOLE.items():
        recorded = float("nan") if one_class else nullable(expected, field)
        compare(metric, ours[metric, ""], recorded)
    if "after_dropping_unknown_minus1" in expected:
        _compare_known(found, expected.entry("after_dropping_unknown_minus1"), label, score, raw)
    if "between_group_disparity" in expected and not isnan(literal):
        disparity = expected.entry("between_group_disparity")
        fields = ("std_ddof0_over_auc", "range_over_auc")
        for field, value in zip(fields, as_printed.disparity, strict=True):
            compare(field, value, disparity.number(field))
    return one_class


def _compare_known(
    found: Tally, expected: Entry, label: list[int], score: list[float], raw: np.ndarray
) -> None:
    """Compare what is left when samples of unknown group, code −1, belong to no group."""
    groups = [str(code) for code in range(int(raw.max()) + 1)]
    ours = _values(label, score, raw, groups)
    fields = {
        "DPD": "dpd",
        "DEOdds": "deodds",
        "auc_all_rows": "auc",
        "ES_AUC_overall_from_all_rows": "es_auc",
    }
    for field, metric in fields.items():
        recorded = expected.number(field)
        found.number("metrics", f"{expected.where}, {field}", ours[metric, ""], recorded)


def _values(label: list[int], score: list[float], codes: np.ndarray, groups: list[str]) -> Values:
    rows = evaluate(label, score, codes, groups, permutations=1)
    return {(row.metric, row.group): row.value for row in rows}
