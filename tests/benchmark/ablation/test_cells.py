from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.ablation.cells import without_effect
from benchmark.ablation.keys import EndSpec
from benchmark.errors import FairbenchError
from benchmark.execute import plan_run


def ids(side):
    return [run.id for run in side.values()]


class TestRuns:
    @pytest.mark.parametrize(
        ("left", "right"),
        [
            (EndSpec("fairclip"), EndSpec("a-fairclip")),
            (EndSpec("a-fairclip"), EndSpec("mmd-gaussian")),
            (EndSpec("fairclip"), EndSpec("fairclip-plus")),
            (EndSpec("fairclip", "official"), EndSpec("a-fairclip", "reproduction")),
            (EndSpec("mmd-gaussian", changes={"bandwidth": "median"}), EndSpec("a-fairclip")),
        ],
    )
    def test_of_both_ends_are_the_runs_of_the_variants_themselves(
        self, plan_of, request_of, left, right
    ):
        plan = plan_of(left, right, request_of(attributes=("race",), seeds=(0,)))
        first, *_, last = plan.cells.values()
        for cell, end in ((first, plan.left), (last, plan.right)):
            assert ids(cell.variant) == [plan_run(end.config).id]
            assert cell.rule == end.rule

    def test_of_selection_are_those_without_it(self, plan_of):
        plan = plan_of(keys=("normalise", "selection"), designs=("factorial",))
        assert {c: p.rule for c, p in plan.cells.items()} == {
            (False, False): "test-auc",
            (True, False): "test-auc",
            (False, True): "val-auc",
            (True, True): "val-auc",
        }
        for normalise in (False, True):
            one, other = plan.cells[normalise, False], plan.cells[normalise, True]
            assert ids(one.variant) == ids(other.variant)
        assert len(plan.runs) == 2 * (2 + 1)

    def test_of_the_baseline_change_with_the_protocol_and_not_with_the_objective(self, plan_of):
        to = EndSpec("fairclip", changes={"weight": 0.1, "lr": 1e-3})
        plan = plan_of(EndSpec("fairclip"), to, designs=("factorial",))
        assert [key.name for key in plan.keys] == ["weight", "lr"]
        base = {cell: ids(planned.baseline) for cell, planned in plan.cells.items()}
        assert base[False, False] == base[True, False]
        assert base[False, True] == base[True, True]
        assert set(base[False, False]).isdisjoint(base[False, True])

    def test_pair_by_seed_with_a_baseline_that_has_none(self, plan_of):
        plan = plan_of(keys=("scaling",), baseline="clip")
        for planned in plan.cells.values():
            assert set(planned.variant) == set(planned.baseline) == {0, 1}
            assert len({*ids(planned.baseline)}) == 1

    def test_of_a_variant_without_seeds_are_refused(self, plan_of, request_of):
        spec = EndSpec("linear-probe", changes={"solver": "lbfgs"})
        to = EndSpec("linear-probe", changes={"solver": "lbfgs", "features": "image+text"})
        request = replace(request_of(attributes=("race",)), changes={})
        with pytest.raises(FairbenchError, match="no seed moves"):
            plan_of(spec, to, request, baseline="clip")


class TestWithoutEffect:
    def test_finds_the_cells_where_another_key_takes_the_effect_away(self, plan_of):
        to = EndSpec("mmd-gaussian", changes={"weight": 1e-7})
        plan = plan_of(EndSpec("a-fairclip"), to, designs=("factorial",))
        assert [key.name for key in plan.keys] == ["distance", "scaling"]
        same, pairs = without_effect(plan.cells, 1)
        assert same == [((True, False), (True, True))]
        assert len(pairs) == 2
        assert without_effect(plan.cells, 0)[0] == []
        assert len(plan.runs) == 2 * (3 + 1)

    def test_is_empty_where_every_key_counts(self, plan_of):
        plan = plan_of(designs=("factorial",))
        assert [without_effect(plan.cells, j)[0] for j in range(4)] == [[], [], [], []]


class TestImpossible:
    def test_cells_keep_the_reason_and_have_no_runs(self, plan_of, request_of):
        # 64 exceeds the validation set: nothing would be left of it.
        left = EndSpec("fairclip", changes={"batch_size": 64})
        right = EndSpec("fairclip", changes={"batch_size": 8, "last_batch": "dropped"})
        request = request_of(changes={"group_batch": 2})
        plan = plan_of(left, right, request, designs=("factorial",))
        assert [key.name for key in plan.keys] == ["batch_size", "last_batch"]
        assert [*plan.impossible] == [(False, True)]
        assert "last_batch=dropped leaves none" in plan.impossible[False, True]
        assert not plan.cells[False, True].variant

    def test_ends_are_errors(self, plan_of):
        right = EndSpec("fairclip", changes={"batch_size": 64, "last_batch": "dropped"})
        with pytest.raises(FairbenchError, match="last_batch=dropped leaves none"):
            plan_of(EndSpec("fairclip"), right)


class TestPlan:
    def test_counts_the_cells_of_all_designs_once(self, plan_of):
        plan = plan_of(designs=("ladder", "one-at-a-time", "ladder"))
        assert [design.name for design in plan.designs] == ["ladder", "one-at-a-time"]
        assert len(plan.cells) == 5 + 10 - 4

    def test_refuses_a_factorial_of_more_keys_than_stated(self, plan_of):
        ends = EndSpec("fairclip", "official"), EndSpec("a-fairclip", "fairface")
        with pytest.raises(FairbenchError, match=r"8 keys takes 256 trainings .*--yes"):
            plan_of(*ends, designs=("factorial",))

    def test_samples_shapley_values_above(self, plan_of, request_of):
        ends = EndSpec("fairclip", "official"), EndSpec("a-fairclip", "reproduction")
        plan = plan_of(*ends, request_of(seeds=(0,)), designs=("shapley",))
        assert sum(key.trains for key in plan.keys) == 7
        assert plan.designs[0].orders == 20

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"designs": ("full",)}, "unknown design 'full'"),
            ({"metrics": ("group_auc",)}, "unknown metric 'group_auc'"),
            ({"threshold": "best"}, "unknown threshold rule"),
            ({"alpha": 1.0}, "alpha is 1"),
            ({"orders": 1}, "at least 2"),
        ],
    )
    def test_refuses_settings_before_anything_is_read(self, plan_of, settings, message):
        with pytest.raises(FairbenchError, match=message):
            plan_of(**settings)

    def test_is_about_one_attribute_of_the_data(self, plan_of, request_of):
        with pytest.raises(FairbenchError, match="one attribute, got race, gender"):
            plan_of(request=request_of(attributes=("race", "gender")))
        with pytest.raises(FairbenchError, match="no attribute 'age'"):
            plan_of(request=request_of(attributes=("age",)))
