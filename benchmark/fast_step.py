"""The faster step: which kernels it takes, and that nothing but a run's identity decides it.

`RunConfig.fast` says which runs take it. What is on the table and was not taken:

- TF32 products: under autocast nearly every product is in bfloat16 already. The rest (losses,
  distances) is small and the place where precision counts.
- `torch.compile`: on a CPU it saves a tenth of a step of the shipped tiny CLIP and takes minutes,
  again for every new batch size. No GPU has measured it, nor CUDA graphs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Literal

from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmark.config import RunConfig
from benchmark.numerics import numerics


@dataclass(frozen=True)
class StepKernels:
    """What a step is computed by.

    Attributes:
        optimiser: `plain`, operation by operation; or `fused`, one kernel for all of an update.
        attention: `default`, what torch picks for `scaled_dot_product_attention`; or `products`,
            two matrix products and a softmax.
    """

    optimiser: Literal["plain", "fused"] = "plain"
    attention: Literal["default", "products"] = "default"

    def described(self) -> dict[str, str]:
        """Return the choices as a run's provenance holds them."""
        return asdict(self)


def step_kernels(config: RunConfig) -> StepKernels:
    """Return the kernels that the steps of a run take, by its identity alone."""
    if not config.fast:
        return StepKernels()
    # On a CPU the backward pass of torch's flash attention is five times slower in bfloat16 than
    # in float32, and half of a step of the tiny CLIP.
    return StepKernels("fused", "products" if config.device == "cpu" else "default")


@contextmanager
def step_numerics(config: RunConfig) -> Iterator[None]:
    """Set the process-wide state that a run's numbers depend on, and put back what was there."""
    attention: AbstractContextManager[object] = nullcontext()
    if step_kernels(config).attention == "products":
        attention = sdpa_kernel(SDPBackend.MATH)
    with numerics(config.threads, config.protocol.deterministic), attention:
        yield
