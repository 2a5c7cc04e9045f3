"""Distance between score distributions against the gap that it is meant to close."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.report.figures.courses import Courses
from benchmark.report.figures.plane import Axis, cloud_of, metric_axis, plane_figure
from benchmark.report.figures.view import Entry, Panel, View, in_block
from benchmark.report.model import Figure

CAPTION = (
    "Each small mark is a run at its selected epoch: the distance between each group's test scores "
    "and everyone's (½W₂² of the logits, summed over groups, exactly), and the gap that such a "
    "distance is minimised for; large marks are means. See whether runs with a smaller distance "
    "have a smaller gap, within a variant too. Variants differ in more than their distance, so a "
    "slope across variants is not the effect of the distance.{left_out}"
)


def distance_figures(view: View, courses: Courses) -> list[Figure]:
    """Return for each block the distances and gaps of all runs, a panel an attribute."""
    x = Axis("distance Σ ½W₂² on test", form=".3g", log=True)
    figures = []
    for block in view.blocks:
        found = {}
        for panel in block.panels:
            clouds = [
                cloud_of(
                    entry.name,
                    entry.look,
                    _distances(view, courses, panel, entry),
                    view.values(entry.id, panel.attribute, entry.rule, view.gap),
                )
                for entry in panel.shown
            ]
            if any(cloud.seeds for cloud in clouds):
                found[panel.attribute] = clouds
        if found:
            figures.append(
                plane_figure(
                    found,
                    x,
                    metric_axis(view.gap),
                    id=f"distance-{block.anchor}",
                    title=in_block("Distance and gap", block.title),
                    caption=CAPTION,
                )
            )
    return figures


def _distances(view: View, courses: Courses, panel: Panel, entry: Entry) -> Mapping[int, float]:
    """Return seed → distance at the selected epoch."""
    by_seed = courses.distance(entry.id, "test", panel.attribute)
    selected = view.epochs(entry.id, panel.attribute, entry.rule)
    return {
        seed: distances[selected[seed]]
        for seed, distances in by_seed.items()
        if seed in selected and selected[seed] in distances
    }
