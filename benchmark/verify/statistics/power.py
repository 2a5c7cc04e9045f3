"""Power of the paired t test against noncentral t by quadrature, and R."""

from __future__ import annotations

from math import nan
from typing import Any

from benchmark.stats.power import Alternative, power_paired_t, required_n, smallest_effect
from benchmark.verify.pack import Entry, Pack, PackError
from benchmark.verify.result import CheckResult
from benchmark.verify.statistics.recorded import Tally, nullable

FILES = ("statistics/06_power.json",)

_ALTERNATIVES: dict[Any, Alternative] = {"two.sided": "two-sided", "one.sided": "one-sided"}


def check_power(pack: Pack) -> list[CheckResult]:
    """Compare pairs required, power and smallest effects, two-sided and one-sided."""
    found = Tally(
        "statistics-power",
        relative={},
        absolute={"power": 1e-8, "real_n": 1e-3, "n": 0.0, "effects": 1e-8},
    )
    record = pack.record(FILES[0])
    for case in record.entries("required_n", "id") if "required_n" in record else []:
        inputs, expected = case.entry("inputs"), case.entry("expected")
        level = inputs.number("power"), inputs.number("alpha"), _alternative(inputs)
        ours = required_n(inputs.number("d_z"), *level)
        n = nan if ours.n is None else ours.n
        for kind, field, value in (
            ("real_n", "n_real", ours.n_real),
            ("n", "n_required", n),
            ("power", "power_at_n_required", ours.power),
            ("power", "power_at_n_minus_1", ours.power_before),
        ):
            if field in expected:
                found.number(kind, f"{case.where}, {field}", value, nullable(expected, field))
    for case in record.entries("power", "id") if "power" in record else []:
        inputs = case.entry("inputs")
        test = inputs.number("n"), inputs.number("alpha"), _alternative(inputs)
        power = power_paired_t(inputs.number("d_z"), *test)
        found.number("power", case.where, power, nullable(case.entry("expected"), "power"))
    name = "minimal_detectable_effect"
    for case in record.entries(name, "id") if name in record else []:
        inputs = case.entry("inputs")
        level = inputs.number("power"), inputs.number("alpha"), _alternative(inputs)
        effect = smallest_effect(inputs.integer("n"), *level)
        found.number("effects", case.where, effect, nullable(case.entry("expected"), "d_z"))
    return [found.result()]


def _alternative(inputs: Entry) -> Alternative:
    name = inputs.text("alternative")
    if name not in _ALTERNATIVES:
        known = ", ".join(_ALTERNATIVES)
        raise PackError(f"{inputs.where}: alternative is '{name}'; known: {known}")
    return _ALTERNATIVES[name]
