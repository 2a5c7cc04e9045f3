"""The metrics of one evaluation, in the layout in which trajectories record them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchmark.data.dataset import Schema
from benchmark.metrics.as_official import as_official
from benchmark.metrics.evaluate import evaluate


def epoch_metrics(
    label: ArrayLike, score: ArrayLike, codes: Mapping[str, ArrayLike], schema: Schema
) -> dict[str, Any]:
    """Return the metrics under their recorded names.

    Args:
        label: (N,).
        score: (N,).
        codes: Attribute → (N,), for every attribute of the schema.
        schema: Attributes in its order are the positions of the lists.

    Returns:
        `acc` and `auc`; `es_acc`, `es_auc`, `dpd` and `eod`, one value an attribute; `group_aucs`,
        one list over the groups present an attribute; `between_group_disparity`, the standard
        deviation and the range of group AUCs over the AUC, as `as_official` reads groups. NaN
        where not estimable.
    """
    found: dict[str, Any] = {"acc": np.nan, "auc": np.nan}
    lists: dict[str, list[Any]] = {
        name: []
        for name in ("es_acc", "es_auc", "group_aucs", "dpd", "eod", "between_group_disparity")
    }
    for attribute, groups in schema.attributes.items():
        rows = evaluate(label, score, codes[attribute], groups, permutations=1)
        value = {(row.metric, row.group): row.value for row in rows}
        found |= {"acc": value["accuracy", ""], "auc": value["auc", ""]}
        official = as_official(label, score, codes[attribute])
        lists["es_acc"].append(value["es_accuracy", ""])
        lists["es_auc"].append(value["es_auc", ""])
        lists["group_aucs"].append(
            [value["group_auc", group] for group in groups if value["n", group]]
        )
        lists["dpd"].append(value["dpd", ""])
        lists["eod"].append(value["deodds", ""])
        lists["between_group_disparity"].append(list(official.disparity))
    return found | lists


def flat(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return every number of nested lists under a name such as `group_aucs[0][2]`."""
    found: dict[str, float] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, list):
            for position, part in enumerate(value):
                add(f"{name}[{position}]", part)
        else:
            found[name] = float(value)

    for name, value in metrics.items():
        add(name, value)
    return found
