"""Compares the facts of a replayed training with the recorded ones, as they arise.

Tolerances, from the one that each file states for losses of a step (relative), `t`:

- `steps`: base loss and total loss, relative; a term that is trained on, as its share of the
  recorded total loss. `t`.
- `first distances`: every group's distance at the first step, relative. The weights are the
  recorded ones then, so only rounding in float32 is left: 1e-4.
- `untrained terms`: a term that is recorded and not trained on (the reproduction's MMD scripts),
  relative. geomloss's float32 kernels of width 0.05 magnify rounding in the scores: repetitions
  with one and two threads differed by up to 7e-3. 1e-2.
- `scores`: absolute; `t` times what the file's repetitions (`sensitivity`) moved scores by, over
  what they moved losses by; `t` without that entry.
- `metrics`: ours on the recorded scores, absolute, 1e-12. Ours on our scores: beyond what the
  pairs whose scores lie within twice the tolerance of scores can move an AUC by.
- `norms`: of the final parameters, relative, 100·t. Biases start at 0, and Adam divides a
  gradient by its own size: in replays norms deviated up to 110 times as much as losses.
- labels, names of changed parameters, selected epoch: exact. The epoch is selected from the
  recorded scores and from ours; ours may be another one of equal AUC within the above. It is
  left out where the file says that a float tie decided.
"""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.metrics.auc import auc
from benchmark.selection import SplitScores, select_epoch
from benchmark.trainer import EpochFacts, StepFacts
from benchmark.verify.deviations import Deviations, absolute, relative
from benchmark.verify.epoch_metrics import epoch_metrics, flat
from benchmark.verify.pack import PackError
from benchmark.verify.rebuild import Rebuilt
from benchmark.verify.result import CheckResult
from benchmark.verify.trajectory import Positions, RecordedScores, Trajectory

FIRST_DISTANCES = 1e-4
UNTRAINED_TERMS = 1e-2
METRICS = 1e-12
NORMS_PER_LOSS = 100.0


class Comparison:
    """An observer of the trainer.

    Attributes:
        found: All deviations so far.
    """

    def __init__(self, trajectory: Trajectory, run: Rebuilt) -> None:
        self._trajectory, self._run = trajectory, run
        split = run.data.splits[trajectory.eval_split]
        positions = Positions(run.data, trajectory.eval_split)
        order = positions.of(trajectory.eval_files, f"{trajectory.entry.where}, eval_file_order")
        self._order = order
        self._label = split.label[order]
        self._codes = {name: codes[order] for name, codes in split.attributes.items()}
        self._scores: list[NDArray[np.float32]] = []
        self._recorded: list[NDArray[np.float32]] = []
        self._remarks: list[str] = []
        tolerance, noise = trajectory.tolerance, trajectory.noise
        self._score_tolerance = tolerance * (noise[1] / noise[0] if noise and all(noise) else 1.0)
        self.found = Deviations(
            steps=tolerance,
            first_distances=FIRST_DISTANCES,
            untrained_terms=UNTRAINED_TERMS,
            scores=self._score_tolerance,
            labels=0.0,
            metrics=METRICS,
            norms=NORMS_PER_LOSS * tolerance,
            changed_parameters=0.0,
            selected_epoch=0.0,
        )

    def on_step(self, facts: StepFacts) -> None:
        """Compare terms, distances at the first step, and the total loss."""
        recorded = self._trajectory.steps_of(facts.epoch - 1)[facts.step - 1]
        at, add = f"epoch {recorded.epoch}, step {recorded.step}", self.found.add
        for name, value in self._run.terms_of(recorded).items():
            if name not in facts.terms:
                raise PackError(f"{recorded.where}: the objective has no term '{name}'")
            here = facts.terms[name].value
            if name == "clip":
                add("steps", f"{at}, base loss", here, value, relative(here, value))
            elif weight := facts.terms[name].weight:
                moved = recorded.total_loss + weight * absolute(here, value)
                share = relative(moved, recorded.total_loss)
                add("steps", f"{at}, {name} as a share of the loss", here, value, share)
            else:
                add("untrained_terms", f"{at}, {name}", here, value, relative(here, value))
        total = recorded.total_loss
        add("steps", f"{at}, total loss", facts.loss, total, relative(facts.loss, total))
        if facts.epoch == facts.step == 1:
            parts = [part for term in facts.terms.values() for part in term.parts.items()]
            if len(parts) != len(recorded.distances):
                raise PackError(
                    f"{recorded.where}: {len(recorded.distances)} values in 'distance_per_group'; "
                    f"the objective has {len(parts)}"
                )
            for (name, here), value in zip(parts, recorded.distances, strict=True):
                where = f"{at}, distance of {name}"
                add("first_distances", where, here, value, relative(here, value))

    def on_epoch(self, facts: EpochFacts) -> None:
        """Compare scores and metrics."""
        score = facts.scores[self._trajectory.eval_split].score[self._order]
        self._scores.append(score)
        epoch = facts.epoch - 1
        recorded = self._trajectory.scores(epoch)
        if recorded is None:
            entry = self._trajectory.epochs[epoch]
            for name, here in (("pred_min", score.min()), ("pred_max", score.max())):
                self._compare_score(f"epoch {epoch}, {name}", float(here), entry.number(name))
        else:
            for file, here, there in zip(
                self._trajectory.eval_files, score.tolist(), recorded.score.tolist(), strict=True
            ):
                self._compare_score(f"epoch {epoch}, score of {file}", here, there)
            self._recorded.append(recorded.score)
            self._compare_labels(epoch, recorded)
            self._compare_metrics(epoch, recorded.score)
        self._compare_auc(epoch, score)

    def on_divergence(self, message: str) -> None:
        """Take note that the replay did not get to its end."""
        self.found.add("steps", f"diverged, {message}", inf, "a finite loss", inf)

    def on_end(self, module: nn.Module) -> None:
        """Compare the final parameters and the selected epoch."""
        initial = self._run.model.module.state_dict()
        final = {name: tensor.detach() for name, tensor in module.state_dict().items()}
        here = {name for name in final if not torch.equal(final[name], initial[name])}
        recorded = set(self._trajectory.changed_parameters)
        difference = sorted(here ^ recorded)
        self.found.add(
            "changed_parameters",
            f"changed parameters, such as {difference[0]}" if difference else "changed parameters",
            len(here),
            len(recorded),
            float(len(difference)),
        )
        for name, norm in self._trajectory.norms.items():
            value = float(final[name].double().norm()) if name in final else inf
            deviation = relative(value, norm)
            self.found.add("norms", f"final norm of {name}", value, norm, deviation)
        self._compare_selected()

    def result(self, name: str) -> CheckResult:
        """Return the outcome: the kind that misses first, or the steps if none does."""
        found, worst = self.found, self.found.worst
        kinds = [str(kind) for kind in found.kinds.values() if kind.cases]
        note = "; ".join([f"largest: {worst.where}", *kinds, *self._remarks])
        if not found.passes:
            note = f"first: {found.first}; {note}"
        return CheckResult(
            name=name,
            status="pass" if found.passes else "miss",
            cases=found.cases,
            deviation=worst.largest,
            tolerance=worst.tolerance,
            note=note,
        )

    def _compare_score(self, where: str, here: float, recorded: float) -> None:
        self.found.add("scores", where, here, recorded, absolute(here, recorded))

    def _compare_labels(self, epoch: int, recorded: RecordedScores) -> None:
        columns = [self._label, *self._codes.values()]
        names = ["label", *self._codes]
        theirs = [recorded.label, *recorded.codes.T]
        for name, here, there in zip(names, columns, theirs, strict=True):
            unequal = float(np.count_nonzero(here != there))
            where = f"epoch {epoch}, {name} of the evaluated samples"
            self.found.add("labels", where, here.tolist(), there.tolist(), unequal)

    def _compare_metrics(self, epoch: int, score: NDArray[np.float32]) -> None:
        here = epoch_metrics(self._label, score, self._codes, self._run.data.schema)
        recorded = self._trajectory.metrics(epoch, here)
        unknown = 0
        for name, value in flat(here).items():
            # fairlearn counts an undefined rate as 0, here a one-class group is not estimable.
            if name.startswith("eod") and isnan(value) and not isnan(recorded[name]):
                unknown += 1
                continue
            where = f"epoch {epoch}, {name} of the recorded scores"
            deviation = absolute(value, recorded[name])
            self.found.add("metrics", where, value, recorded[name], deviation)
        if unknown:
            self._remarks.append(f"epoch {epoch}: {unknown} eod not estimable here, left out")

    def _compare_auc(self, epoch: int, score: NDArray[np.float32]) -> None:
        recorded = self._trajectory.epochs[epoch].number("auc")
        here = auc(self._label, score)
        beyond = max(0.0, absolute(here, recorded) - self._slack(score))
        self.found.add("metrics", f"epoch {epoch}, auc", here, recorded, beyond)

    def _slack(self, score: NDArray[np.float32]) -> float:
        """Return by how much scores within their tolerance can move the AUC."""
        positive, negative = score[self._label == 1], score[self._label == 0]
        gaps = np.abs(positive[:, None].astype(np.float64) - negative[None, :])
        return float(np.mean(gaps <= 2 * self._score_tolerance)) if gaps.size else 0.0

    def _compare_selected(self) -> None:
        recorded = self._trajectory.selected_epoch
        if self._trajectory.float_tie:
            self._remarks.append(f"selected epoch {recorded} rests on a float tie, left out")
            return
        where = f"selected epoch by {self._trajectory.rule}"
        if self._recorded:
            found = self._selected(self._recorded)
            there = f"{where} of the recorded scores"
            self.found.add("selected_epoch", there, found, recorded, float(found != recorded))
        here = self._selected(self._scores)
        if here is not None and here != recorded:
            scores = self._scores[here], self._scores[recorded]
            best, theirs = (auc(self._label, score) for score in scores)
            if best - theirs <= sum(self._slack(score) for score in scores):
                self._remarks.append(f"{where}: {here} here, of equal AUC within tolerance")
                return
        self.found.add("selected_epoch", where, here, recorded, float(here != recorded))

    def _selected(self, scores: list[NDArray[np.float32]]) -> int | None:
        split = SplitScores(np.stack(scores), self._label)
        return select_epoch(self._trajectory.rule, range(len(scores)), val=split, test=split).epoch
