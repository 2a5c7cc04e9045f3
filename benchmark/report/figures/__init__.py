"""Figures of a report, each with the table of its numbers.

`comparison_figures` has those of a comparison; `waterfall_figure`, `dose_response_figure` and
`pareto_figure` are for others. Tables are made at once, drawings when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.report.figures.by_group import group_curve_figures
from benchmark.report.figures.courses import Courses
from benchmark.report.figures.distance import distance_figures
from benchmark.report.figures.dose_response import dose_response_figure
from benchmark.report.figures.forest import forest_figures
from benchmark.report.figures.groups import chance_figures, count_figures
from benchmark.report.figures.pareto import pareto_figure
from benchmark.report.figures.plane import plane_figures
from benchmark.report.figures.ranks import rank_figures
from benchmark.report.figures.rules import rule_figures
from benchmark.report.figures.slopes import slope_figures
from benchmark.report.figures.training import training_figures
from benchmark.report.figures.view import View
from benchmark.report.figures.waterfall import waterfall_figure
from benchmark.report.model import Figure

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

__all__ = ["comparison_figures", "dose_response_figure", "pareto_figure", "waterfall_figure"]


def comparison_figures(found: Comparison) -> dict[str, list[Figure]]:
    """Return the figures of a comparison by the section that they belong to.

    Test metrics are those of the comparison; curves over epochs, and ROC and calibration, are
    read from the stored runs, each once. A list is empty where there is nothing to draw.

    Args:
        found: The comparison.

    Raises:
        FairbenchError: a run's files cannot be read.
    """
    view = View(found)
    courses = Courses(view)
    return {
        "verdicts": forest_figures(view),
        "levels": slope_figures(view),
        "tradeoff": plane_figures(view),
        "training": training_figures(view, courses),
        "ranking": rank_figures(view),
        "selection": rule_figures(view, courses),
        "distance": distance_figures(view, courses),
        "calibration": group_curve_figures(view, courses),
        "groups": [*count_figures(view), *chance_figures(view)],
    }
