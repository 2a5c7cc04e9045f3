"""The accuracy–fairness plane of a table of runs, such as a sweep of one key."""

from __future__ import annotations

import pandas as pd

from benchmark.report.figures.plane import CAPTION, cloud_of, metric_axis, plane_figure, with_front
from benchmark.report.figures.style import looks
from benchmark.report.model import Figure
from benchmark.summary import NO_SEED


def pareto_figure(
    points: pd.DataFrame,
    *,
    id: str,
    title: str,
    x: str = "auc",
    y: str = "deodds",
    baseline: str = "",
    caption: str = CAPTION,
) -> Figure:
    """Return seed clouds, means and the Pareto front of the means, one panel an attribute.

    Args:
        points: Tidy, a row a run and metric: `name` (such as `fairclip, λ = 1e-07`),
            `attribute`, `metric` (a key of `METRICS`), `seed` (missing where there is none)
            and `value` (a fraction; NaN where there is none).
        id: Of the figure.
        title: Of the figure.
        x: A metric.
        y: Another.
        baseline: The name drawn in grey.
        caption: What to see, and what not to conclude; `{left_out}` is replaced by who is not
            drawn.

    Raises:
        ValueError: a column is missing.
    """
    lacking = {"name", "attribute", "metric", "seed", "value"} - set(points.columns)
    if lacking:
        raise ValueError(f"points have no column {', '.join(sorted(lacking))}")
    axes = metric_axis(x), metric_axis(y)
    look = looks(points["name"].map(str), [baseline])
    found = {}
    for attribute, here in points.dropna(subset="value").groupby("attribute", sort=False):
        clouds = [
            cloud_of(str(name), look[str(name)], _by_seed(part, x), _by_seed(part, y))
            for name, part in here.groupby("name", sort=False)
        ]
        found[str(attribute)] = with_front(clouds, *axes)
    return plane_figure(found, *axes, id=id, title=title, caption=caption)


def _by_seed(points: pd.DataFrame, metric: str) -> dict[int, float]:
    rows = points[points["metric"] == metric]
    seeds = rows["seed"].fillna(NO_SEED).astype(int)
    return dict(zip(seeds.tolist(), rows["value"].tolist(), strict=True))
