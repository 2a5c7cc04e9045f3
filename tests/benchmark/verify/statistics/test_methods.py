"""The files that have one form of case each: what the shipped pack says, and a changed number."""

import json

import pytest

from benchmark.verify.pack import SHIPPED, Pack
from benchmark.verify.statistics import aggregate, correlation, fairness, friedman, mixed

CHECKS = {
    "friedman": (friedman.FILES[0], friedman.check_friedman),
    "correlation": (correlation.FILES[0], correlation.check_correlation),
    "mixed": (mixed.FILES[0], mixed.check_mixed),
    "fairness": (fairness.FILES[0], fairness.check_fairness),
    "aggregate": (aggregate.FILES[0], aggregate.check_aggregate),
}
DAMAGE = {
    "friedman": [
        ("cases", "chi2_tie_corrected"),
        ("cases", "chi2_no_tie_correction"),
        ("cases", "exact_permutation_p"),
        ("cases", "bonferroni_dunn_cd_0_05"),
    ],
    "correlation": [
        ("correlation", "spearman_rho"),
        ("correlation", "spearman_p_exact_abs"),
        ("correlation", "kendall_tau_b"),
        ("correlation", "kendall_p_exact_abs"),
        ("rmcorr", "r"),
        ("rmcorr", "p"),
    ],
    "mixed": [("cases", "reml"), ("cases", "ml"), ("cases", "contrasts")],
    "fairness": [
        ("cases", "auc"),
        ("cases", "worst_group_auc"),
        ("cases", "ES_AUC_undefined_groups_skipped"),
        ("cases", "DEOdds_undefined_rates_excluded"),
        ("cases", "fairlearn"),
    ],
    "aggregate": [("cases", "iqm_x"), ("cases", "prob_improvement_x_over_y")],
}


def moved(value):
    """Return the value with the first number in it moved by 1% of itself."""
    if isinstance(value, dict):
        first = next(key for key, v in value.items() if isinstance(v, float | dict | list))
        return {**value, first: moved(value[first])}
    if isinstance(value, list):
        return [moved(value[0]), *value[1:]]
    return value * 1.01


@pytest.mark.parametrize("name", CHECKS)
def test_the_shipped_numbers_are_found_again(name):
    _, check = CHECKS[name]
    (found,) = check(Pack(SHIPPED))
    assert found.status == "pass", found.note
    assert found.cases > 10


@pytest.mark.parametrize(
    ("name", "kind", "field"), [(n, *d) for n, ds in DAMAGE.items() for d in ds]
)
def test_a_recorded_number_that_was_changed_misses(name, kind, field, tmp_path):
    file, check = CHECKS[name]
    record = json.loads((SHIPPED / file).read_text())
    case = record[kind][0]
    case["expected"][field] = moved(case["expected"][field])
    record[kind] = [case]
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(json.dumps(record))
    (found,) = check(Pack(tmp_path))
    assert found.status == "miss"
    assert "first:" in found.note
