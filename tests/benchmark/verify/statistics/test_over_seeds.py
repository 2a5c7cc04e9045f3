"""The files of tests over seeds: what the shipped pack says, and each of its numbers changed."""

import copy
import json

import pytest

from benchmark.verify.pack import SHIPPED, Pack, PackError
from benchmark.verify.statistics import bayes, multiple_testing, paired, power, tost

CHECKS = {
    "paired": (paired.FILES[0], paired.check_paired),
    "tost": (tost.FILES[0], tost.check_tost),
    "multiple_testing": (multiple_testing.FILES[0], multiple_testing.check_multiple_testing),
    "power": (power.FILES[0], power.check_power),
    "bayes": (bayes.FILES[0], bayes.check_bayes),
}
NOT_COMPARED = {
    "other_libraries",
    "mc_samples",
    "mc_se",
    "prior_strength",
    "prior_value",
    "pairs_exactly_on_rope_boundary",
    "float_noise_alternative_accept_also",
    "wrong_decision_if_that_ci_used",
}


def numbers(value, path=()):
    """Yield the path of every number and truth value below a value."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key not in NOT_COMPARED:
                yield from numbers(below, (*path, key))
    elif isinstance(value, list):
        for position, below in enumerate(value):
            yield from numbers(below, (*path, position))
    elif isinstance(value, bool | int | float):
        yield path


def changed(value, path):
    if not path:
        by_type = {bool: lambda: not value, int: lambda: value + 1}
        return by_type.get(type(value), lambda: value * 1.05 + 0.03)()
    twin = copy.copy(value)
    twin[path[0]] = changed(value[path[0]], path[1:])
    return twin


def lists_of(name):
    record = json.loads((SHIPPED / CHECKS[name][0]).read_text())
    return [key for key in record if key != "meta"]


@pytest.fixture
def check_cases(tmp_path):
    """Return a function that checks a file with nothing but these cases of one of its lists."""

    def check(name, kind, cases):
        file, function = CHECKS[name]
        record = {kind: cases}
        if name == "paired" and kind == "edge":
            record["cases"] = []
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(record))
        (found,) = function(Pack(tmp_path))
        return found

    return check


@pytest.mark.parametrize("name", CHECKS)
def test_the_shipped_numbers_are_found_again(name):
    file, check = CHECKS[name]
    (found,) = check(Pack(SHIPPED))
    assert found.status == "pass", found.note
    record = json.loads((SHIPPED / file).read_text())
    recorded = sum(
        len(list(numbers(case["expected"]))) for kind in lists_of(name) for case in record[kind]
    )
    assert found.cases >= recorded


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in CHECKS for kind in lists_of(name)]
)
def test_any_recorded_number_that_is_changed_misses(name, kind, check_cases):
    case = json.loads((SHIPPED / CHECKS[name][0]).read_text())[kind][-1]
    paths = list(numbers(case["expected"]))
    assert paths
    for path in paths:
        damaged = {**case, "expected": changed(case["expected"], path)}
        assert check_cases(name, kind, [damaged]).status == "miss", path


class TestCasesThatTheShippedPackLacks:
    def test_missing_p_values_and_an_empty_list_stay_so(self, check_cases):
        expected = {"holm": [0.02, None, 0.03], "BH": [0.02, None, 0.03]}
        missing = {"id": "a", "inputs": {"p": [0.01, None, 0.03]}, "expected": expected}
        empty = {"id": "b", "inputs": {"p": []}, "expected": {"hommel": []}}
        found = check_cases("multiple_testing", "cases", [missing, empty])
        assert found.status == "pass", found.note

    def test_an_unknown_correction_is_named(self, check_cases):
        case = {"id": "a", "inputs": {"p": [0.1]}, "expected": {"sidak": [0.1]}}
        with pytest.raises(PackError, match="sidak"):
            check_cases("multiple_testing", "cases", [case])

    def test_one_sided_power_at_no_effect_is_the_level(self, check_cases):
        inputs = {"d_z": 0, "n": 10, "alpha": 0.05, "alternative": "one.sided"}
        case = {"id": "w", "inputs": inputs, "expected": {"power": 0.05}}
        assert check_cases("power", "power", [case]).status == "pass"

    def test_an_unknown_alternative_is_named(self, check_cases):
        inputs = {"d_z": 0, "n": 10, "alpha": 0.05, "alternative": "both"}
        case = {"id": "w", "inputs": inputs, "expected": {"power": 0.05}}
        with pytest.raises(PackError, match="both"):
            check_cases("power", "power", [case])

    def test_one_pair_and_equal_differences_have_no_t(self, check_cases):
        one = {
            "id": "n1",
            "inputs": {"x": [0.8], "y": [0.7]},
            "expected": {"sign_flip_p": 1.0, "wilcoxon_p": 1.0, "t": None, "p_t": None},
        }
        inputs = {"x": [0.81, 0.82, 0.83], "y": [0.8, 0.81, 0.82]}
        equal = {
            "id": "equal",
            "inputs": {**inputs, "low": -0.02, "high": 0.02, "alpha": 0.05},
            "expected": {"p_tost": None, "t_low": None, "equivalent": True, "different": None},
        }
        assert check_cases("paired", "edge", [one]).status == "pass"
        assert check_cases("tost", "cases", [equal]).status == "pass"

    def test_without_a_region_of_equivalence_a_symmetric_signed_rank_splits_evenly(
        self, check_cases
    ):
        signed_rank = {"p_left": 0.5, "p_rope": 0.0, "p_right": 0.5, "prior_strength": 0.5}
        case = {
            "id": "s",
            "inputs": {"x": [0.8, 0.7, 0.6], "y": [0.8, 0.7, 0.6], "rope": 0},
            "expected": {"signed_rank": signed_rank},
        }
        assert check_cases("bayes", "two_on_multiple", [case]).status == "pass"
