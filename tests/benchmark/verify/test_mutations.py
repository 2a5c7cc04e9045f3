"""Single changes to what computes the numbers: each must make the named check miss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch

import benchmark.data.prepare
import benchmark.encode
import benchmark.metrics.evaluate
import benchmark.metrics.gaps
import benchmark.verify.images
import benchmark.verify.metrics
import benchmark.verify.notes
import benchmark.verify.zero_shot
import variants.contrastive
import variants.distances
import variants.scores
from benchmark.verify.run import verify
from variants.group_distance import GroupDistance
from variants.objective import Term

Patch = pytest.MonkeyPatch


def twice(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **keys: 2 * function(*args, **keys)


def half_forgotten(patch: Patch) -> None:
    patch.setattr(variants.distances, "wasserstein", twice(variants.distances.wasserstein))


def normalisation_dropped(patch: Patch) -> None:
    patch.setattr(GroupDistance, "_normalised", staticmethod(lambda score, divide: score))


def both_sides_normalised(patch: Patch) -> None:
    patch.setattr(GroupDistance, "_normalised", staticmethod(lambda score, _: score / score.sum()))


def plain_instead_of_squared_logits(patch: Patch) -> None:
    plain = variants.scores.pair_scores
    patch.setattr(variants.scores, "pair_scores", lambda pairs, score: plain(pairs, "logit"))


def score_without_scale(patch: Patch) -> None:
    plain = variants.scores.pair_scores
    patch.setattr(variants.scores, "pair_scores", lambda pairs, score: plain(pairs, "cosine"))


def scores_of_the_batch_detached(patch: Patch) -> None:
    plain = variants.scores.pair_scores

    def detached(pairs: Any, score: str) -> Any:
        half = plain(pairs, score)
        return half.detach() / 2 + half / 2

    patch.setattr(variants.scores, "pair_scores", detached)


def blur_ten_times(patch: Patch) -> None:
    plain = variants.distances._geomloss

    def wider(loss: str, x: Any, y: Any, solver: str, **options: float) -> Any:
        return plain(loss, x, y, solver, **{**options, "blur": 10 * options["blur"]})

    patch.setattr(variants.distances, "_geomloss", wider)


def double_precision_for_single(patch: Patch) -> None:
    patch.setattr(variants.distances, "_precision", lambda solver: torch.float64)


def change_fairness(patch: Patch, change: Callable[[Term], Term]) -> None:
    plain = GroupDistance.terms

    def changed(self: GroupDistance, *args: Any) -> dict[str, Term]:
        terms = plain(self, *args)
        return {**terms, "fairness": change(terms["fairness"])}

    patch.setattr(GroupDistance, "terms", changed)


def group_weight_doubled(patch: Patch) -> None:
    change_fairness(patch, lambda term: replace(term, value=2 * term.value))


def lambda_doubled(patch: Patch) -> None:
    change_fairness(patch, lambda term: replace(term, weight=2 * term.weight))


def penalty_trained_as_run(patch: Patch) -> None:
    change_fairness(patch, lambda term: replace(term, weight=term.weight or 1.0))


def penalty_never_trained(patch: Patch) -> None:
    change_fairness(patch, lambda term: replace(term, weight=0.0))


def contrastive_loss_of_rows(patch: Patch) -> None:
    def rows(batch: Any) -> Any:
        logits = batch.logit_scale * batch.image @ batch.text.T
        return torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))

    patch.setattr(variants.contrastive, "contrastive_loss", rows)


def kernel_twice_as_wide(patch: Patch) -> None:
    plain = variants.distances.gaussian
    patch.setattr(
        variants.distances,
        "gaussian",
        lambda x, y, bandwidth, solver: plain(x, y, bandwidth=2 * bandwidth, solver=solver),
    )


def gaussian_for_laplacian(patch: Patch) -> None:
    patch.setattr(variants.distances, "laplacian", variants.distances.gaussian)


def above_instead_of_from_the_threshold(patch: Patch) -> None:
    above = partial(benchmark.metrics.evaluate.evaluate, threshold=float(np.nextafter(0.5, 1)))
    patch.setattr(benchmark.verify.metrics, "evaluate", above)


def sum_for_the_larger_gap(patch: Patch) -> None:
    counts = benchmark.metrics.evaluate.GroupCounts
    both = property(
        lambda self: np.ptp(self.tpr, axis=1) + np.ptp(self.fpr, axis=1)  # not the maximum
    )
    patch.setattr(counts, "deodds", both)


def equity_by_mean_instead_of_sum(patch: Patch) -> None:
    def mean(overall: Any, by_group: Any) -> Any:
        return overall[:, 0] / (1 + np.abs(overall - by_group).mean(axis=1))

    patch.setattr(benchmark.metrics.gaps, "equity_scaled", mean)


def logit_scale_in_probabilities(patch: Patch) -> None:
    scaled = lambda image, prompts: (100 * image @ prompts.T).softmax(dim=1)  # noqa: E731
    patch.setattr(benchmark.verify.zero_shot, "class_probabilities", scaled)


def note_cut_within_a_word(patch: Patch) -> None:
    patch.setattr(benchmark.verify.notes, "truncate_note", lambda text, n: text[:n])


def eight_bit_resize(patch: Patch) -> None:
    plain = benchmark.data.prepare.model_pixels
    patch.setattr(
        benchmark.data.prepare, "model_pixels", lambda image, how, _: plain(image, how, "uint8")
    )


def gelu_for_quick_gelu(patch: Patch) -> None:
    plain = open_clip.CLIP
    patch.setattr(open_clip, "CLIP", lambda quick_gelu, **keys: plain(quick_gelu=False, **keys))


def pixels_not_normalised(patch: Patch) -> None:
    plain = benchmark.encode.Encoder
    raw = lambda module, mean, std, device: plain(module, (0.0,) * 3, (1.0,) * 3, device)  # noqa: E731
    patch.setattr(benchmark.verify.images, "Encoder", raw)


def other_prompts(patch: Patch) -> None:
    patch.setattr(benchmark.verify.notes, "PROMPTS", ("Healthy", "Glaucoma"))


MUTATIONS: list[tuple[Callable[[Patch], None], str]] = [
    (half_forgotten, "official-terms"),
    (half_forgotten, "fairclip-plus-scores"),
    (normalisation_dropped, "official-terms"),
    (normalisation_dropped, "official-both-normalised"),
    (both_sides_normalised, "official-terms"),
    (plain_instead_of_squared_logits, "official-terms"),
    (plain_instead_of_squared_logits, "logit-shrink"),
    (score_without_scale, "official-terms"),
    (scores_of_the_batch_detached, "official-gradients"),
    (blur_ten_times, "mmd-laplacian"),
    (double_precision_for_single, "official-gradients"),
    (group_weight_doubled, "official-terms"),
    (lambda_doubled, "official-terms"),
    (penalty_trained_as_run, "mmd-as-run"),
    (penalty_never_trained, "official-terms"),
    (contrastive_loss_of_rows, "mmd-gaussian"),
    (kernel_twice_as_wide, "mmd-gaussian"),
    (gaussian_for_laplacian, "mmd-laplacian"),
    (above_instead_of_from_the_threshold, "metrics"),
    (sum_for_the_larger_gap, "metrics"),
    (equity_by_mean_instead_of_sum, "metrics"),
    (logit_scale_in_probabilities, "zero-shot"),
    (note_cut_within_a_word, "note-truncation"),
    (eight_bit_resize, "image-pixels"),
    (gelu_for_quick_gelu, "model-features"),
    (pixels_not_normalised, "model-features"),
    (other_prompts, "note-tokens"),
]


class TestMutations:
    @pytest.mark.parametrize(
        ("mutate", "name"), MUTATIONS, ids=[f"{m.__name__}-{name}" for m, name in MUTATIONS]
    )
    def test_is_caught(
        self,
        mutate: Callable[[Patch], None],
        name: str,
        small_pack_once: Path,
        monkeypatch: Patch,
    ) -> None:
        mutate(monkeypatch)
        (found,) = verify(small_pack_once, only=name)
        assert found.status == "miss"
