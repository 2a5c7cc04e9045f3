"""Two arrays of the same units, checked before they are compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def same_shape(
    x: ArrayLike, y: ArrayLike, *axes: str, leave_out: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both as float64.

    Args:
        x: With these axes, finite.
        y: The same.
        axes: What each axis is, for the message.
        leave_out: What a caller with a value that is not finite should do without.

    Raises:
        ValueError: shapes differ or have other axes, or a value is not finite.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.ndim != len(axes) or a.shape != b.shape:
        form = ", ".join(axes)
        raise ValueError(f"x has shape {a.shape}, y {b.shape}; expected the same ({form})")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError(f"a value is not finite; leave that {leave_out}")
    return a, b
