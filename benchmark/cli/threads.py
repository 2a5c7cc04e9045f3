"""One thread for commands whose arrays are small, before numpy comes in."""

from __future__ import annotations

import os


def prefer_one_thread() -> None:
    """Ask numeric libraries that are not loaded yet for one thread, unless the user asked."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
