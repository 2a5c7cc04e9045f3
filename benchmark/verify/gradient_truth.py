"""How far each distance's gradient is from the exact one.

    python -m benchmark.verify.gradient_truth

On the line the exact derivative of every distance here is known in closed form. The recorded
inputs of a pack give realistic scores; each solver's gradient at them is compared with the
exact one, and with itself after float32 noise of 1e-7 on the scores. Prints a Markdown table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from benchmark.randomness import generator
from benchmark.verify.pack import SHIPPED
from variants import distances
from variants.objective import Features
from variants.scores import pair_scores

BLUR, SCALING, BANDWIDTH = 1e-4, 0.95, 0.05
NOISE = 1e-7

Distance = Callable[[Tensor, Tensor, str], Tensor]

RELEASED = "as released"
"""Marks the distance that is fed the released code's scores instead of L_ii."""

DISTANCES: dict[str, Distance] = {
    f"sinkhorn, scaling 0.5, {RELEASED}": lambda x, y, solver: distances.sinkhorn(
        x, y, blur=BLUR, scaling=0.5, solver=solver
    ),
    "sinkhorn, scaling 0.95": lambda x, y, solver: distances.sinkhorn(
        x, y, blur=BLUR, scaling=SCALING, solver=solver
    ),
    "sinkhorn, scaling 0.5": lambda x, y, solver: distances.sinkhorn(
        x, y, blur=BLUR, scaling=0.5, solver=solver
    ),
    "energy": lambda x, y, solver: distances.energy(x, y, solver=solver),
    "gaussian": lambda x, y, solver: distances.gaussian(x, y, bandwidth=BANDWIDTH, solver=solver),
    "laplacian": lambda x, y, solver: distances.laplacian(x, y, bandwidth=BANDWIDTH, solver=solver),
    "gaussian, median bandwidth": lambda x, y, solver: distances.gaussian(
        x, y, bandwidth="median", solver=solver
    ),
}
SOLVERS = ("geomloss-fp32", "geomloss-fp64")


def main(pack: Annotated[Path, typer.Option(help="Folder with loss_inputs.*")] = SHIPPED) -> None:
    """Print one row for each distance, solver and logit scale."""
    print(
        "| distance | solver | s | pairs | relative error, median | worst "
        "| norm / exact norm, median | change under 1e-7 noise, median |"
    )
    print("|" + " --- |" * 8)
    for name, distance in DISTANCES.items():
        scored = list(score_pairs(pack, released=RELEASED in name))
        for solver in SOLVERS:
            for scale in sorted({s for s, _, _ in scored}):
                pairs = [(x, y) for s, x, y in scored if s == scale]
                print(f"| {name} | `{solver}` | {scale:g} | {_row(distance, solver, pairs)} |")


def score_pairs(pack: Path, released: bool) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Yield (s, batch scores, group scores) of every recorded case and group.

    Scores are L_ii; or, as released, (L·L)_ii with those of the group divided by their sum.
    """
    score = "squared-logits" if released else "logit"
    cases = json.loads((pack / "loss_inputs.json").read_text(encoding="utf-8"))["cases"]
    with np.load(pack / "loss_inputs.npz", allow_pickle=False) as arrays:
        for case in cases:
            prefix, s = f"c{case['case']:02d}_", float(case["s"])
            batch = _scores(arrays, prefix, s, score)
            for side in "AB":
                for group in range(len(case[f"groups_{side}"])):
                    scores = _scores(arrays, f"{prefix}{side}{group}_", s, score)
                    yield s, batch, scores / scores.sum() if released else scores


def _scores(arrays: Any, prefix: str, s: float, score: str) -> Tensor:
    pairs = Features(
        _features(arrays[prefix + "img"]), _features(arrays[prefix + "txt"]), torch.tensor(s)
    )
    return pair_scores(pairs, score)


def _features(codes: NDArray[np.int8]) -> Tensor:
    """Return rows of norm 1, as the pack defines them."""
    rows = codes.astype(np.float64)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return torch.from_numpy(unit.astype(np.float32))


def _row(distance: Distance, solver: str, pairs: list[tuple[Tensor, Tensor]]) -> str:
    errors, norms, changes = [], [], []
    for x, y in pairs:
        exact = _gradient(distance, "exact", x, y)
        if exact.norm() < 1e-12:  # a kernel that sees nothing has no direction to be wrong about
            continue
        found = _gradient(distance, solver, x, y)
        noise = generator(0, "noise", len(x)).standard_normal(len(x)).astype(np.float32)
        moved = _gradient(distance, solver, x * (1 + NOISE * torch.from_numpy(noise)), y)
        errors.append(float((found - exact).norm() / exact.norm()))
        norms.append(float(found.norm() / exact.norm()))
        changes.append(float((moved - found).norm() / max(float(found.norm()), 1e-30)))
    if not errors:
        return "0 | n.e. | n.e. | n.e. | n.e."
    numbers = (np.median(errors), max(errors), np.median(norms), np.median(changes))
    return f"{len(errors)} | " + " | ".join(f"{number:.2g}" for number in numbers)


def _gradient(distance: Distance, solver: str, x: Tensor, y: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(leaf, y, solver), leaf)
    return gradient.double()


if __name__ == "__main__":
    typer.run(main)
