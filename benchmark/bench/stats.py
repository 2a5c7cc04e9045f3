"""How long the bootstrap takes, and a loop over scikit-learn and fairlearn for the same work.

Simulated runs of the size of Harvard-FairVLMed: 2,000 test samples, four attributes with its
group shares. Times are processor seconds, so other work on the machine counts little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from benchmark.bench.figure import Figure
from benchmark.bench.measure import peak_memory, seconds
from benchmark.metrics.inputs import BoolArray, FloatArray, IntArray
from benchmark.stats import crossed
from benchmark.stats.bootstrap import resample_metrics
from benchmark.stats.mrmc import obuchowski_rockette
from benchmark.stats.permuted_gaps import permuted_gaps
from benchmark.stats.resampling import strata

SHARES = {
    "race": (0.08, 0.15, 0.77),
    "gender": (0.56, 0.44),
    "ethnicity": (0.96, 0.04),
    "language": (0.92, 0.02, 0.06),
}
"""Attribute → share of each group, about those of Harvard-FairVLMed."""

COMPARED = ("auc", "es_auc", "worst_group_auc", "auc_gap", "accuracy", "dpd", "deodds")


@dataclass(frozen=True)
class Sizes:
    """How much work is measured.

    Attributes:
        samples: In the test set.
        resamples: Of each bootstrap.
        variants: The baseline included.
        seeds: Of each variant.
        permutations: For each run and attribute of the battery.
        looped: Resamples that the loop makes for each attribute; its time is scaled up.
    """

    samples: int = 2000
    resamples: int = 10_000
    variants: int = 9
    seeds: int = 10
    permutations: int = 1000
    looped: int = 5


FULL = Sizes()


def bench_stats(
    progress: Callable[[str], None] = lambda _: None, sizes: Sizes = FULL
) -> list[Figure]:
    """Return the seconds of one run, of the loop for it, their ratio, and of the battery."""
    data = _Simulated(sizes)
    progress("one run")
    _one_run(data, replace(sizes, resamples=1))  # imports and caches
    one = seconds(lambda: _one_run(data, sizes))
    progress("the same by a loop over scikit-learn and fairlearn")
    loop, note = _loop(data, sizes)
    progress("the battery")
    battery = seconds(lambda: _battery(data, sizes))
    count = f"{sizes.resamples:,} resamples"
    runs = f"{sizes.variants} variants × {len(SHARES)} attributes × {sizes.seeds} seeds"
    return [
        Figure("one run", one, "s", "< 2 s", f"{len(SHARES)} attributes, {count}"),
        Figure("loop", loop, "s", "", note),
        Figure("loop / one run", loop / one, "×", "> 200 ×", "the same metrics and resamples"),
        Figure("battery", battery, "s", "< 180 s on 2 cores", f"{runs}, {count}, on one core"),
        Figure("peak memory", peak_memory(), "MB", "< 2000 MB", "of this process, all of it"),
    ]


class _Simulated:
    """Labels, codes, and scores (variants, seeds, N) that differ by noise alone."""

    def __init__(self, sizes: Sizes) -> None:
        rng = np.random.default_rng(0)
        n = sizes.samples
        self.label: BoolArray = rng.random(n) < 0.5
        self.codes: dict[str, IntArray] = {}
        for name, share in SHARES.items():
            end = np.rint(np.cumsum(share) * n)
            self.codes[name] = rng.permutation(np.searchsorted(end, np.arange(n), side="right"))
        logit = rng.normal(size=n) + self.label - 0.5
        noise = rng.normal(size=(sizes.variants, sizes.seeds, n))
        self.scores: FloatArray = 1 / (1 + np.exp(-logit - 0.5 * noise))

    def attributes(self) -> Iterator[tuple[IntArray, Sequence[str]]]:
        """Yield codes and group names of each attribute."""
        for name, codes in self.codes.items():
            yield codes, [f"{name} {i}" for i in range(len(SHARES[name]))]


def _one_run(data: _Simulated, sizes: Sizes) -> None:
    for codes, groups in data.attributes():
        found = resample_metrics(
            data.label, data.scores[0, :1], codes, groups, n_resamples=sizes.resamples
        )
        for metric, group in found.resampled:
            found.contrast(metric, group, [1.0])


def _battery(data: _Simulated, sizes: Sizes) -> None:
    """Compare every variant with the first, for each attribute; and permute every run's groups."""
    baseline = data.scores[0]
    for codes, groups in data.attributes():
        for scores in data.scores[1:]:
            found = crossed.bootstrap(
                data.label, scores, baseline, codes, groups, n_resamples=sizes.resamples
            )
            for metric in COMPARED:
                found.test(metric)
                found.split(metric)
            obuchowski_rockette(data.label, scores, baseline)
        for score in data.scores.reshape(-1, data.scores.shape[-1]):
            permuted_gaps(data.label, score, codes, groups, permutations=sizes.permutations)


def _loop(data: _Simulated, sizes: Sizes) -> tuple[float, str]:
    """Return the seconds that `_one_run` takes by a loop over resamples, and how that is known."""
    try:
        from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
        from sklearn.metrics import accuracy_score, recall_score, roc_auc_score
    except ImportError as error:
        return nan, f"not measured: {error.name} is missing; pip install 'fairbench[dev]'"
    label, score = data.label.astype(int), data.scores[0, 0]
    predicted = (score >= 0.5).astype(int)
    rng = np.random.default_rng(0)

    def drawn(stratum: IntArray) -> IntArray:
        members = [np.flatnonzero(stratum == s) for s in range(stratum.max() + 1)]
        return np.concatenate([rng.choice(samples, len(samples)) for samples in members])

    def resample(codes: IntArray) -> None:
        at = drawn(strata(codes, label))
        of = [at, *(at[codes[at] == g] for g in range(codes.max() + 1))]
        for part in of:
            roc_auc_score(label[part], score[part])
            recall_score(label[part], predicted[part])
            recall_score(label[part], predicted[part], pos_label=0)
        equalized_odds_difference(label[at], predicted[at], sensitive_features=codes[at])
        at = drawn(codes)
        for part in (at, *(at[codes[at] == g] for g in range(codes.max() + 1))):
            accuracy_score(label[part], predicted[part])
        demographic_parity_difference(label[at], predicted[at], sensitive_features=codes[at])

    def work() -> None:
        for codes in data.codes.values():
            for _ in range(sizes.looped):
                resample(codes)

    work()  # imports and caches
    took = seconds(work) * sizes.resamples / sizes.looped
    return took, f"scikit-learn and fairlearn, {sizes.looped} resamples an attribute, scaled up"
