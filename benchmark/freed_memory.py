"""What becomes of memory that a CPU training frees: it stays, for the next step."""

from __future__ import annotations

import ctypes

KEPT = 2**30
"""Bytes at the end of the heap that are kept though nothing uses them."""

LARGEST = 2**25
"""Bytes of the largest block that comes from the heap; the most that glibc promises to take."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of <malloc.h>


def keep_freed_memory() -> bool:
    """Have the C library keep freed memory for later, and return whether it does.

    glibc gives blocks of some megabytes back to the system when they are freed. A step frees and
    takes the same blocks again and again, and each time the system fills them with zeros: up to
    a tenth of the step of a small model, and more of passes with all groups in one. No number
    depends on it. It holds for the process, from now on. Other C libraries are left as they are.

    Source: mallopt(3) of the Linux manual.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(_TRIM_THRESHOLD, KEPT))
