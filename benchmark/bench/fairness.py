"""What the distances of all groups cost: against a loop over geomloss, and as a share of a step.

Scores are drawn in the ranges that the methods have. A term is the distances of one step, forward
and backward, without the passes that give the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from benchmark.bench.figure import Figure

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Term = Callable[[Tensor, Sequence[Tensor]], Sequence[Tensor]]


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        batch: Pairs of the main batch and of each group.
        groups: How many of them; race has three.
        repeats: Of each measurement; their median counts.
        model: Whose step the terms are compared with, beside that of the tiny CLIP.
        pairs: Of its batches on a CPU, scaled up to `batch`.
    """

    batch: int = 32
    groups: int = 3
    repeats: int = 9
    model: str = "ViT-B-16"
    pairs: int = 4


FULL = Sizes()


@dataclass(frozen=True)
class Setting:
    """Sinkhorn's keys of a method, and what its scores are like."""

    name: str
    solver: str
    scaling: float
    released: bool
    """Squared logits of the batch, and those of groups divided by their sum; otherwise logits."""


SETTINGS = (
    Setting("fairclip", "geomloss-fp32", 0.5, released=True),
    Setting("fairclip, float64", "geomloss-fp64", 0.5, released=True),
    Setting("fairclip-plus", "geomloss-fp32", 0.95, released=False),
)
BLUR = 1e-4


def bench_fairness(
    progress: Callable[[str], None] = lambda _: None, sizes: Sizes = FULL
) -> list[Figure]:
    """Return seconds and kernels of the terms, of geomloss for them, and shares of a step."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    figures, terms = [], {}
    for setting in SETTINGS:
        progress(f"fairness: {setting.name}")
        compared = _compared(setting, device, sizes)
        figures += compared
        terms[setting.name] = compared[0].value
    progress("fairness: kernels")
    figures.append(_counted(SETTINGS[0], device, sizes))
    for name, term in _others().items():
        progress(f"fairness: {name}")
        work = _backward(term, _scores(False, device, sizes))
        (took,) = _alternating([work], device, sizes.repeats)
        figures.append(Figure(name, took, "s", "", "one group after the other"))
    target = "< 10 %" if device.type == "cuda" else "< 5 %"
    for model in ("tiny", sizes.model):
        progress(f"fairness: a step of {model}")
        step, note = _step(model, device, sizes)
        for name, took in terms.items():
            share = 100 * took / (step + took)
            what = f"{name}: share of a step, {model}"
            figures.append(Figure(what, share, "%", "" if model == "tiny" else target, note))
    return figures


def _compared(setting: Setting, device: torch.device, sizes: Sizes) -> list[Figure]:
    """Return the seconds of one solve for all groups, and how many times that geomloss takes."""
    sets = _scores(setting.released, device, sizes)
    works = [_backward(term(setting), sets) for term in (_batched, _geomloss)]
    one, loop = _alternating(works, device, sizes.repeats)
    name, note = setting.name, f"{sizes.groups} groups of {sizes.batch}, on {device.type}"
    return [
        Figure(name, one, "s", "", note),
        Figure(
            f"{name}: geomloss / fairbench", loop / one, "×", "> 1 ×", f"geomloss: {loop:.4f} s"
        ),
    ]


def _counted(setting: Setting, device: torch.device, sizes: Sizes) -> Figure:
    """Return the kernels of one solve for all groups, with those of geomloss."""
    sets = _scores(setting.released, device, sizes)
    few, many = (_kernels(_backward(term(setting), sets)) for term in (_batched, _geomloss))
    note = f"geomloss: {many}"
    return Figure(f"{setting.name}: kernels", few, "", "", note)


def _batched(setting: Setting) -> Term:
    from variants.distances import sinkhorn_to_each

    return lambda x, groups: sinkhorn_to_each(
        x, groups, blur=BLUR, scaling=setting.scaling, solver=setting.solver
    )


def _geomloss(setting: Setting) -> Term:
    """Return the same distances as the public codes have them."""
    import torch
    from geomloss import SamplesLoss

    dtype = torch.float64 if setting.solver == "geomloss-fp64" else torch.float32
    loss = SamplesLoss("sinkhorn", p=2, blur=BLUR, scaling=setting.scaling)
    return lambda x, groups: [loss(x.to(dtype)[:, None], y.to(dtype)[:, None]) for y in groups]


def _others() -> dict[str, Term]:
    from variants.distances import gaussian, laplacian, wasserstein

    def mmd(kernel: Callable[..., Tensor]) -> Term:
        return lambda x, groups: [
            kernel(x, y, bandwidth=0.05, solver="geomloss-fp32") for y in groups
        ]

    return {
        "exact": lambda x, groups: [wasserstein(x, y) for y in groups],
        "mmd-gaussian": mmd(gaussian),
        "mmd-laplacian": mmd(laplacian),
    }


def _scores(released: bool, device: torch.device, sizes: Sizes) -> list[Tensor]:
    """Return float32 scores of the main batch and of every group."""
    import torch

    noise = torch.Generator().manual_seed(0)
    shape = (sizes.groups + 1, sizes.batch)
    logits = 25 + 4 * torch.randn(shape, generator=noise)
    if released:
        squared = sizes.batch * logits**2
        logits = torch.cat([squared[:1], squared[1:] / squared[1:].sum(dim=1, keepdim=True)])
    return [*logits.to(device)]


def _backward(term: Term, sets: Sequence[Tensor]) -> Callable[[], None]:
    """Return what takes a term and its gradient at the scores of the main batch."""
    import torch

    x, *groups = sets
    leaf = x.clone().requires_grad_()

    def work() -> None:
        torch.autograd.grad(torch.stack([*term(leaf, groups)]).sum(), leaf)

    return work


def _alternating(
    works: Sequence[Callable[[], object]], device: torch.device, repeats: int
) -> list[float]:
    """Return the median seconds of each, taken in turn: of the processor, or until CUDA is done."""
    import torch

    cuda = device.type == "cuda"
    found: list[list[float]] = [[] for _ in works]
    for _ in range(repeats + 1):
        for work, seconds in zip(works, found, strict=True):
            start = perf_counter() if cuda else process_time()
            work()
            if cuda:
                torch.cuda.synchronize()
            seconds.append((perf_counter() if cuda else process_time()) - start)
    return [median(seconds[1:]) for seconds in found]  # the first warms up


def _kernels(work: Callable[[], object]) -> int:
    """Return how many operators compute something; on a GPU each is a launch or a few."""
    from torch.profiler import ProfilerActivity, profile

    free = {"aten::as_strided", "aten::view", "aten::empty", "aten::empty_strided", "aten::resize_"}
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        work()
    operators = (event for event in profiled.events() if event.name.startswith("aten::"))
    return sum(not event.cpu_children and event.name not in free for event in operators)


def _step(name: str, device: torch.device, sizes: Sizes) -> tuple[float, str]:
    """Return the seconds of the bare passes of one step, and how they were found.

    The main batch goes forward and backward, each group forward without gradient.
    """
    import torch

    from benchmark.model import load_model
    from variants.contrastive import contrastive_loss
    from variants.objective import Features

    model = load_model(name)
    module: Any = model.module.to(device).train()
    small = name != "tiny" and device.type == "cpu"
    pairs = sizes.pairs if small else sizes.batch
    size = module.visual.image_size
    height, width = (size, size) if isinstance(size, int) else size
    images = torch.randn(pairs, 3, height, width, device=device)
    notes = torch.from_numpy(model.tokenizer(["a photo of glaucoma"] * pairs)).to(device)

    def features() -> Features:
        image = module.encode_image(images, normalize=True)
        text = module.encode_text(notes, normalize=True)
        return Features(image, text, module.logit_scale.exp())

    def step() -> None:
        torch.autograd.backward(contrastive_loss(features()))
        with torch.no_grad():
            for _ in range(sizes.groups):
                features()

    (took,) = _alternating([step], device, 1 if small else 3)
    scale = sizes.batch / pairs
    note = f"beside {took * scale:.3g} s of bare passes"
    return took * scale, f"{note}, scaled from {pairs} pairs" if scale > 1 else note
