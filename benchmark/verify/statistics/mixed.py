"""The random-intercept model against closed forms and lme4."""

from __future__ import annotations

from benchmark.stats.mixed import RandomIntercept, random_intercept
from benchmark.verify.pack import Entry, Pack
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally

FILES = ("statistics/08_mixed.json",)


def check_mixed(pack: Pack) -> list[CheckResult]:
    """Compare variances, likelihood and contrasts of every case."""
    found = Tally(
        "statistics-mixed-model",
        relative={"variances": 1e-9, "standard_errors": 1e-9, "p": 1e-3},
        absolute={"effects": 1e-9, "boundary": 1e-7, "degrees_of_freedom": 1e-3},
    )
    found.notes.append(
        "p and degrees of freedom are lme4's to 1e-3: Satterthwaite, Kenward–Roger at the boundary"
    )
    for case in pack.record(FILES[0]).entries("cases", "id"):
        inputs, expected = case.entry("inputs"), case.entry("expected")
        y = inputs.numbers("y")
        variant, seed = inputs.texts("variant"), inputs.texts("seed")
        reml = random_intercept(y, variant, seed, baseline="v0")
        _compare_variances(found, expected.entry("reml"), reml)
        full = random_intercept(y, variant, seed, baseline="v0", reml=False)
        _compare_variances(found, expected.entry("ml"), full)
        _compare_contrasts(found, expected, reml)
    return [found.result()]


def _compare_variances(found: Tally, expected: Entry, ours: RandomIntercept) -> None:
    recorded = expected.number("var_seed")
    kind = "variances" if recorded else "boundary"
    found.number(kind, f"{expected.where}, var_seed", ours.var_unit, recorded)
    residual = expected.number("var_resid")
    found.number("variances", f"{expected.where}, var_resid", ours.var_residual, residual)
    if "loglik" in expected:
        likelihood = expected.number("loglik")
        found.number("effects", f"{expected.where}, loglik", ours.log_likelihood, likelihood)
        at_boundary = bool(expected.value("singular"))
        found.number("effects", f"{expected.where}, singular", ours.singular, at_boundary)


def _compare_contrasts(found: Tally, expected: Entry, ours: RandomIntercept) -> None:
    by_name = {contrast.variant: contrast for contrast in ours.contrasts}
    tests = expected.entry("lmerTest").entry("kenward_roger" if ours.singular else "satterthwaite")
    for recorded in expected.entries("contrasts", "variant"):
        name = recorded.text("variant")
        contrast, row = by_name[name], f"variant{name}"
        difference = recorded.number("diff_vs_v0")
        found.number("effects", recorded.where, contrast.difference, difference)
        found.number("standard_errors", recorded.where, contrast.se, recorded.number("se"))
        df = tests.entry("df").number(row)
        found.number("degrees_of_freedom", recorded.where, contrast.df, df)
        found.number("p", recorded.where, contrast.p, tests.entry("p").number(row))
