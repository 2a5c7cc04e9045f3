from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from geomloss import SamplesLoss
from pydantic import ValidationError

from variants.a_fairclip import VARIANT as A_FAIRCLIP
from variants.fairclip import VARIANT as FAIRCLIP
from variants.group_distance import GroupDistance
from variants.objective import Features
from variants.scores import pair_scores

DATA = Path(__file__).parents[1] / "data"
RECORDED = json.loads((DATA / "losses_recorded.json").read_text())["cases"]
INPUTS = np.load(DATA / "losses_recorded.npz")

each_case = pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"case{case['case']}")


def unit(codes: np.ndarray) -> torch.Tensor:
    rows = codes.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return torch.from_numpy(rows.astype(np.float32))


def pairs(case: dict[str, Any], part: str = "") -> Features:
    name = f"c{case['case']:02d}{part}"
    scale = torch.tensor(case["logit_scale"], dtype=torch.float32)
    return Features(unit(INPUTS[f"{name}_img"]), unit(INPUTS[f"{name}_txt"]), scale)


def groups(case: dict[str, Any], *attributes: str) -> dict[str, Features]:
    letters = {"race": "A", "gender": "B"}
    return {
        f"{attribute}/{g}": pairs(case, f"_{letters[attribute]}{g}")
        for attribute in attributes
        for g in range(case[f"{attribute}_groups"])
    }


def with_keys(objective: GroupDistance, **keys: Any) -> GroupDistance:
    return GroupDistance.model_validate({**objective.model_dump(), **keys})


def released(case: dict[str, Any], **keys: Any) -> GroupDistance:
    return with_keys(FAIRCLIP, blur=case["blur"], weight=case["lambda"], **keys)


def reproduced(case: dict[str, Any], **keys: Any) -> GroupDistance:
    weights = {"race": case["race_weight"], "gender": case["gender_weight"]}
    return with_keys(A_FAIRCLIP, attributes=weights, weight=case["lambda"], **keys)


def fairness(objective: GroupDistance, batch: Features, others: dict[str, Features]) -> float:
    return objective.terms(batch, others)["fairness"].value.item()


@each_case
class TestAgainstTheReleasedCode:
    def test_the_term_is_the_recorded_one(self, case: dict[str, Any]) -> None:
        value = fairness(released(case), pairs(case), groups(case, "race"))
        assert value == pytest.approx(case["official"]["term"], rel=1e-5)

    def test_each_group_alone_is_the_recorded_one(self, case: dict[str, Any]) -> None:
        for g, expected in enumerate(case["official"]["per_group"]):
            name = f"race/{g}"
            one = {name: groups(case, "race")[name]}
            assert fairness(released(case), pairs(case), one) == pytest.approx(expected, rel=1e-5)

    def test_the_float64_solver_gives_the_recorded_float64_term(self, case: dict[str, Any]) -> None:
        value = fairness(released(case, solver="geomloss-fp64"), pairs(case), groups(case, "race"))
        assert value == pytest.approx(case["official"]["float64_term"], rel=1e-5)

    def test_the_exact_solver_gives_the_recorded_wasserstein_term(
        self, case: dict[str, Any]
    ) -> None:
        value = fairness(released(case, solver="exact"), pairs(case), groups(case, "race"))
        assert value == pytest.approx(case["official"]["exact_term"], rel=1e-5)

    def test_the_exact_gradient_has_the_recorded_norm(self, case: dict[str, Any]) -> None:
        batch = pairs(case)
        batch.image.requires_grad_()
        terms = released(case, solver="exact").terms(batch, groups(case, "race"))
        (gradient,) = torch.autograd.grad(terms["fairness"].value, batch.image)
        expected = case["official"]["exact_grad_norm"]
        assert gradient.double().norm().item() == pytest.approx(expected, rel=1e-4)

    def test_its_float32_gradient_is_off_and_the_float64_one_is_not(
        self, case: dict[str, Any]
    ) -> None:
        def gradient(solver: str) -> torch.Tensor:
            batch = pairs(case)
            batch.image.requires_grad_()
            terms = released(case, solver=solver).terms(batch, groups(case, "race"))
            return torch.autograd.grad(terms["fairness"].value, batch.image)[0]

        exact = gradient("exact")
        errors = [
            ((gradient(solver) - exact).norm() / exact.norm()).item()
            for solver in ("geomloss-fp32", "geomloss-fp64")
        ]
        assert errors[0] > 0.03
        assert errors[1] < 3e-3

    def test_batch_scores_are_the_recorded_ones(self, case: dict[str, Any]) -> None:
        score = pair_scores(pairs(case), released(case).score).numpy()
        recorded = INPUTS[f"c{case['case']:02d}_official_batch_score"]
        np.testing.assert_allclose(score, recorded, rtol=1e-4, atol=1e-6 * abs(recorded).max())

    def test_weight_of_the_term_is_lambda(self, case: dict[str, Any]) -> None:
        terms = released(case).terms(pairs(case), groups(case, "race"))
        assert terms["clip"].weight == 1
        assert terms["fairness"].weight == case["lambda"]


@each_case
class TestAgainstTheReproduction:
    def test_the_base_loss_is_the_recorded_one(self, case: dict[str, Any]) -> None:
        terms = reproduced(case).terms(pairs(case), groups(case, "race", "gender"))
        base = case["reproduction"]["base"]
        assert terms["clip"].value.item() == pytest.approx(base, rel=1e-5)

    def test_the_distance_is_the_recorded_one(self, case: dict[str, Any]) -> None:
        value = fairness(reproduced(case), pairs(case), groups(case, "race", "gender"))
        assert value == pytest.approx(case["reproduction"]["distance"], rel=1e-5)

    def test_the_float64_distance_is_the_recorded_one(self, case: dict[str, Any]) -> None:
        objective = reproduced(case, solver="geomloss-fp64")
        value = fairness(objective, pairs(case), groups(case, "race", "gender"))
        assert value == pytest.approx(case["reproduction"]["float64_distance"], rel=1e-5)

    def test_the_exact_distance_is_the_recorded_one(self, case: dict[str, Any]) -> None:
        objective = reproduced(case, solver="exact")
        value = fairness(objective, pairs(case), groups(case, "race", "gender"))
        assert value == pytest.approx(case["reproduction"]["exact_distance"], rel=1e-5)

    def test_batch_scores_are_the_recorded_ones(self, case: dict[str, Any]) -> None:
        score = pair_scores(pairs(case), reproduced(case).score).numpy()
        recorded = INPUTS[f"c{case['case']:02d}_reproduction_batch_score"]
        np.testing.assert_allclose(score, recorded, rtol=0, atol=1e-6 * abs(recorded).max())

    def test_its_copy_of_the_released_script_divides_both_sides(self, case: dict[str, Any]) -> None:
        value = fairness(released(case, normalise="both"), pairs(case), groups(case, "race"))
        expected = case["official"]["both_normalised_term"]
        assert value == pytest.approx(expected, rel=1e-3)


@each_case
class TestAgainstALoopOverGeomloss:
    """What both public codes do, group after group; float32 makes every bit of it matter."""

    @pytest.mark.parametrize("with_gradient", [False, True])
    def test_terms_and_gradients_are_the_same_to_the_last_bit(
        self, case: dict[str, Any], with_gradient: bool
    ) -> None:
        objective = released(case)
        loss = SamplesLoss("sinkhorn", p=2, blur=objective.blur, scaling=objective.scaling)
        found = []
        for in_a_loop in (True, False):
            batch, others = pairs(case), groups(case, "race")
            leaves = [batch.image, batch.text]
            if with_gradient:
                leaves += [part for group in others.values() for part in (group.image, group.text)]
            for leaf in leaves:
                leaf.requires_grad_()
            if in_a_loop:
                x = pair_scores(batch, objective.score)[:, None]
                total = x.new_zeros(())
                for group in others.values():
                    y = pair_scores(group, objective.score)[:, None]
                    total = total + loss(x, y / y.sum())
            else:
                total = objective.terms(batch, others)["fairness"].value
            found.append([total, *torch.autograd.grad(case["lambda"] * total, leaves)])
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


class TestScore:
    case = RECORDED[0]

    def score(self, kind: str) -> np.ndarray:
        return np.asarray(pair_scores(pairs(self.case), kind))

    def matrices(self) -> tuple[np.ndarray, np.ndarray, float]:
        batch = pairs(self.case)
        return batch.image.double().numpy(), batch.text.double().numpy(), self.case["logit_scale"]

    def test_cosine_is_that_of_each_pair(self) -> None:
        image, text, _ = self.matrices()
        expected = [a @ b for a, b in zip(image, text, strict=True)]
        np.testing.assert_allclose(self.score("cosine"), expected, rtol=1e-5)

    def test_logit_is_the_scaled_cosine(self) -> None:
        image, text, scale = self.matrices()
        expected = [scale * (a @ b) for a, b in zip(image, text, strict=True)]
        np.testing.assert_allclose(self.score("logit"), expected, rtol=1e-5)

    def test_squared_logits_sum_the_products_with_all_other_pairs(self) -> None:
        image, text, scale = self.matrices()
        n = len(image)
        expected = [
            sum(scale**2 * (image[i] @ text[j]) * (image[j] @ text[i]) for j in range(n))
            for i in range(n)
        ]
        np.testing.assert_allclose(self.score("squared-logits"), expected, rtol=1e-5)


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("blur", 0),
            ("blur", float("inf")),
            ("blur", float("nan")),
            ("scaling", 1.0),
            ("scaling", float("nan")),
            ("weight", -1e-9),
            ("weight", float("nan")),
            ("group_batch", 0),
            ("attributes", {}),
            ("attributes", {"race": 0.5, "gender": 0.4}),
            ("attributes", {"race": float("nan")}),
            ("attributes", {"race": 1.5, "gender": -0.5}),
            ("score", "logits"),
            ("solver", "fp16"),
        ],
    )
    def test_refuse_values_without_a_meaning(self, key: str, value: Any) -> None:
        with pytest.raises(ValidationError):
            with_keys(FAIRCLIP, **{key: value})

    def test_attribute_weights_are_one_objective_in_any_order(self) -> None:
        a = GroupDistance(attributes={"race": 0.25, "gender": 0.75})
        b = GroupDistance(attributes={"gender": 0.75, "race": 0.25})
        assert a.model_dump_json() == b.model_dump_json()

    def test_for_attribute_moves_all_weight_and_nothing_else(self) -> None:
        moved = FAIRCLIP.for_attribute("gender")
        assert moved.group_weights == {"gender": 1.0}
        assert moved.keys() == {**FAIRCLIP.keys(), "attributes": {"gender": 1.0}}
        assert moved.own_selection == FAIRCLIP.own_selection

    def test_terms_of_an_attribute_scale_with_its_weight(self) -> None:
        case = RECORDED[0]
        race, both = groups(case, "race"), groups(case, "race", "gender")
        gender = {name: g for name, g in both.items() if name not in race}
        batch = pairs(case)
        half = GroupDistance(solver="exact", attributes={"race": 0.25, "gender": 0.75})
        alone = [
            fairness(GroupDistance(solver="exact", attributes={a: 1.0}), batch, g)
            for a, g in (("race", race), ("gender", gender))
        ]
        assert fairness(half, batch, both) == pytest.approx(
            0.25 * alone[0] + 0.75 * alone[1], rel=1e-9
        )
