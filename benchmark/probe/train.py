"""The probe's loop: batches of a feature array, LARS, predictions of every k-th epoch.

Source: `mae/main_linprobe.py` and `mae/engine_finetune.py` in the code released with FairCLIP.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.batches import SeededBatches, StepBatches
from benchmark.config import RunConfig
from benchmark.data.dataset import SPLITS, Dataset, SplitName
from benchmark.model import LoadedModel
from benchmark.probe.features import FrozenFeatures, frozen_features
from benchmark.probe.head import class_one, make_head, probe_loss
from benchmark.probe.lars import LARS, learning_rate
from benchmark.probe.logistic import LogisticProbe
from benchmark.step import TermFacts
from benchmark.trainer import DivergedError, EpochFacts, Observer, StepFacts
from benchmark.zeroshot import Scores
from variants.linear_probe import LinearProbe


def train_probe(
    config: RunConfig, backbone: LoadedModel, data: Dataset, observer: Observer
) -> nn.Sequential | LogisticProbe:
    """Train a head on frozen features and return it.

    Args:
        config: A run of a `LinearProbe`.
        backbone: The weights that are probed; left untouched.
        data: All three splits, of two classes.
        observer: Told of every step, and of every epoch whose predictions are stored. A step's
            gradient norm is that of the head's parameters: features are constants here.

    Raises:
        DivergedError: at the first step or evaluation with a number that is not finite.
    """
    objective = config.objective
    if not isinstance(objective, LinearProbe):
        raise TypeError(f"{type(objective).__name__} is not a LinearProbe")
    started = time.perf_counter()
    features = frozen_features(config, backbone, data)
    inputs = {name: features.splits[name].inputs(objective.features) for name in SPLITS}
    if objective.solver == "lbfgs":
        return _solve(config, objective, features, inputs, data, observer, started)
    return _descend(config, objective, features, inputs, data, observer, started)


def _solve(
    config: RunConfig,
    objective: LinearProbe,
    features: FrozenFeatures,
    inputs: Mapping[SplitName, NDArray[np.float32]],
    data: Dataset,
    observer: Observer,
    started: float,
) -> LogisticProbe:
    """Fit the reference solver; its solution is epoch 1."""
    label = data.splits["train"].label
    probe = LogisticProbe(
        inputs["train"],
        label,
        inverse_penalty=objective.inverse_penalty,
        threads=config.threads,
    )
    order = StepBatches(np.arange(len(label)), {})
    terms = {"probe": TermFacts(probe.loss(inputs["train"], label), 0.0, 1.0)}
    observer.on_step(StepFacts(1, 1, 1, order, terms))
    _report(1, features, lambda name: probe.score(inputs[name]), observer, started)
    return probe


def _descend(
    config: RunConfig,
    objective: LinearProbe,
    features: FrozenFeatures,
    inputs: Mapping[SplitName, NDArray[np.float32]],
    data: Dataset,
    observer: Observer,
    started: float,
) -> nn.Sequential:
    device, seed = torch.device(config.device), config.seed or 0
    x = {name: torch.from_numpy(array).to(device) for name, array in inputs.items()}
    label = torch.from_numpy(data.splits["train"].label).long().to(device)
    head = make_head(x["train"].shape[1], seed).to(device)
    optimiser = LARS(
        head.parameters(),
        lr=0.0,
        momentum=objective.momentum,
        trust=objective.trust,
        weight_decay=objective.probe_weight_decay,
    )
    peak = objective.probe_lr * objective.probe_batch_size / 256
    batches = SeededBatches(data, seed, objective.probe_batch_size)

    @torch.no_grad()
    def score(name: SplitName) -> NDArray[np.float32]:
        return class_one(head(x[name]), objective.loss).cpu().numpy()

    for epoch in range(1, objective.probe_epochs + 1):
        head.train()
        steps = _whole_batches(batches.epoch(epoch), objective.probe_batch_size)
        for number, step in enumerate(steps, start=1):
            optimiser.param_groups[0]["lr"] = learning_rate(
                epoch - 1 + (number - 1) / len(steps),
                peak=peak,
                warmup=objective.warmup_epochs,
                epochs=objective.probe_epochs,
            )
            rows = torch.from_numpy(step.main).to(device)
            term = _step(head, optimiser, x["train"][rows], label[rows], objective.loss)
            facts = StepFacts(epoch, number, len(steps), step, {"probe": term})
            observer.on_step(facts)
            _check(facts)
        if epoch % objective.store_every == 0 or epoch == objective.probe_epochs:
            head.eval()
            _report(epoch, features, score, observer, started)
            started = time.perf_counter()
    return head


def _whole_batches(steps: list[StepBatches], size: int) -> list[StepBatches]:
    """Leave out the last, smaller batch, as the source does, unless it is the only one."""
    return [step for step in steps if len(step.main) == size] or steps


def _step(head: nn.Module, optimiser: LARS, x: Tensor, label: Tensor, loss: str) -> TermFacts:
    value = probe_loss(head(x), label, loss)
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(value)
    gradients = [p.grad for p in head.parameters() if p.grad is not None]
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    optimiser.step()
    value, norm = torch.stack([value.detach(), norm]).double().tolist()
    return TermFacts(value, norm, 1.0)


def _check(facts: StepFacts) -> None:
    term = facts.terms["probe"]
    if not (math.isfinite(term.value) and math.isfinite(term.gradient_norm)):
        raise DivergedError(
            f"epoch {facts.epoch}, step {facts.step} of {facts.steps}: term 'probe' is "
            f"{term.value:g} with a gradient norm of {term.gradient_norm:g}"
        )


def _report(
    epoch: int,
    features: FrozenFeatures,
    score: Callable[[SplitName], NDArray[np.float32]],
    observer: Observer,
    started: float,
) -> None:
    """Tell the observer the scores of validation and test, with the backbone's similarities."""
    trained = time.perf_counter()
    found = {name: Scores(score(name), features.splits[name].similarity) for name in SPLITS[1:]}
    for name, scores in found.items():
        bad = int((~np.isfinite(scores.score)).sum())
        if bad:
            raise DivergedError(
                f"after epoch {epoch}: {bad} of {len(scores.score)} {name} scores are not finite"
            )
    seconds = {"train": trained - started, "evaluate": time.perf_counter() - trained}
    observer.on_epoch(EpochFacts(epoch, found, features.logit_scale, seconds))
