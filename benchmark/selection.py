"""Which epoch a rule reports, from the stored scores of every epoch.

AUCs are exact fractions (integers 2U over 2·n1·n0), so two epochs tie exactly or not at all,
and the later of tied epochs is chosen. The official code also prefers the later (`<=`), but
compares sums of floats, where the last bit of two equal AUCs decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from benchmark.errors import FairbenchError, unknown_name
from benchmark.metrics.auc import mann_whitney_u2
from benchmark.metrics.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    as_class_scores,
    as_classes,
    as_codes,
    as_labels,
    as_score_rows,
    class_counts,
    in_words,
)


@dataclass(frozen=True)
class SelectionInfo:
    """What `fairbench list selections` prints, and what a rule looks at."""

    description: str
    source: str
    needs_attribute: bool = False
    needs_validation: bool = True


SELECTIONS: dict[str, SelectionInfo] = {
    "last": SelectionInfo(
        "the last epoch", "no selection: nothing is looked at", needs_validation=False
    ),
    "val-auc": SelectionInfo("best AUC on validation", "the reproduction of FairCLIP, 2025"),
    "val-es-auc": SelectionInfo(
        "best ES-AUC of the attribute on validation",
        "fairbench, with ES-AUC of Luo et al., IEEE TMI 2024",
        needs_attribute=True,
    ),
    "val-worst-group-auc": SelectionInfo(
        "best AUC of the worst group on validation",
        "fairbench, after Sagawa et al., ICLR 2020 (worst-group accuracy on validation)",
        needs_attribute=True,
    ),
    "test-auc": SelectionInfo(
        "best AUC on the test set it then reports: a leak, for comparison with published tables",
        "official code of FairCLIP, CVPR 2024",
        needs_validation=False,
    ),
}


NO_VALIDATION = (
    "no validation scores were imported, so no rule on validation can be applied; compare with "
    f"--selection {' or '.join(name for name, i in SELECTIONS.items() if not i.needs_validation)}"
)
"""The reason where a run has no validation scores."""


@dataclass(frozen=True)
class SplitScores:
    """The stored predictions of one split over the epochs of one run.

    Attributes:
        score: (E, N) of a binary label, (E, N, C) of one with C classes.
        label: (N,), 0 or 1, or 0 to C - 1.
        codes: (N,), group codes of the attribute, -1 for unknown; None without attribute.
        classes: C names for reasons; the numbers 0 to C - 1 if empty. Unused for a binary label.
    """

    score: ArrayLike
    label: ArrayLike
    codes: ArrayLike | None = None
    classes: Sequence[str] = ()

    @property
    def class_names(self) -> Sequence[str]:
        """The names of C classes; empty for a binary label."""
        if np.ndim(self.score) < 3:
            return ()
        return self.classes or [str(c) for c in range(np.shape(self.score)[2])]


@dataclass(frozen=True)
class Selected:
    """The answer of a rule.

    Attributes:
        epoch: One of the epochs given; None if the rule's criterion cannot be estimated.
        value: The criterion at that epoch, a fraction. NaN for `last`, which has none.
        reason: Why epoch is None, with the counts; "" otherwise.
    """

    epoch: int | None
    value: float
    reason: str = ""


class _NotEstimableError(Exception):
    """A criterion has no value; the message is the reason."""


def select_epoch(
    rule: str,
    epochs: Sequence[int],
    *,
    val: SplitScores | None,
    test: SplitScores,
    groups: Sequence[str] = (),
) -> Selected:
    """Return the epoch that a rule reports: the best, and the latest of exact ties.

    Group criteria are over the groups present; as in `benchmark.metrics.evaluate`, samples of
    unknown group count in the overall AUC only, and a present group with one class leaves the
    criterion without a value. Only the split that the rule names is looked at. With several
    classes an AUC is the unweighted mean over classes of the one-vs-rest AUC, here as there.

    Args:
        rule: A key of `SELECTIONS`.
        epochs: The E epoch numbers, increasing.
        val: Validation scores (E, N) and labels, for the group rules with codes; None where
            there are none, which leaves only the rules that need none.
        test: The same of the test split, looked at by `test-auc` only.
        groups: Group names of the attribute, for the group rules.

    Raises:
        FairbenchError: unknown rule, or a group rule without an attribute.
        ValueError: epochs not increasing, unequal lengths, labels that are no class, codes
            outside -1..G-1, or scores that are not finite.
    """
    if rule not in SELECTIONS:
        raise unknown_name("selection rule", rule, SELECTIONS)
    if val is None and SELECTIONS[rule].needs_validation:
        return Selected(None, float("nan"), NO_VALIDATION)
    if SELECTIONS[rule].needs_attribute and (val is None or val.codes is None):
        raise FairbenchError(
            f"selection rule '{rule}' needs an attribute and none was given; name one, or use "
            "'val-auc'"
        )
    if any(later <= earlier for earlier, later in pairwise(epochs)):
        raise ValueError(f"epochs are {list(epochs)}; expected increasing numbers")
    if not epochs:
        return Selected(None, float("nan"), "no epoch was recorded")
    if rule == "last":
        return Selected(epochs[-1], float("nan"))
    try:
        criterion = _criterion(rule, test if val is None else val, test, groups)
    except _NotEstimableError as reason:
        return Selected(None, float("nan"), str(reason))
    if len(criterion) != len(epochs):
        raise ValueError(f"scores of {len(criterion)} epochs for {len(epochs)} epoch numbers")
    value, epoch = max(zip(criterion, epochs, strict=True))
    return Selected(epoch, float(value))


def _criterion(
    rule: str, val: SplitScores, test: SplitScores, groups: Sequence[str]
) -> list[Fraction]:
    """Return what the rule maximises, one exact value an epoch."""
    match rule:
        case "test-auc":
            return _auc(*_checked(test), test.class_names, "the test set")
        case "val-auc":
            return _auc(*_checked(val), val.class_names, "validation")
        case "val-worst-group-auc":
            return [min(epoch) for epoch in zip(*_group_aucs(val, groups), strict=True)]
        case "val-es-auc":
            overall = _auc(*_checked(val), val.class_names, "validation")
            by_epoch = zip(*_group_aucs(val, groups), strict=True)
            return [
                x / (1 + sum(abs(x - x_g) for x_g in epoch))
                for x, epoch in zip(overall, by_epoch, strict=True)
            ]
    raise AssertionError(f"rule '{rule}' is registered without a criterion")


def _group_aucs(split: SplitScores, groups: Sequence[str]) -> list[list[Fraction]]:
    """Return for each group present its AUC at each epoch."""
    label, score = _checked(split)
    codes = as_codes(np.asarray(split.codes), len(label), groups)
    present = np.unique(codes[codes >= 0])
    if not len(present):
        raise _NotEstimableError("no validation sample has a known group")
    aucs = []
    for g in present:
        inside, who = codes == g, f"group '{groups[g]}' of validation"
        aucs.append(_auc(label[inside], score[:, inside], split.class_names, who))
    return aucs


def _checked(split: SplitScores) -> tuple[IntArray, FloatArray]:
    """Return labels (N,) and scores (E, N) or (E, N, C)."""
    if n_classes := len(split.class_names):
        label = as_classes(split.label, n_classes)
        return label, as_class_scores(split.score, len(label), n_classes)
    label = as_labels(split.label).astype(np.int64)
    return label, as_score_rows(split.score, len(label))


def _auc(label: IntArray, score: FloatArray, classes: Sequence[str], who: str) -> list[Fraction]:
    """Return the exact AUC of each epoch; with several classes the mean over them."""
    if not classes:
        return _binary_auc(label == 1, score, f"{who} has {class_counts(label == 1)}")
    counts = in_words(np.bincount(label, minlength=len(classes)).tolist(), classes)
    by_class = [
        _binary_auc(label == c, score[:, :, c], f"{who} has {counts}") for c in range(len(classes))
    ]
    return [sum(epoch, Fraction()) / len(epoch) for epoch in zip(*by_class, strict=True)]


def _binary_auc(positive: BoolArray, score: FloatArray, reason: str) -> list[Fraction]:
    n1 = int(np.count_nonzero(positive))
    pairs = n1 * (len(positive) - n1)
    if pairs == 0:
        raise _NotEstimableError(reason)
    return [Fraction(int(u2), 2 * pairs) for u2 in mann_whitney_u2(positive, score)]
