"""The score from which a sample counts as predicted positive, chosen on validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from benchmark.errors import FairbenchError, unknown_name
from benchmark.metrics.inputs import as_labels, as_scores, class_counts

THRESHOLDS: dict[str, str] = {
    "0.5": "score >= 0.5, as published; near-half CLIP scores make it degenerate easily",
    "youden": "maximises TPR - FPR on validation (Youden, Cancer 3(1), 1950)",
    "rate": "the predicted positive rate on validation is nearest to the prevalence",
}


def threshold_for(rule: str, label: ArrayLike, score: ArrayLike) -> float:
    """Return the threshold t of a rule; the decision is score >= t.

    `youden` and `rate` choose among the scores that occur, compare in integers, and take the
    highest of tied thresholds: the fewest predicted positives.

    Args:
        rule: A key of `THRESHOLDS`.
        label: (N,), 0 or 1, of the validation samples.
        score: (N,).

    Raises:
        FairbenchError: unknown rule, or a rule other than `0.5` and one class only.
        ValueError: lengths differ, labels other than 0 and 1, NaN or infinite scores.
    """
    if rule not in THRESHOLDS:
        raise unknown_name("threshold rule", rule, THRESHOLDS)
    if rule == "0.5":
        return 0.5
    positive = as_labels(label)
    scores = as_scores(score, len(positive))
    n1 = int(np.count_nonzero(positive))
    n0 = len(positive) - n1
    if n1 == 0 or n0 == 0:
        raise FairbenchError(
            f"threshold rule '{rule}' needs both classes, validation has "
            f"{class_counts(positive)}; use '0.5'"
        )
    candidate, inverse = np.unique(scores, return_inverse=True)
    predicted = np.bincount(inverse)[::-1].cumsum()  # from the highest candidate down
    true_positive = np.bincount(inverse[positive], minlength=len(candidate))[::-1].cumsum()
    if rule == "youden":
        merit = true_positive * n0 - (predicted - true_positive) * n1
    else:
        merit = -np.abs(predicted - n1)
    return float(candidate[::-1][np.argmax(merit)])
