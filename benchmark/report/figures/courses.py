"""Where the curves of a comparison come from: the stored runs of the arms that are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from benchmark.keep_ahead import keep_ahead
from benchmark.report.figures.kept_curves import kept_curves, lacks_curves
from benchmark.report.figures.stored import Curves, Terms, terms_of
from benchmark.report.figures.view import View


class Courses:
    """The curves of all runs that figures show, each run read once and its curves kept.

    What is kept of a run is a few numbers an epoch, so hundreds of runs take little memory.
    """

    def __init__(self, view: View) -> None:
        self.view = view

    @cached_property
    def _rules(self) -> Mapping[str, Mapping[str, str]]:
        """Arm → the attributes on which a figure shows it → its main rule."""
        found: dict[str, dict[str, str]] = {}
        for block in self.view.blocks:
            for panel in block.panels:
                for entry in panel.shown:
                    found.setdefault(entry.id, {})[panel.attribute] = entry.rule
        return found

    def _selected(self, arm: str, seed: int) -> dict[str, int]:
        """Return attribute → the epoch that the main rule selects."""
        epochs = {a: self.view.epochs(arm, a, rule) for a, rule in self._rules[arm].items()}
        return {a: by_seed[seed] for a, by_seed in epochs.items() if seed in by_seed}

    @cached_property
    def curves(self) -> Mapping[str, Mapping[int, Curves]]:
        """Arm → seed → metrics by epoch."""
        threshold = self.view.found.threshold
        asked = {
            arm: {
                seed: (run, [*rules], threshold, self._selected(arm, seed))
                for seed, run in self.view.runs_of(arm)
            }
            for arm, rules in self._rules.items()
        }
        every = [task for by_seed in asked.values() for task in by_seed.values()]
        keep_ahead(kept_curves, [task for task in every if lacks_curves(*task)])
        return {
            arm: {seed: curves for seed, task in by_seed.items() if (curves := kept_curves(*task))}
            for arm, by_seed in asked.items()
        }

    @cached_property
    def terms(self) -> Mapping[str, Mapping[int, Terms]]:
        """Arm → seed → terms, distances and whatever else was recorded, by epoch."""
        return {
            arm: {seed: terms_of(run) for seed, run in self.view.runs_of(arm)}
            for arm in self._rules
        }

    def metric(self, arm: str, split: str, attribute: str, metric: str) -> list[dict[int, float]]:
        """Return for each seed epoch → value."""
        found = []
        for curves in self.curves[arm].values():
            values = curves.metrics.get((split, attribute, metric))
            if values is not None:
                found.append(dict(zip(curves.epochs.tolist(), values.tolist(), strict=True)))
        return found

    def term(self, arm: str, kind: str, name: str) -> list[dict[int, float]]:
        """Return for each seed epoch → value of what was recorded under a kind and name."""
        values = (terms.values.get((kind, name)) for terms in self.terms[arm].values())
        return [dict(found) for found in values if found]

    def names(self, arms: Iterable[str], kind: str) -> list[str]:
        """Return the names recorded under a kind by any of some arms."""
        return list(
            dict.fromkeys(
                name
                for arm in arms
                for terms in self.terms[arm].values()
                for found, name in terms.values
                if found == kind
            )
        )

    def distance(self, arm: str, split: str, attribute: str) -> dict[int, dict[int, float]]:
        """Return seed → epoch → sum over groups of the distance to everyone's scores."""
        prefix = f"{split}/{attribute}/"
        found = {}
        for seed, terms in self.terms[arm].items():
            groups = [
                by_epoch
                for (kind, name), by_epoch in terms.values.items()
                if kind == "distance" and name.startswith(prefix)
            ]
            if groups:
                shared = sorted(set.intersection(*map(set, groups)))
                found[seed] = {epoch: sum(group[epoch] for group in groups) for epoch in shared}
        return found
