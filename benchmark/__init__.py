"""fairbench: train CLIP models with interchangeable fairness methods, and compare them.

`benchmark.run(...)`, `benchmark.compare(...)` and `benchmark.ablate(...)` do in a notebook what
the commands of the same names do. They are imported when first used, so that importing the
package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.version import __version__

if TYPE_CHECKING:
    from benchmark.ablation.api import ablate
    from benchmark.api import run
    from benchmark.comparison import Comparison, compare
    from benchmark.errors import FairbenchError

__all__ = ["Comparison", "FairbenchError", "__version__", "ablate", "compare", "run"]

_HOME = {
    "ablate": "benchmark.ablation.api",
    "run": "benchmark.api",
    "compare": "benchmark.comparison",
    "Comparison": "benchmark.comparison",
    "FairbenchError": "benchmark.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'benchmark' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
