"""How often the group-sequential rule is wrong, and boundaries for known variances beside it.

`python -m benchmark.sequential.calibration --out docs/figures` simulates both and draws them.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from scipy import optimize, stats

from benchmark.sequential.rule import (
    LOOKS,
    BoolArray,
    FloatArray,
    sequential_verdicts,
    standard_errors,
)

EVERY = tuple(range(3, 21))
"""A look after every seed from three to twenty."""


@dataclass(frozen=True)
class ErrorRate:
    """A simulated error rate.

    Attributes:
        rate: Share of simulated families with a false verdict.
        error: Its Monte Carlo standard error.
    """

    rate: float
    error: float


def family_errors(
    truth: Sequence[float],
    margins: Sequence[float],
    looks: Sequence[int] = LOOKS,
    alpha: float = 0.05,
    *,
    simulations: int = 20_000,
    correlation: float = 0.5,
    seed: int = 0,
) -> ErrorRate:
    """Return how often the rule gives any false verdict in a family of normal differences.

    False are: better or worse where the true difference is zero or of the other sign, and
    equivalent where it is a margin or more.

    Args:
        truth: (M,), true differences, in standard deviations of a paired difference.
        margins: (M,), in the same unit.
        looks: Numbers of seeds.
        alpha: Of the rule.
        simulations: How many families.
        correlation: Between claims at one seed: they share a baseline.
        seed: Of the simulation.
    """
    true, margin = np.array(truth, np.float64), np.array(margins, np.float64)
    rng = np.random.default_rng(seed)
    size = (simulations, len(true), looks[-1])
    shared = rng.normal(size=(simulations, 1, looks[-1]))
    noise = sqrt(correlation) * shared + sqrt(1 - correlation) * rng.normal(size=size)
    found = sequential_verdicts(noise + true[:, None], margin, looks, alpha)
    wrong = found.better & (true <= 0) | found.worse & (true >= 0)
    wrong |= found.equivalent & (np.abs(true) >= margin)
    return _rate(np.asarray(wrong.any(axis=1)))


def boundary_error(
    looks: Sequence[int], boundary: float, *, simulations: int = 20_000, seed: int = 0
) -> ErrorRate:
    """Return how often |t| of normal differences of mean zero passes a boundary at any look."""
    values = np.random.default_rng(seed).normal(size=(simulations, looks[-1]))
    passed = np.zeros(simulations, np.bool_)
    for n in looks:
        part: FloatArray = values[:, :n]
        passed |= np.abs(part.mean(axis=1) / standard_errors(part)) > boundary
    return _rate(passed)


def pocock_boundary(looks: Sequence[int], alpha: float = 0.05) -> float:
    """Return the constant that |z| passes at any look with probability α where σ is known.

    Source: Pocock, "Group sequential methods in the design and analysis of clinical trials",
        Biometrika 64(2), 1977; here for looks that need not be equally far apart.
    """
    n = np.array(looks, np.float64)
    correlation = np.sqrt(np.minimum.outer(n, n) / np.maximum.outer(n, n))
    joint = stats.multivariate_normal(np.zeros(len(n)), correlation, seed=0)

    def excess(c: float) -> float:
        ends = np.full(len(n), c)
        return float(1 - joint.cdf(ends, lower_limit=-ends, rng=np.random.default_rng(0)) - alpha)

    return float(optimize.brentq(excess, 1.9, 5.0, xtol=1e-4))


def _rate(wrong: BoolArray) -> ErrorRate:
    rate = float(wrong.mean())
    return ErrorRate(rate, sqrt(rate * (1 - rate) / len(wrong)))


def draw(out: Path, simulations: int = 20_000) -> Path:
    """Simulate rule and boundaries, print every number, and draw them to `sequential.svg`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    sizes = (1, 2, 4, 8)
    for label, truth, margin in (
        ("no difference, margin 0.5 SD", 0.0, 0.5),
        ("no difference, margin 3 SD", 0.0, 3.0),
        ("difference = margin = 0.5 SD", 0.5, 0.5),
    ):
        found = [family_errors([truth] * m, [margin] * m, simulations=simulations) for m in sizes]
        _print(f"rule, {label}", zip(map(str, sizes), found, strict=True))
        spread = [1.96 * one.error for one in found]
        left.errorbar(sizes, [one.rate for one in found], yerr=spread, marker="o", label=label)
    left.set_xscale("log", base=2)
    left.set_xticks(sizes, map(str, sizes))
    left.set_xlabel("claims of the family")
    left.set_ylabel("any false verdict")
    left.set_title(f"fairbench extend, looks at {', '.join(map(str, LOOKS))} seeds", fontsize=9)
    left.legend(fontsize=7)
    designs = {"3 to 20, each": EVERY, "3, 5, 10, 20": (3, 5, 10, 20), "5, 10, 15, 20": LOOKS}
    rates = [
        boundary_error(looks, pocock_boundary(looks), simulations=simulations)
        for looks in designs.values()
    ]
    _print("normal (Pocock) boundary on t", zip(designs, rates, strict=True))
    right.bar([*designs], [r.rate for r in rates], yerr=[1.96 * r.error for r in rates])
    right.set_xlabel("looks")
    right.set_title("normal (Pocock) boundary on t, one claim", fontsize=9)
    for axes in (left, right):
        axes.axhline(0.05, color="black", linestyle=":", linewidth=1)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "sequential.svg"
    figure.savefig(path, metadata={"Date": None})
    return path


def _print(what: str, rates: Iterable[tuple[str, ErrorRate]]) -> None:
    for name, found in rates:
        print(f"{what}; {name}: {100 * found.rate:.2f}% ± {100 * found.error:.2f}")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    print(draw(parser.parse_args().out))
