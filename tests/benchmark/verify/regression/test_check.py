"""What moves a number is caught and named; each mutation is one line that somebody could break."""

import math

import pytest
import torch

from benchmark.batches import SeededBatches
from benchmark.optimiser import make_optimiser
from benchmark.verify.regression.cases import Case, make_cases
from benchmark.verify.regression.check import compare
from benchmark.verify.regression.conditions import changed_keys
from benchmark.zeroshot import class_probabilities
from variants import contrastive, distances
from variants.objective import Term


class TestUnchangedCode:
    @pytest.mark.parametrize("name", ["clip", "clip-ft", "fairclip strong", "a-fairclip placebo"])
    def test_moves_nothing(self, compared, name):
        assert compared(name) == {}

    def test_metrics_agree_to_the_last_digits_on_any_processor(self, baseline, cases):
        rows = {row.what: row for row in compare(cases["clip"], baseline.cases["clip"])}
        assert rows["metrics"].deviation <= 1e-12


class TestMutation:
    def test_of_the_contrastive_loss_shows_at_the_first_step(self, compared, monkeypatch):
        whole = contrastive.contrastive_loss
        monkeypatch.setattr(contrastive, "contrastive_loss", lambda batch: 1.001 * whole(batch))
        moved = compared("clip-ft")
        assert moved["first terms"].deviation == pytest.approx(1e-3, rel=0.01)
        assert moved["terms"].where.startswith("step 1 of ")
        row = moved["first terms"]
        assert float(row.after) / float(row.before) == pytest.approx(1.001, rel=1e-6)

    def test_of_adams_betas_shows_at_the_third_step(self, compared, monkeypatch):
        # Corrected for their start, Adam's moments do not depend on the betas at its first step.
        def other(parameters, protocol):
            changed = protocol.model_copy(update={"betas": (0.9, 0.999)})
            return make_optimiser(parameters, changed)

        monkeypatch.setattr("benchmark.trainer.make_optimiser", other)
        moved = compared("clip-ft")
        assert moved["terms"].where.startswith("step 3 of ")
        assert "scores" in moved
        assert "first terms" not in moved

    def test_of_weight_decay_shows_in_the_case_that_has_enough_of_it(self, compared, monkeypatch):
        def without(parameters, protocol):
            return make_optimiser(parameters, protocol.model_copy(update={"weight_decay": 0.0}))

        monkeypatch.setattr("benchmark.trainer.make_optimiser", without)
        assert "terms" in compared("clip-ft official")
        assert "terms" in compared("clip-ft adamw")

    def test_of_the_trained_parameters_shows(self, compared, monkeypatch):
        def all_of_them(module, trained):
            return list(module.parameters())

        monkeypatch.setattr("benchmark.trainer.trained_parameters", all_of_them)
        assert "terms" in compared("clip-ft official")

    def test_of_the_prompts_moves_predictions_and_no_term(self, compared, monkeypatch):
        monkeypatch.setattr(
            "benchmark.zeroshot.class_probabilities",
            lambda image, prompts: class_probabilities(image, prompts).flip(1),
        )
        assert set(compared("clip-ft")) == {"scores"}

    def test_of_a_groups_weight_shows(self, compared, monkeypatch):
        monkeypatch.setattr(
            "variants.group_distance.Term",
            lambda value, weight=1.0, parts=None: Term(
                value * 2 if parts else value, weight, parts or {}
            ),
        )
        moved = compared("fairclip-plus strong")
        assert moved["first terms"].where == "step 1 of fairness"
        assert moved["first terms"].deviation == pytest.approx(1.0)

    def test_of_lambda_shows_in_the_first_loss(self, compared, monkeypatch):
        monkeypatch.setattr(
            "variants.group_distance.Term",
            lambda value, weight=1.0, parts=None: Term(
                value, weight * 2 if parts else weight, parts or {}
            ),
        )
        assert compared("fairclip strong")["first terms"].where == "step 1 of loss"

    def test_of_a_fairness_gradient_shows_though_its_value_is_right(self, compared, monkeypatch):
        whole = distances.sinkhorn_to_each

        def doubled_gradient(*arguments, **options):
            return [2 * v - v.detach() for v in whole(*arguments, **options)]

        monkeypatch.setattr(distances, "sinkhorn_to_each", doubled_gradient)
        moved = compared("a-fairclip strong")
        assert moved["gradient norms"].where == "step 1 of fairness"
        assert "first terms" not in moved
        assert "terms" in moved

    def test_that_drops_the_last_batch_shows(self, compared, monkeypatch):
        whole = SeededBatches.epoch
        monkeypatch.setattr(SeededBatches, "epoch", lambda self, epoch: whole(self, epoch)[:-1])
        assert compared("clip-ft")["terms"].deviation == math.inf

    def test_of_the_decision_threshold_moves_metrics_and_nothing_else(self, compared, monkeypatch):
        monkeypatch.setattr(
            "benchmark.verify.regression.numbers.threshold_for", lambda rule, label, score: 0.501
        )
        assert set(compared("clip")) == {"metrics"}

    def test_that_ends_a_run_is_named_with_its_reason(self, compared, monkeypatch):
        monkeypatch.setattr(
            contrastive, "contrastive_loss", lambda batch: batch.image.sum() * torch.nan
        )
        moved = compared("clip-ft")
        assert moved["run"].after.startswith("diverged: epoch 1, step 1 of 3: term 'clip' is nan")


class TestKeys:
    def test_that_differ_are_named_with_both_values(self):
        before = {"objective": {"kind": "a", "blur": 0.1}, "seed": 0, "source": "x"}
        after = {"objective": {"kind": "a", "scaling": 0.5}, "seed": 1, "source": "y"}
        assert changed_keys(before, after) == [
            ("objective.blur", 0.1, "its default"),
            ("objective.scaling", "its default", 0.5),
            ("seed", 0, 1),
        ]

    def test_a_changed_default_of_a_variant_fails_whatever_the_numbers(self, baseline, cases):
        record = baseline.cases["clip-ft"]
        changed = record.model_copy(update={"identity": {**record.identity, "seed": 7}})
        rows = [row for row in compare(cases["clip-ft"], changed) if row.moved]
        assert [(row.what, row.where, row.before, row.after) for row in rows] == [
            ("keys", "seed", "7", "0")
        ]


class TestCases:
    def test_of_one_variant_are_its_own_keys_first(self, private_cache):
        names = [case.name for case in make_cases(["a-fairclip"])]
        assert names[0] == "a-fairclip"
        assert len(names) > 1
        assert all(name.startswith("a-fairclip ") for name in names[1:])

    def test_share_the_synthetic_data_and_the_shipped_model(self, cases):
        shared = {
            (case.planned.data.fingerprint, case.planned.model.weights_hash)
            for case in cases.values()
        }
        assert len(shared) == 1
        assert all(_small(case) for case in cases.values())


def _small(case: Case) -> bool:
    config = case.planned.config
    return (config.threads, config.device, len(case.planned.data.splits["train"])) == (1, "cpu", 96)
